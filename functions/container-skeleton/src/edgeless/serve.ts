import { type handleUnaryCall, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { CallFailed, type CreateFunction, type EdgelessFunction } from "./function.js";
import { readBoot, readInit, readInput, writeCallReturn } from "./messages.js";
import { NodeClient } from "./node-client.js";

/** A function that waits for its node. */
export interface FunctionServer {
  /** With the port that is really bound. */
  readonly url: string;
  close(): void;
}

/** One life of the function: from its boot to its stop or the next boot. */
interface Life {
  readonly edgeless: NodeClient;
  readonly instance: EdgelessFunction;
  ready: boolean;
}

const NOTHING = new Uint8Array();
const REFUSED = writeCallReturn({ type: "err" });

/**
 * Serves a function to its node: `GuestAPIFunction`. A boot begins a new life whatever was before; events before the init and
 * after the stop have no effect.
 * @param endpoint `http://host:port`
 */
export async function serve(endpoint: string, createFunction: CreateFunction): Promise<FunctionServer> {
  let life: Life | undefined;
  const active = () => (life?.ready === true ? life : undefined);
  const handlers: Readonly<Record<string, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
    async Boot(bytes) {
      life?.edgeless.close();
      const edgeless = new NodeClient(readBoot(bytes));
      life = { edgeless, instance: createFunction(edgeless), ready: false };
      return NOTHING;
    },
    async Init(bytes) {
      const booted = life;
      if (booted === undefined || booted.ready) return NOTHING;
      const { payload, state } = readInit(bytes);
      await booted.instance.init(payload, state);
      booted.ready = true;
      return NOTHING;
    },
    async Cast(bytes) {
      const { source, message } = readInput(bytes);
      await active()?.instance.cast(source, message);
      return NOTHING;
    },
    async Call(bytes) {
      const called = active();
      if (called === undefined) return REFUSED;
      const { source, message } = readInput(bytes);
      try {
        const answer = await called.instance.call(source, message);
        return writeCallReturn(
          answer === undefined ? { type: "no-reply" } : { type: "reply", message: answer },
        );
      } catch (error) {
        if (error instanceof CallFailed) return REFUSED;
        throw error;
      }
    },
    async Stop() {
      const stopped = active();
      if (stopped === undefined) return NOTHING;
      life = undefined;
      await stopped.instance.stop();
      stopped.edgeless.close();
      return NOTHING;
    },
  };
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  for (const [name, handle] of Object.entries(handlers)) {
    server.addService({ [name]: method(name) }, { [name]: unary(handle) });
  }
  const url = new URL(endpoint);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${url.hostname}:${url.port || "80"}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { url: `http://${url.hostname}:${port}`, close: () => server.forceShutdown() };
}

function unary(
  handle: (bytes: Uint8Array) => Promise<Uint8Array>,
): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, callback) => {
    handle(call.request).then(
      (answer) => callback(null, answer),
      (error: unknown) => {
        console.error(error);
        callback({ code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) });
      },
    );
  };
}

function method(name: string) {
  return {
    path: `/edgeless_api.GuestAPIFunction/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
    requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
  } as const;
}
