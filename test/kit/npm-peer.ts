import { createSocket, type Socket } from "node:dgram";
import coap from "coap";

const LOOPBACK = "127.0.0.1";

// The npm library opens two sockets when it is loaded.
for (const agent of [coap.globalAgent, coap.globalAgentIPv6]) agent.close();
// And it keeps timers for EXCHANGE_LIFETIME, 247 seconds unless told otherwise, and with them the process.
coap.updateTiming({
  ackTimeout: 0.5,
  ackRandomFactor: 1,
  maxRetransmit: 1,
  maxLatency: 0.25,
  piggybackReplyMs: 50,
});

/** A request of the npm client. */
export type NpmRequest = readonly [
  method: "GET" | "PUT" | "POST" | "DELETE",
  path: string,
  payload?: Uint8Array,
  options?: Record<string, Buffer>,
];

/** What a server is asked. */
export interface NpmAsked {
  readonly method: string;
  readonly url: string;
  readonly payload: Buffer;
}

/** What a server answers. */
export interface NpmAnswer {
  readonly code: string;
  readonly location?: readonly string[];
}

/** Joins the blocks of a body by the path, as RFC 7959 section 2.5 wants it; the library goes by the token alone. */
class JoiningServer extends coap.Server {
  override _toCacheKey(request: coap.IncomingMessage): string {
    return `${request.rsinfo.address} ${request.rsinfo.port} ${request.method} ${request.url}`;
  }
}

/** The npm library as client and server on one socket, like a device. */
export class NpmPeer {
  readonly #socket: Socket;
  readonly #agent: InstanceType<typeof coap.Agent>;
  #server: JoiningServer | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#agent = new coap.Agent({ type: "udp4", socket });
  }

  static async open(): Promise<NpmPeer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, resolve));
    return new NpmPeer(socket);
  }

  /** Sends a request to a port of this machine. */
  ask(
    port: number,
    method: NpmRequest[0],
    path: string,
    payload?: Uint8Array,
    options: Record<string, Buffer> = {},
    query?: string,
  ): Promise<{ readonly code: string; readonly payload: Buffer }> {
    return new Promise((resolve, reject) => {
      const target = { agent: this.#agent, hostname: LOOPBACK, port, method, pathname: `/${path}` };
      const outgoing = coap.request(query === undefined ? target : { ...target, query });
      for (const [name, value] of Object.entries(options)) outgoing.setOption(name, value);
      outgoing.on("response", ({ code, payload }) => resolve({ code, payload }));
      outgoing.on("error", reject);
      outgoing.end(payload === undefined ? undefined : Buffer.from(payload));
    });
  }

  /** Observes a resource; `told` gets each representation. */
  observe(port: number, path: string, told: (payload: Buffer) => void): void {
    const target = { agent: this.#agent, hostname: LOOPBACK, port, pathname: `/${path}`, observe: true };
    const outgoing = coap.request(target);
    outgoing.on("response", (response) => response.on("data", told));
    outgoing.end();
  }

  /** Answers requests on the same socket. */
  serve(answer: (asked: NpmAsked) => NpmAnswer): void {
    const server = new JoiningServer({ type: "udp4" }, (incoming, outgoing) => {
      const { code, location } = answer(incoming);
      outgoing.code = code;
      if (location !== undefined)
        outgoing.setOption(
          "Location-Path",
          location.map((part) => Buffer.from(part)),
        );
      outgoing.end();
    });
    server.listen(this.#socket);
    this.#server = server;
  }

  close(): void {
    this.#server?.close();
    this.#socket.close();
  }
}
