import { isIP } from "node:net";
import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  connectivityState,
  Metadata,
} from "@grpc/grpc-js";
import type { Clock } from "../core/clock.js";
import { authority, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError } from "../core/errors.js";
import { systemClock } from "../platform/system-clock.js";
import type { Method } from "./method.js";
import { rawMethod } from "./service.js";
import { errorOf } from "./status.js";
import type { ClientTls } from "./tls.js";

/** Something that can be closed; afterwards every call fails with EDGELESS_UNREACHABLE. */
export interface Connection {
  /** Gives up the calls in progress. */
  close(): void;
}

/** Something that calls methods; see {@link PeerConnection.call}. */
export interface MethodCaller {
  call<Request, Answer>(method: Method<Request, Answer>, request: Request): Promise<Answer>;
}

/** Settings of a client. */
export interface ClientOptions {
  /** How long a call may take, milliseconds, connecting included. */
  readonly deadlineMs: number;
  /** Needed for `https`, ignored for `http`. */
  readonly tls?: ClientTls;
  readonly clock?: Clock;
}

/** A channel whose back-off lasts longer than this is replaced rather than waited for. */
const FRESH_CHANNEL_MS = 100;

const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.dns_min_time_between_resolutions_ms": 1000,
  // Finds a peer that vanished without a word while calls wait for it.
  "grpc.keepalive_time_ms": 5000,
  "grpc.keepalive_timeout_ms": 3000,
  "grpc.keepalive_permit_without_calls": 0,
  // A retried event could arrive twice or out of order.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
};

/**
 * Calls methods of one peer over one HTTP/2 connection, which is made at the first call and made again by itself.
 * After a failure to connect, the next call tries at once instead of waiting for the back-off of the channel.
 */
export class PeerConnection implements Connection {
  readonly #url: string;
  readonly #target: string;
  readonly #credentials: ChannelCredentials;
  readonly #options: ChannelOptions;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #calls = new Set<ClientUnaryCall>();
  #client: Client | undefined;
  #clientSinceMs = 0;
  #closed = false;

  /** @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_BAD_CONFIG when an https URL comes without certificates */
  constructor(url: string, options: ClientOptions) {
    const endpoint = parseEndpoint(url, "the URL of the peer");
    if (endpoint.scheme === "coap") {
      throw new EdgelessError("EDGELESS_BAD_URL", `gRPC needs an http or https URL, not ${url}`);
    }
    const { tls } = options;
    if (endpoint.scheme === "https" && tls === undefined) {
      throw new EdgelessError("EDGELESS_BAD_CONFIG", `${url} needs client_ca_path in the TLS configuration`);
    }
    const encrypted = endpoint.scheme === "https" ? tls : undefined;
    this.#url = url;
    this.#target = targetOf(endpoint);
    this.#credentials = credentials(encrypted);
    this.#options =
      encrypted === undefined
        ? CHANNEL_OPTIONS
        : { ...CHANNEL_OPTIONS, "grpc.ssl_target_name_override": encrypted.serverName };
    this.#deadlineMs = options.deadlineMs;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Calls a method. The requests of calls made one after the other are put on the wire in that order.
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, EDGELESS_BAD_MESSAGE, EDGELESS_REJECTED, or
   * EDGELESS_UNKNOWN_WORKFLOW from a peer of this project
   * @param host authority that the peer is told; by default that of its URL
   */
  async call<Request, Answer>(
    method: Method<Request, Answer>,
    request: Request,
    host?: string,
  ): Promise<Answer> {
    const bytes = method.request.encode(request);
    return method.answer.decode(await this.callRaw(method.path, bytes, this.#deadlineMs, host));
  }

  /**
   * Calls a method with bytes; see {@link call}.
   * @param deadlineMs shorter than that of the connection when part of the time is used up already
   */
  callRaw(
    path: string,
    request: Uint8Array,
    deadlineMs: number = this.#deadlineMs,
    host?: string,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new EdgelessError("EDGELESS_UNREACHABLE", `the connection to ${this.#url} is closed`));
        return;
      }
      const { requestSerialize, responseDeserialize } = rawMethod(path);
      const call = this.#usableClient().makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        // grpc-js compares deadlines with the clock of the host, whatever clock we are given.
        { deadline: Date.now() + deadlineMs, ...(host === undefined ? {} : { host }) },
        (error, answer) => {
          this.#calls.delete(call);
          if (error !== null) reject(errorOf(error, `${this.#url}${path}`));
          else resolve(answer ?? new Uint8Array(0));
        },
      );
      this.#calls.add(call);
    });
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.cancel();
    this.#calls.clear();
    this.#client?.close();
    this.#client = undefined;
  }

  #usableClient(): Client {
    const nowMs = this.#clock.monotonicMs();
    if (
      this.#client !== undefined &&
      this.#inBackOff(this.#client) &&
      nowMs - this.#clientSinceMs > FRESH_CHANNEL_MS
    ) {
      this.#client.close();
      this.#client = undefined;
    }
    if (this.#client === undefined) {
      this.#client = new Client(this.#target, this.#credentials, this.#options);
      this.#clientSinceMs = nowMs;
    }
    return this.#client;
  }

  #inBackOff(client: Client): boolean {
    return client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;
  }
}

function targetOf(endpoint: { readonly host: string; readonly port: number }): string {
  const family = isIP(endpoint.host);
  const scheme = family === 0 ? "dns" : family === 4 ? "ipv4" : "ipv6";
  return `${scheme}:${authority(endpoint)}`;
}

function credentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { serverCa, identity } = tls;
  return ChannelCredentials.createSsl(
    Buffer.from(serverCa),
    identity ? Buffer.from(identity.key) : null,
    identity ? Buffer.from(identity.certificate) : null,
  );
}
