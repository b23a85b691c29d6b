import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { authority, type Endpoint, formatEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";

/**
 * Binds an HTTP server to a name or address.
 * @param what names the setting in the error
 * @returns the endpoint with the port that was really taken (for port 0)
 * @throws EdgelessError EDGELESS_PORT_IN_USE or EDGELESS_CANNOT_BIND
 */
export async function listenHttp(server: Server, endpoint: Endpoint, what: string): Promise<Endpoint> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => {
      const used = error.code === "EADDRINUSE";
      const why = used ? `port ${endpoint.port} is already in use` : reasonOf(error);
      reject(
        new EdgelessError(
          used ? "EDGELESS_PORT_IN_USE" : "EDGELESS_CANNOT_BIND",
          `${what} ${formatEndpoint(endpoint)}: cannot listen on ${authority(endpoint)}: ${why}`,
          error,
        ),
      );
    };
    server.once("error", refused);
    server.listen({ host: endpoint.host, port: endpoint.port }, () => {
      server.removeListener("error", refused);
      resolve();
    });
  });
  // A TCP server that listens always has an AddressInfo; the text form is for pipes.
  const { port } = server.address() as AddressInfo;
  return { ...endpoint, port };
}

/**
 * Stops a server: takes no more connections, lets running requests end, then cuts what is left.
 * @param graceMs how long running requests may take, milliseconds
 */
export async function closeHttp(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}
