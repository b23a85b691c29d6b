import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { urlToHttpOptions } from "node:url";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { StringMap } from "../../core/specification.js";
import type { TextBudget } from "../functions/text-budget.js";
import { isHeaderName, isHeaderValue, visibleHeaders } from "./http-headers.js";
import type { HttpMethod, HttpResponse } from "./http-message.js";
import { nextHop } from "./http-redirect.js";
import type { OutgoingRequest } from "./outgoing-request.js";
import { readBody } from "./read-body.js";

/** Limits of an {@link HttpClient}. */
export interface HttpClientOptions {
  readonly clock: Clock;
  /** From the start to the last byte of the answer, redirects included, milliseconds. */
  readonly timeoutMs: number;
  /** Longest body of an answer, bytes. */
  readonly maxBodyBytes: number;
  /** Bytes of the answers that all clients with this budget read at a time; absent: no matter. */
  readonly budget?: TextBudget;
  /** Certificates (PEM) to trust instead of those of Node.js. */
  readonly ca?: string;
}

/** Redirects that are followed in a row. */
const MOST_REDIRECTS = 10;
/** How long an unused connection is kept, milliseconds: shorter than any usual server does. */
const IDLE_MS = 1_500;
/** The client frames messages itself. */
const FRAMING = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];
/** Methods whose requests say how long their body is even when there is none (RFC 9110 section 8.6). */
const TAKES_BODY: readonly HttpMethod[] = ["Post", "Put", "Patch"];
/** Methods that may be sent again without asking (RFC 9110 section 9.2.2). */
const REPEATABLE: readonly HttpMethod[] = ["Get", "Head", "Put", "Delete"];

/** Sends HTTP/1.1 requests over kept connections; every request has a deadline. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #plain = new HttpAgent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 32 });
  readonly #secure: HttpsAgent;
  readonly #running = new Set<AbortController>();
  #closed = false;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    const trust = options.ca === undefined ? {} : { ca: options.ca };
    this.#secure = new HttpsAgent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 32, ...trust });
  }

  /**
   * Sends a request and follows redirects. Any status is an answer, not an error.
   * @throws EdgelessError EDGELESS_TIMEOUT, EDGELESS_UNREACHABLE, EDGELESS_REJECTED (it cannot be sent, or too many
   * redirects, or no memory for the answer) or EDGELESS_BAD_MESSAGE (the answer is too long)
   */
  async send(request: OutgoingRequest): Promise<HttpResponse> {
    if (this.#closed) throw new EdgelessError("EDGELESS_UNREACHABLE", "the HTTP client is closed");
    const abort = new AbortController();
    const { clock, timeoutMs } = this.#options;
    let late = false;
    const room = new AnswerRoom(this.#options.budget);
    const timer = clock.setTimer(timeoutMs, () => {
      late = true;
      abort.abort();
    });
    this.#running.add(abort);
    try {
      return await this.#follow(request, abort.signal, room);
    } catch (error) {
      if (error instanceof EdgelessError) throw error;
      const what = `${request.method.toUpperCase()} ${request.url.origin}`;
      if (late) throw new EdgelessError("EDGELESS_TIMEOUT", `${what}: no answer in ${timeoutMs} ms`);
      throw new EdgelessError("EDGELESS_UNREACHABLE", `${what}: ${describe(error)}`, error);
    } finally {
      timer.cancel();
      room.leave();
      this.#running.delete(abort);
    }
  }

  /** Ends all requests and connections. */
  close(): void {
    this.#closed = true;
    for (const abort of this.#running) abort.abort();
    this.#plain.destroy();
    this.#secure.destroy();
  }

  async #follow(first: OutgoingRequest, signal: AbortSignal, room: AnswerRoom): Promise<HttpResponse> {
    let request = first;
    for (let hops = 0; ; hops++) {
      const message = await this.#exchange(request, signal);
      const next = nextHop(request, message.statusCode ?? 0, message.headers.location);
      if (next === undefined) return await this.#read(message, room);
      message.destroy();
      if (hops === MOST_REDIRECTS) {
        throw new EdgelessError(
          "EDGELESS_REJECTED",
          `more than ${MOST_REDIRECTS} redirects from ${first.url.origin}`,
        );
      }
      request = next;
    }
  }

  /** One request and the head of its answer; tried again when a kept connection turned out to be closed. */
  async #exchange(request: OutgoingRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const sent = this.#begin(request, signal);
    try {
      return await headOf(sent, request.body);
    } catch (error) {
      if (!sent.reusedSocket || signal.aborted || !REPEATABLE.includes(request.method)) throw error;
      return await headOf(this.#begin(request, signal), request.body);
    }
  }

  #begin({ method, url, headers, body }: OutgoingRequest, signal: AbortSignal): ClientRequest {
    const secure = url.protocol === "https:";
    const target = urlToHttpOptions(url);
    const options = {
      ...target,
      method: method.toUpperCase(),
      headers: fields(method, headers, body),
      signal,
    };
    if (!secure) return httpRequest({ ...options, agent: this.#plain });
    const name = typeof options.hostname === "string" ? options.hostname : "";
    // The certificate is that of the URL, whatever the Host header says.
    return httpsRequest({ ...options, agent: this.#secure, servername: isIP(name) === 0 ? name : "" });
  }

  async #read(message: IncomingMessage, room: AnswerRoom): Promise<HttpResponse> {
    const { maxBodyBytes } = this.#options;
    const body = await readBody(message, maxBodyBytes, 0, (bytes) => room.take(bytes));
    if (body === undefined) {
      message.destroy();
      throw new EdgelessError("EDGELESS_BAD_MESSAGE", `the answer is longer than ${maxBodyBytes} bytes`);
    }
    return { status: message.statusCode ?? 0, body, headers: visibleHeaders(message.rawHeaders) };
  }
}

/** The share of one answer in the budget of all. */
class AnswerRoom {
  readonly #budget: TextBudget | undefined;
  #taken = 0;

  constructor(budget: TextBudget | undefined) {
    this.#budget = budget;
  }

  /** @throws EdgelessError EDGELESS_REJECTED when the answers being read take too much memory */
  take(bytes: number): void {
    if (this.#budget?.take(bytes) === false)
      throw new EdgelessError("EDGELESS_REJECTED", "too many long answers are being read at a time");
    this.#taken += bytes;
  }

  leave(): void {
    this.#budget?.give(this.#taken);
  }
}

function headOf(request: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
    request.end(body);
  });
}

function fields(
  method: HttpMethod,
  headers: StringMap,
  body: Uint8Array | undefined,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (!isHeaderName(name) || !isHeaderValue(value))
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `the header ${JSON.stringify(name.slice(0, 60))} cannot be sent`,
      );
    if (!FRAMING.includes(name.toLowerCase())) result[name] = value;
  }
  if (body !== undefined || TAKES_BODY.includes(method)) result["content-length"] = String(body?.length ?? 0);
  return result;
}

/** Connection errors to several addresses carry no text of their own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  return reasonOf(error);
}
