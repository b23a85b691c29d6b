import { parseArgs } from "node:util";
import { serve } from "./edgeless/serve.js";
import { createFunction } from "./function.js";

const { values } = parseArgs({
  options: { endpoint: { type: "string", default: "http://127.0.0.1:7101" } },
});
const server = await serve(values.endpoint, createFunction);
console.log(`listening at ${server.url}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    process.exit(0);
  });
}
