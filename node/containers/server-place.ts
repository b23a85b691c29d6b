import { connect } from "node:net";
import type { Clock, Timer } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";
import type { GuestPlace } from "./guest-place.js";

/** How often a server is looked at, and how long it may take to accept a connection, milliseconds. */
const INTERVAL_MS = 2_000;
const ACCEPT_MS = 5_000;

/**
 * A function whose server somebody else runs. That it is gone shows when it takes no connection; it is never ended here.
 * @throws EdgelessError EDGELESS_BAD_URL
 */
export function serverPlace(url: string, clock: Clock): GuestPlace {
  const { host, port } = parseEndpoint(url, "the URL of the function");
  let timer: Timer | undefined;
  let closed = false;
  const look = (onGone: (reason: string) => void) => {
    timer = clock.setTimer(INTERVAL_MS, async () => {
      const accepts = await takesConnection(host, port, clock);
      if (closed) return;
      if (accepts) look(onGone);
      else onGone(`nothing listens at ${url} any more`);
    });
  };
  return {
    url,
    watch: look,
    async close() {
      closed = true;
      timer?.cancel();
    },
  };
}

function takesConnection(host: string, port: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = clock.setTimer(ACCEPT_MS, () => socket.destroy());
    let connected = false;
    socket.once("connect", () => {
      connected = true;
      socket.destroy();
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      timer.cancel();
      resolve(connected);
    });
  });
}
