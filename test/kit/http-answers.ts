import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A request that a test's server got. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A web server of a test that can be ended and started again on the same port. */
export class HttpAnswers {
  readonly seen: ReceivedRequest[] = [];
  readonly #answer: (request: ReceivedRequest, response: ServerResponse) => void;
  readonly #sockets = new Set<Socket>();
  #server = createServer();
  #port = 0;

  private constructor(answer: (request: ReceivedRequest, response: ServerResponse) => void) {
    this.#answer = answer;
  }

  static async start(
    answer: (request: ReceivedRequest, response: ServerResponse) => void,
  ): Promise<HttpAnswers> {
    const server = new HttpAnswers(answer);
    await server.run();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it; again after it ended. */
  async run(): Promise<void> {
    this.#server = createServer((message, response) => {
      const chunks: Buffer[] = [];
      message.on("data", (chunk: Buffer) => chunks.push(chunk));
      message.on("error", () => {});
      message.on("end", () => {
        const { method = "", url = "", headers } = message;
        const request = { method, url, headers, body: Buffer.concat(chunks).toString() };
        this.seen.push(request);
        this.#answer(request, response);
      });
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  /** Ends it with all its connections. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
