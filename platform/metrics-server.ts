import { createServer } from "node:http";
import { formatEndpoint, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { closeHttp, listenHttp } from "./listen-http.js";

/** Text of a metrics page and how it is labelled. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** A metrics server that listens. */
export interface RunningMetricsServer {
  /** With the actual port. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `GET /metrics`.
 * @param url `http://host:port`; an empty text turns it off
 * @returns undefined when it is turned off
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE or EDGELESS_CANNOT_BIND
 */
export async function startMetricsServer(
  url: string,
  page: MetricsPage,
  logger: Logger,
): Promise<RunningMetricsServer | undefined> {
  if (url === "") return undefined;
  const wanted = parseEndpoint(url, "metrics_url");
  if (wanted.scheme !== "http")
    throw new EdgelessError("EDGELESS_BAD_URL", `metrics_url must be an http URL: "${url}"`);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
    const [path] = (request.url ?? "").split("?");
    const refuse = (status: number, text: string) => {
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
    };
    if (path !== "/metrics") return refuse(404, "Not Found: the metrics are at /metrics");
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "Method Not Allowed");
    page.render().then(
      (text) => response.writeHead(200, { "content-type": page.contentType }).end(text),
      (error: unknown) => {
        logger.error(`the metrics page failed: ${reasonOf(error)}`);
        refuse(500, "Internal Server Error");
      },
    );
  });
  const endpoint = await listenHttp(server, wanted, "metrics_url");
  server.on("error", (error) => logger.error(`the metrics server failed: ${reasonOf(error)}`));
  return { url: formatEndpoint(endpoint), close: () => closeHttp(server, 1_000) };
}
