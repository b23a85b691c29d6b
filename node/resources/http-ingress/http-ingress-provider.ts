import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../../../core/clock.js";
import { authority, type Endpoint, formatEndpoint, parseEndpoint } from "../../../core/endpoint.js";
import { EdgelessError } from "../../../core/errors.js";
import { METADATA_NONE } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { Logger } from "../../../core/log.js";
import { type Random, uniform } from "../../../core/random.js";
import type { StringMap } from "../../../core/specification.js";
import { FUNCTION_ID_NONE } from "../../../core/uuid.js";
import { closeHttp, listenHttp } from "../../../platform/listen-http.js";
import { FailureLog } from "../failure-log.js";
import { visibleHeaders } from "../http-headers.js";
import { encodeHttpRequest, type HttpResponse } from "../http-message.js";
import { readBody } from "../read-body.js";
import type {
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { methodNotAllowed, plainReply, replyFor } from "./ingress-reply.js";
import {
  type IngressRequest,
  type IngressRule,
  matches,
  parseIngressRule,
  parseMethod,
} from "./ingress-rule.js";
import { isFinalStatus, writeReply } from "./write-reply.js";

export const HTTP_INGRESS_CLASS: ResourceClass = {
  classType: "http-ingress",
  version: "2.1",
  outputs: ["new_request"],
  configurations: new Map([
    ["host", "take only requests whose Host header is exactly this; default any"],
    ["method", "take only these methods: a list like GET,POST; default any; methods means the same"],
    ["wf_id", "true: take only requests with wf_id=<workflow id> in their query; default false"],
    [
      "async",
      "true: cast the body and answer 200 OK at once; default false: call, and answer with the answer",
    ],
    ["encode_base64", "true, with async: cast the body as base64 instead of as UTF-8 text; default false"],
  ]),
  description: "Hands requests to the HTTP server of the node to the target of new_request.",
};

/** What {@link HttpIngressProvider} works with. */
export interface HttpIngressParts {
  readonly providerId: string;
  /** Where to listen: `http://host:port`; port 0 takes any free one. */
  readonly url: string;
  /** Longest request body, bytes. */
  readonly maxBodyBytes: number;
  /** Requests that are served at a time; others get 503. */
  readonly maxRequests: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How long requests may go on when the server closes, milliseconds. */
const CLOSING_MS = 1_000;
/** Connections that may be open, for each request that may be served at a time; further ones are closed at once. */
const CONNECTIONS_PER_REQUEST = 4;
/** How many bodies of the longest kind may be in memory. */
const MOST_BODIES = 32;

interface Ingress {
  readonly rule: IngressRule;
  readonly context: ResourceContext;
  target: InstanceId | undefined;
}

/** Resource class `http-ingress`: one HTTP/1.1 server per node, shared by all instances. */
export class HttpIngressProvider implements ResourceProviderHost {
  readonly resourceClass = HTTP_INGRESS_CLASS;
  readonly concurrency = 1;
  readonly #parts: HttpIngressParts;
  readonly #server: Server;
  readonly #endpoint: Endpoint;
  readonly #failures: FailureLog;
  readonly #instances = new Set<Ingress>();
  #running = 0;
  /** Bytes that the bodies of the running requests may take. */
  #reserved = 0;
  #closing = false;

  private constructor(parts: HttpIngressParts, server: Server, endpoint: Endpoint) {
    this.#parts = parts;
    this.#server = server;
    this.#endpoint = endpoint;
    this.#failures = new FailureLog(parts.clock, parts.logger);
    server.on("request", (request, response) => void this.#serve(request, response));
    server.on("error", (error) => this.#failures.add("http-ingress", error));
  }

  /**
   * Binds the server.
   * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE or EDGELESS_CANNOT_BIND
   */
  static async open(parts: HttpIngressParts): Promise<HttpIngressProvider> {
    const wanted = parseEndpoint(parts.url, "http_ingress_url");
    if (wanted.scheme !== "http")
      throw new EdgelessError("EDGELESS_BAD_URL", `http_ingress_url must be an http URL: "${parts.url}"`);
    const server = createServer({
      requireHostHeader: false,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 5_000,
      // How often the times above are looked at.
      connectionsCheckingInterval: 2_000,
    });
    server.maxConnections = CONNECTIONS_PER_REQUEST * parts.maxRequests;
    const endpoint = await listenHttp(server, wanted, "http_ingress_url");
    return new HttpIngressProvider(parts, server, endpoint);
  }

  get providerId(): string {
    return this.#parts.providerId;
  }

  /** Where it listens, with the actual port. */
  get url(): string {
    return formatEndpoint(this.#endpoint);
  }

  async start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance> {
    const rule = parseIngressRule(configuration, context.workflowId);
    const ingress: Ingress = { rule, context, target: undefined };
    this.#instances.add(ingress);
    return {
      handle: async () => ({ type: "err" }),
      patch(outputs) {
        const target = outputs.get("new_request");
        ingress.target = target?.functionId === FUNCTION_ID_NONE ? undefined : target;
        if (target === undefined)
          throw new EdgelessError(
            "EDGELESS_REJECTED",
            "the channel new_request is missing: it answers 404 now",
          );
      },
      stop: async () => {
        this.#instances.delete(ingress);
      },
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    await closeHttp(this.#server, CLOSING_MS);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", (error) => this.#failures.add("an answer of http-ingress was not sent", error));
    const share = bodyShare(request, this.#parts.maxBodyBytes);
    this.#running++;
    this.#reserved += share;
    try {
      const reply = await this.#answer(request);
      // An unread body would be taken for the next request.
      if (this.#closing || !request.complete) response.shouldKeepAlive = false;
      writeReply(response, reply);
    } catch (error) {
      this.#failures.add("a request to http-ingress failed", error);
      writeReply(response, plainReply(500, "Internal Server Error"));
    } finally {
      this.#running--;
      this.#reserved -= share;
    }
  }

  async #answer(message: IncomingMessage): Promise<HttpResponse> {
    const method = parseMethod(message.method ?? "");
    if (method === undefined) return methodNotAllowed();
    const { maxBodyBytes, maxRequests } = this.#parts;
    const isFull = this.#running > maxRequests || this.#reserved > MOST_BODIES * maxBodyBytes;
    if (this.#closing || isFull) return plainReply(503, "Service Unavailable");
    const body = await readBody(message, maxBodyBytes, maxBodyBytes);
    if (body === undefined) return plainReply(413, "Content Too Large");
    const host = message.headers.host ?? authority(this.#endpoint);
    const path = pathOf(message.url ?? "/");
    const ingress = this.#choose({ method, host, path });
    if (ingress?.target === undefined) return plainReply(404, "Not Found");
    if (ingress.rule.isAsync) return castBody(ingress.context, ingress.target, ingress.rule, body);
    const headers = visibleHeaders(message.rawHeaders);
    const payload = encodeHttpRequest({ method, protocol: "Unknown", host, path, body, headers });
    const outcome = await ingress.context.call(ingress.target, payload, METADATA_NONE);
    try {
      const reply = replyFor(outcome);
      if (isFinalStatus(reply.status)) return reply;
      throw new EdgelessError("EDGELESS_BAD_MESSAGE", `the status ${reply.status} cannot be sent`);
    } catch (error) {
      this.#failures.add("the target of http-ingress answered badly", error);
      return plainReply(502, "Bad Gateway");
    }
  }

  /** One of the instances that take the request and have a target, by chance. */
  #choose(request: IngressRequest): Ingress | undefined {
    const fitting = [...this.#instances].filter(
      ({ target, rule }) => target !== undefined && matches(rule, request),
    );
    return fitting[Math.floor(uniform(this.#parts.random) * fitting.length)];
  }
}

/** The memory that a body may take: as declared, else the most that is allowed. */
function bodyShare({ headers }: IncomingMessage, limit: number): number {
  if (headers["transfer-encoding"] !== undefined) return limit;
  return Math.min(limit, Number(headers["content-length"] ?? 0));
}

function castBody(
  context: ResourceContext,
  target: InstanceId,
  rule: IngressRule,
  body: Uint8Array,
): HttpResponse {
  const text = rule.encodeBase64 ? Buffer.from(body).toString("base64") : decodeText(body);
  if (text === undefined) return plainReply(400, "The body is not UTF-8");
  context.cast(target, text, METADATA_NONE);
  return plainReply(200, "OK");
}

function decodeText(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** Path and query of a request target, which may also be a whole URL (RFC 9112 section 3.2.2). */
function pathOf(target: string): string {
  if (target.startsWith("/") || !URL.canParse(target)) return target;
  return target.replace(/^[^:]*:\/\/[^/?#]*/, "") || "/";
}
