import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Clock } from "../../../core/clock.js";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import { readBody } from "../../resources/read-body.js";

/** One request to a container engine. */
export interface EngineRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** Whatever status the engine answered with. */
export interface EngineAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** What an {@link EngineSocket} works with. */
export interface EngineSocketOptions {
  readonly path: string;
  readonly clock: Clock;
  /** From the start to the last byte of an answer, milliseconds. */
  readonly timeoutMs: number;
}

/** Longest answer that is read, bytes. */
const LONGEST_ANSWER = 16 * 1024 * 1024;
/** The engine may be there again in a moment. */
const TRANSIENT = ["ECONNREFUSED", "ECONNRESET", "EPIPE"];

/** HTTP over the Unix socket of a container engine: one connection per request, a deadline for each. */
export class EngineSocket {
  readonly #options: EngineSocketOptions;
  readonly #running = new Set<AbortController>();
  #closed = false;

  constructor(options: EngineSocketOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and reads the whole answer.
   * @param extraMs added to the deadline, for requests that wait on the engine's side
   * @throws EdgelessError EDGELESS_CONTAINER_ENGINE (no connection, or it was cut), EDGELESS_TIMEOUT, EDGELESS_BAD_MESSAGE
   */
  async send(request: EngineRequest, extraMs = 0): Promise<EngineAnswer> {
    return await this.#limited(request, this.#options.timeoutMs + extraMs, async (signal) => {
      const message = await this.#exchange(request, signal);
      const body = await readBody(message, LONGEST_ANSWER);
      if (body !== undefined) return { status: message.statusCode ?? 0, body };
      message.destroy();
      throw new EdgelessError("EDGELESS_BAD_MESSAGE", `${this.#what(request)}: the answer is too long`);
    });
  }

  /**
   * Sends a request whose answer goes on without an end; only its beginning has a deadline.
   * @param signal ends it
   * @throws EdgelessError as {@link send}
   */
  async stream(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return await this.#limited(request, this.#options.timeoutMs, async (limit) => {
      const message = await this.#exchange(request, limit);
      const end = () => message.destroy();
      signal.addEventListener("abort", end, { once: true });
      message.once("close", () => signal.removeEventListener("abort", end));
      if (signal.aborted) end();
      return message;
    });
  }

  /** Gives up all requests; streams are ended by their own signals. */
  close(): void {
    this.#closed = true;
    for (const abort of this.#running) abort.abort();
  }

  async #limited<T>(
    request: EngineRequest,
    limitMs: number,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw this.#unusable(request, "the connection to the engine is closed");
    const abort = new AbortController();
    let late = false;
    const timer = this.#options.clock.setTimer(limitMs, () => {
      late = true;
      abort.abort();
    });
    this.#running.add(abort);
    try {
      return await work(abort.signal);
    } catch (error) {
      if (error instanceof EdgelessError) throw error;
      if (late)
        throw new EdgelessError("EDGELESS_TIMEOUT", `${this.#what(request)}: no answer in ${limitMs} ms`);
      throw this.#unusable(request, explain(error), error);
    } finally {
      timer.cancel();
      this.#running.delete(abort);
    }
  }

  #exchange({ method, path, body }: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string | number> = { host: "localhost", connection: "close" };
    if (text !== undefined) headers["content-type"] = "application/json";
    if (method === "POST") headers["content-length"] = Buffer.byteLength(text ?? "");
    return new Promise((resolve, reject) => {
      const options = {
        socketPath: this.#options.path,
        method,
        path,
        headers,
        signal,
        agent: false as const,
      };
      const sent = httpRequest(options);
      sent.on("response", resolve);
      sent.on("error", reject);
      sent.end(text);
    });
  }

  #unusable(request: EngineRequest, why: string, cause?: unknown): EdgelessError {
    return new EdgelessError("EDGELESS_CONTAINER_ENGINE", `${this.#what(request)}: ${why}`, cause);
  }

  #what({ method, path }: EngineRequest): string {
    return `container engine at ${this.#options.path}, ${method} ${path.replace(/\?.*/, "")}`;
  }
}

/** True when the same request may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  return error instanceof EdgelessError && TRANSIENT.includes(codeOf(error.cause));
}

function explain(error: unknown): string {
  const code = codeOf(error);
  if (code === "ENOENT") return "there is no such socket; is Docker or Podman running?";
  if (code === "EACCES" || code === "EPERM") return "this user may not use the socket";
  if (code === "ECONNREFUSED") return "nobody listens on the socket";
  return reasonOf(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
