// A function on the container skeleton that does what its messages say; arguments: where to listen.
import { CallFailed } from "../../../../functions/container-skeleton/src/edgeless/function.ts";
import { serve } from "../../../../functions/container-skeleton/src/edgeless/serve.ts";

const server = await serve(process.argv[2], (edgeless) => {
  let started = "";
  return {
    async init(payload, state) {
      if (payload === "refuse") throw new Error("no init today");
      started = `${payload}|${state ?? "none"}`;
      await edgeless.cast("early", started);
    },
    async cast(source, message) {
      const [verb, ...words] = message.split(" ");
      const text = words.join(" ");
      switch (verb) {
        case "hang":
          await edgeless.cast("output", "hanging");
          return await new Promise(() => undefined);
        case "throw":
          throw new Error("thrown on request");
        case "exit":
          process.exit(3);
          break;
        case "sync":
          await edgeless.sync(text);
          break;
        case "ask":
          try {
            await edgeless.cast("output", (await edgeless.call("next", text)) ?? "no reply");
          } catch (error) {
            if (!(error instanceof CallFailed)) throw error;
            await edgeless.cast("output", "failed");
          }
          break;
        case "later":
          await edgeless.delayedCast("output", text, 20);
          break;
        case "back":
          await edgeless.castTo(source, text);
          break;
        case "log":
          await edgeless.log("warn", text);
          break;
        default:
          await edgeless.cast("output", message);
      }
    },
    async call(_source, message) {
      if (message === "refuse") throw new CallFailed();
      if (message === "throw") throw new Error("thrown on request");
      if (message === "silent") return undefined;
      if (message === "hang") return await new Promise(() => undefined);
      if (message.startsWith("relay ")) return await edgeless.call("next", message.slice("relay ".length));
      return `${started}|${message}`;
    },
    async stop() {
      await edgeless.cast("output", "stopped");
    },
  };
});
console.log(server.url);
