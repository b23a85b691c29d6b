import { connect, createServer, type Server, type Socket } from "node:net";

/** Carries TCP connections on to a place that can be changed, so that a server elsewhere seems to have come back. */
export class TcpRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: string;
  #isFrozen = false;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((socket) => this.#carry(socket));
  }

  /** @param target `host:port` */
  static async start(target: string): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  /** `host:port` to connect to. */
  get place(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  }

  /** Where new connections go from now on. */
  set target(target: string) {
    this.#target = target;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets connections stand, with nothing carried on; new ones are taken and hang as well. */
  freeze(): void {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.unpipe();
  }

  /** Carries new connections on again. */
  thaw(): void {
    this.#isFrozen = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(socket: Socket): void {
    const [host = "", port = "0"] = this.#target.split(":");
    const peer = connect(Number(port), host);
    for (const [one, other] of [
      [socket, peer],
      [peer, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    if (!this.#isFrozen) socket.pipe(peer).pipe(socket);
  }
}
