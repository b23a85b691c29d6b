import { ChannelCredentials, Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import { authority, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError } from "../core/errors.js";
import { errorOf } from "./status.js";

/** A message type as ts-proto generates it. */
interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** A method as ts-proto defines it. */
interface StreamMethod<Request, Answer> {
  readonly name: string;
  readonly requestType: MessageType<Request>;
  readonly responseType: MessageType<Answer>;
}

/** A subscription that goes on until it is cancelled. */
export interface OpenStream {
  cancel(): void;
}

/** Takes what a stream brings. */
export interface StreamHandler<Answer> {
  readonly item: (answer: Answer) => void;
  /** The stream is over, with a fault or (undefined) as its peer wished; not called after `cancel`. */
  readonly ended: (reason: EdgelessError | undefined) => void;
}

/** Calls a peer of another project, whose methods also answer with streams, over one HTTP/2 connection without TLS. */
export class StreamClient {
  readonly #url: string;
  readonly #client: Client;

  /** @throws EdgelessError EDGELESS_BAD_URL */
  constructor(url: string) {
    const endpoint = parseEndpoint(url, "the URL of the peer");
    if (endpoint.scheme !== "http")
      throw new EdgelessError("EDGELESS_BAD_URL", "the URL of the peer must begin with http://");
    this.#url = `http://${authority(endpoint)}`;
    this.#client = new Client(authority(endpoint), ChannelCredentials.createInsecure(), {
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 5000,
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
    });
  }

  /** Waits for the connection. @throws EdgelessError EDGELESS_UNREACHABLE */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(new EdgelessError("EDGELESS_UNREACHABLE", `${this.#url} cannot be reached`, error));
      });
    });
  }

  /**
   * Calls a method; waits for the connection when it is interrupted.
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, EDGELESS_BAD_MESSAGE or EDGELESS_REJECTED
   */
  call<Request, Answer>(
    service: { readonly fullName: string },
    method: StreamMethod<Request, Answer>,
    request: Request,
    timeoutMs: number,
  ): Promise<Answer> {
    const path = `/${service.fullName}/${method.name}`;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
        (bytes: Buffer) => method.responseType.decode(bytes),
        request,
        new Metadata({ waitForReady: true }),
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          if (error !== null) reject(errorOf(error, this.#url + path));
          else if (answer === undefined)
            reject(new EdgelessError("EDGELESS_BAD_MESSAGE", `${path} answered nothing`));
          else resolve(answer);
        },
      );
    });
  }

  /** Opens a stream of answers. Without `timeoutMs` it may last for ever and fails at once when there is no connection. */
  open<Request, Answer>(
    service: { readonly fullName: string },
    method: StreamMethod<Request, Answer>,
    request: Request,
    handler: StreamHandler<Answer>,
    timeoutMs?: number,
  ): OpenStream {
    const path = `/${service.fullName}/${method.name}`;
    const stream = this.#client.makeServerStreamRequest(
      path,
      (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes: Buffer) => method.responseType.decode(bytes),
      request,
      new Metadata({ waitForReady: timeoutMs !== undefined }),
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    );
    let isOver = false;
    const end = (reason: EdgelessError | undefined) => {
      if (isOver) return;
      isOver = true;
      handler.ended(reason);
    };
    stream.on("data", (answer: Answer) => {
      if (!isOver) handler.item(answer);
    });
    stream.on("error", (error: ServiceError) => end(errorOf(error, this.#url + path)));
    stream.on("end", () => end(undefined));
    return {
      cancel() {
        isOver = true;
        stream.cancel();
      },
    };
  }

  /** The first item of a stream, or undefined when it ends without one. @throws EdgelessError as {@link call} */
  first<Request, Answer>(
    service: { readonly fullName: string },
    method: StreamMethod<Request, Answer>,
    request: Request,
    timeoutMs: number,
  ): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const item = (answer: Answer) => {
        resolve(answer);
        stream.cancel();
      };
      const ended = (reason: EdgelessError | undefined) => {
        if (reason === undefined) resolve(undefined);
        else reject(reason);
      };
      const stream = this.open(service, method, request, { item, ended }, timeoutMs);
    });
  }

  close(): void {
    this.#client.close();
  }
}
