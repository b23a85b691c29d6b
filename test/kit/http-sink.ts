import { createServer, request } from "node:http";
import { eventually } from "./eventually.js";

/** A web server that keeps what it gets. */
export interface HttpSink {
  readonly port: number;
  /** Method, path and body of each request so far, joined by blanks. */
  readonly requests: readonly string[];
  close(): void;
}

/** Starts a web server on `localhost` that answers everything with `thank you`. */
export async function startHttpSink(): Promise<HttpSink> {
  const requests: string[] = [];
  const server = createServer(async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    requests.push(`${incoming.method} ${incoming.url} ${body}`);
    response.end("thank you");
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    requests,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Sends one request, with a Host header of its own, and reads the answer as `status body`. */
export function ask(url: string, host: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const outgoing = request(url, { method, headers: { host }, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => resolve(`${answer.statusCode} ${text}`));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Asks until http-ingress takes the request: a resource is wired a moment after it runs. Anything but 404 must be as expected. */
export async function answers(expected: RegExp, ...request: Parameters<typeof ask>): Promise<string> {
  const answer = await eventually(`${expected}`, async () => {
    const found = await ask(...request);
    return found.startsWith("404") ? undefined : found;
  });
  if (!expected.test(answer)) throw new Error(`${answer} is not ${expected}`);
  return answer;
}
