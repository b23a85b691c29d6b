import { Client, credentials } from "@grpc/grpc-js";
import { type Answer, CallFailed, type Edgeless, type InstanceId, type LogLevel } from "./function.js";
import {
  type Boot,
  readCallReturn,
  writeDelayed,
  writeLog,
  writeOutput,
  writeRawOutput,
  writeSync,
} from "./messages.js";

/** Longest answer of the node, milliseconds; it ends calls without an answer by itself before. */
const DEADLINE_MS = 120_000;

/** The node that booted this function: its `GuestAPIHost` service. */
export class NodeClient implements Edgeless {
  readonly self: InstanceId;
  readonly #client: Client;

  constructor({ hostUrl, self }: Boot) {
    this.self = self;
    const { hostname, port } = new URL(hostUrl);
    this.#client = new Client(`${hostname}:${port || "80"}`, credentials.createInsecure(), {
      "grpc.max_reconnect_backoff_ms": 1000,
      "grpc.max_receive_message_length": -1,
      "grpc.enable_http_proxy": 0,
    });
  }

  async cast(output: string, message: string): Promise<void> {
    await this.#send("Cast", writeOutput(this.self, output, message));
  }

  async castTo(target: InstanceId, message: string): Promise<void> {
    await this.#send("CastRaw", writeRawOutput(this.self, target, message));
  }

  async call(output: string, message: string): Promise<Answer> {
    return answerOf(await this.#send("Call", writeOutput(this.self, output, message)));
  }

  async callTo(target: InstanceId, message: string): Promise<Answer> {
    return answerOf(await this.#send("CallRaw", writeRawOutput(this.self, target, message)));
  }

  async delayedCast(output: string, message: string, delayMs: number): Promise<void> {
    await this.#send("DelayedCast", writeDelayed(this.self, output, message, delayMs));
  }

  async log(level: LogLevel, message: string): Promise<void> {
    await this.#send("TelemetryLog", writeLog(this.self, level, "function", message));
  }

  async sync(state: string): Promise<void> {
    await this.#send("Sync", writeSync(this.self, state));
  }

  close(): void {
    this.#client.close();
  }

  #send(method: string, request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/edgeless_api.GuestAPIHost/${method}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer): Uint8Array => bytes,
        request,
        { deadline: Date.now() + DEADLINE_MS },
        (error, answer) => {
          if (error !== null) reject(error);
          else resolve(answer ?? new Uint8Array());
        },
      );
    });
  }
}

function answerOf(bytes: Uint8Array): Answer {
  const answer = readCallReturn(bytes);
  if (answer.type === "err") throw new CallFailed();
  return answer.type === "reply" ? answer.message : undefined;
}
