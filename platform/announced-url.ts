import { networkInterfaces } from "node:os";
import { formatEndpoint, parseEndpoint } from "../core/endpoint.js";

/** The IPv4 addresses of this machine that others may reach; those that only work on one link come last. */
export function externalAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ family, internal }) => family === "IPv4" && !internal);
  const linkLocal = (address: string) => (address.startsWith("169.254.") ? 1 : 0);
  return usable.map(({ address }) => address).sort((a, b) => linkLocal(a) - linkLocal(b));
}

/**
 * The URL that others are told for a server.
 * @param announced the configured one; port 0 stands for the port bound. Empty: what is bound, with the first external
 *   address in place of "every interface"
 * @param bound the URL the server is bound to
 * @throws EdgelessError EDGELESS_BAD_URL
 */
export function announcedUrl(announced: string, bound: string, addresses: readonly string[]): string {
  const server = parseEndpoint(bound, "bound URL");
  if (announced !== "") {
    const endpoint = parseEndpoint(announced, "announced URL");
    return endpoint.port === 0 ? formatEndpoint({ ...endpoint, port: server.port }) : announced;
  }
  const everywhere = server.host === "0.0.0.0" || /^[0:]+$/.test(server.host);
  return everywhere ? formatEndpoint({ ...server, host: addresses[0] ?? "127.0.0.1" }) : bound;
}
