import {
  type handleUnaryCall,
  type Server,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { authority } from "../core/endpoint.js";
import { EdgelessError } from "../core/errors.js";
import { systemClock } from "../platform/system-clock.js";
import { OpenCalls } from "./open-calls.js";
import { bindServer, createServer, numericHost, type ServerOptions, shutDown } from "./server.js";
import type { ServedMethod, Service } from "./service.js";

type Call = ServerUnaryCall<Uint8Array, Uint8Array>;

/**
 * One gRPC server on many ports, with other services behind each: who calls is told apart by the port of the authority
 * that the caller used, so a port must reach its callers under the same number.
 */
export interface PortServer {
  /**
   * Binds a port and serves `services` there; they must have the methods of the template.
   * @param port 0 lets the system choose
   * @returns the port that is bound
   * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
   */
  open(port: number, services: readonly Service[]): Promise<number>;
  /** Takes no more connections at a port and answers nothing there any more. */
  close(port: number): void;
  /** Takes no more calls, waits up to a second for those in progress, then cuts them off. */
  closeAll(): Promise<void>;
}

/**
 * Prepares a server without ports.
 * @param host name or address to listen on
 * @param template services with the methods that every port has
 * @throws EdgelessError EDGELESS_CANNOT_BIND
 */
export async function createPortServer(
  host: string,
  template: readonly Service[],
  options: ServerOptions = {},
): Promise<PortServer> {
  const address = await numericHost(host, `the ports of ${host}`);
  const server = createServer();
  const calls = new OpenCalls();
  const ports = new Map<number, ReadonlyMap<string, ServedMethod>>();
  for (const { methods } of template) addDispatch(server, methods, calls, ports);
  return {
    async open(port, services) {
      if (port !== 0 && ports.has(port))
        throw new EdgelessError("EDGELESS_PORT_IN_USE", `port ${port} already serves another device`);
      const at = authority({ host: address, port });
      const bound = await bindServer(server, at, at, options.tls);
      const methods = services.flatMap((service) => service.methods);
      ports.set(bound, new Map(methods.map((method) => [method.definition.path, method])));
      return bound;
    },
    close(port) {
      if (ports.delete(port)) server.unbind(authority({ host: address, port }));
    },
    closeAll: () => shutDown(server, calls, options.clock ?? systemClock),
  };
}

function addDispatch(
  server: Server,
  methods: readonly ServedMethod[],
  calls: OpenCalls,
  ports: ReadonlyMap<number, ReadonlyMap<string, ServedMethod>>,
): void {
  const definition = Object.fromEntries(methods.map((method) => [method.definition.path, method.definition]));
  const handlers: Record<string, handleUnaryCall<Uint8Array, Uint8Array>> = {};
  for (const { definition: rpc } of methods) {
    handlers[rpc.path] = calls.watch((call: Call, answer: sendUnaryData<Uint8Array>) => {
      const served = ports.get(portOf(call.getHost()))?.get(rpc.path);
      if (served !== undefined) served.handler(call, answer);
      else answer({ code: status.UNAVAILABLE, details: `nobody is served at ${call.getHost()}` });
    });
  }
  server.addService(definition, handlers);
}

/** The port of an authority `host:port`; 80 when it has none. */
function portOf(host: string): number {
  const digits = /:([0-9]{1,5})$/.exec(host);
  return digits === null ? 80 : Number(digits[1]);
}
