import { connect } from "node:net";
import type { Clock } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";

/** How long an open port may take to answer. */
const PATIENCE_MS = 2_000;

/** Tells whether a TCP connection to the host and port of a URL can be made; a `coap` URL counts as open. */
export function probePort(url: string, clock: Clock): Promise<boolean> {
  const { scheme, host, port } = parseEndpoint(url, "invocation_url");
  if (scheme === "coap") return Promise.resolve(true);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isOpen: boolean) => {
      timer.cancel();
      socket.destroy();
      resolve(isOpen);
    };
    const timer = clock.setTimer(PATIENCE_MS, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
