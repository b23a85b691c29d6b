import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import type { Clock } from "../core/clock.js";
import { authority, formatEndpoint, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import { systemClock } from "../platform/system-clock.js";
import { OpenCalls } from "./open-calls.js";
import type { Service } from "./service.js";
import type { ServerTls } from "./tls.js";

/** How long a closing server waits for calls in progress. */
const GRACE_MS = 1000;
/** How long it then waits for the peers to learn of it. */
const FAREWELL_MS = 200;

// Whatever grpc-js would print is thrown as well.
setLogVerbosity(logVerbosity.NONE);

/** A server that listens. */
export interface RunningServer {
  /** With the port that is really bound. */
  readonly url: string;
  /** Takes no more calls, waits up to a second for those in progress, then cuts them off. */
  close(): Promise<void>;
}

/** Settings of a server. */
export interface ServerOptions {
  /** Absent: no encryption, whatever the scheme of the URL. */
  readonly tls?: ServerTls;
  readonly clock?: Clock;
}

/**
 * Serves `services` at the host and port of `url`; the host may be a name, the port 0.
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export async function startServer(
  url: string,
  services: readonly Service[],
  options: ServerOptions = {},
): Promise<RunningServer> {
  const endpoint = parseEndpoint(url, "the URL to listen on");
  const address = authority({ host: await numericHost(endpoint.host, url), port: endpoint.port });
  const server = createServer();
  const calls = new OpenCalls();
  for (const { methods } of services) {
    const definition = Object.fromEntries(
      methods.map((method) => [method.definition.path, method.definition]),
    );
    const handlers = Object.fromEntries(
      methods.map((method) => [method.definition.path, calls.watch(method.handler)]),
    );
    server.addService(definition, handlers);
  }
  const port = await bindServer(server, address, url, options.tls).catch((error: unknown) => {
    server.forceShutdown();
    throw error;
  });
  const clock = options.clock ?? systemClock;
  let closed: Promise<void> | undefined;
  return {
    url: formatEndpoint({ ...endpoint, port }),
    close() {
      closed ??= shutDown(server, calls, clock);
      return closed;
    },
  };
}

/** A server without ports, for messages of any size. */
export function createServer(): Server {
  return new Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0,
  });
}

/**
 * The address of a host name, IPv4 first.
 * @param url named in the error
 * @throws EdgelessError EDGELESS_CANNOT_BIND
 */
export async function numericHost(host: string, url: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    const chosen = found.find(({ family }) => family === 4) ?? found[0];
    if (chosen !== undefined) return chosen.address;
  } catch (error) {
    throw new EdgelessError("EDGELESS_CANNOT_BIND", `cannot listen on ${url}: ${reasonOf(error)}`, error);
  }
  throw new EdgelessError("EDGELESS_CANNOT_BIND", `cannot listen on ${url}: ${host} has no address`);
}

/**
 * Listens at `address` and gives the port that is bound.
 * @param url named in the error
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export function bindServer(
  server: Server,
  address: string,
  url: string,
  tls: ServerTls | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const isUsed = error.message.includes("EADDRINUSE");
      // grpc-js wraps the words of the system: "… errors: [listen EACCES: permission denied 127.0.0.1:80]".
      const [, words = error.message] = /errors: \[(.*)\]$/.exec(error.message) ?? [];
      const why = isUsed ? "the port is already in use" : words;
      const code = isUsed ? "EDGELESS_PORT_IN_USE" : "EDGELESS_CANNOT_BIND";
      reject(new EdgelessError(code, `cannot listen on ${url}: ${why}`, error));
    };
    try {
      server.bindAsync(address, credentials(tls), (error, port) => {
        if (error === null) resolve(port);
        else fail(error);
      });
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function credentials(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) };
  const clientCa = tls.clientCa === undefined ? null : Buffer.from(tls.clientCa);
  return ServerCredentials.createSsl(clientCa, [pair], clientCa !== null);
}

/** Ends a server; its calls are ended one by one: grpc-js leaves the connections of calls in progress open when it is forced to stop. */
export function shutDown(server: Server, calls: OpenCalls, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      timer.cancel();
      server.forceShutdown();
      resolve();
    };
    let timer = clock.setTimer(GRACE_MS, () => {
      timer = clock.setTimer(FAREWELL_MS, finish);
      calls.endAll();
    });
    server.tryShutdown(finish);
  });
}
