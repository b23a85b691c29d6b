import { EdgelessError } from "./errors.js";

/** The parts of an EDGELESS URL `scheme://host:port`. */
export interface Endpoint {
  readonly scheme: "http" | "https" | "coap";
  /** Host name or address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

const URL_PATTERN = /^([a-z]+):\/\/(\[[0-9A-Fa-f:.%]+\]|[^/:@?#\s[\]]+):([0-9]{1,5})(?:[/?#].*)?$/;

/**
 * Reads a URL of the EDGELESS configuration or API. The port is mandatory; a path after it is ignored.
 * @param what names the field in the error
 * @throws EdgelessError EDGELESS_BAD_URL
 */
export function parseEndpoint(url: string, what: string): Endpoint {
  const match = URL_PATTERN.exec(url);
  const bad = (why: string) =>
    new EdgelessError("EDGELESS_BAD_URL", `${what} is not a usable URL (${why}): "${url.slice(0, 120)}"`);
  if (match === null) throw bad("expected scheme://host:port");
  const scheme = match[1] as string;
  if (scheme !== "http" && scheme !== "https" && scheme !== "coap") throw bad(`unknown scheme ${scheme}`);
  const port = Number(match[3]);
  if (port > 65535) throw bad("port above 65535");
  const host = match[2] as string;
  return { scheme, host: host[0] === "[" ? host.slice(1, -1) : host, port };
}

/** `host:port`, with brackets around an IPv6 address. */
export function authority(endpoint: { readonly host: string; readonly port: number }): string {
  const host = endpoint.host.indexOf(":") >= 0 ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** The URL of an endpoint. */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${endpoint.scheme}://${authority(endpoint)}`;
}
