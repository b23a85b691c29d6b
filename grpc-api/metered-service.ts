import { type sendUnaryData, status } from "@grpc/grpc-js";
import type { Clock } from "../core/clock.js";
import type { ServedMethod, Service } from "./service.js";

/**
 * Told of every call that was answered.
 * @param method `Service/Method`
 * @param outcome name of the gRPC status; OK also when the answer itself is a refusal
 */
export type ObserveCall = (method: string, outcome: string, seconds: number) => void;

/** The same service, whose calls are observed. */
export function meteredService(service: Service, clock: Clock, observe: ObserveCall): Service {
  return { methods: service.methods.map((method) => meteredMethod(method, clock, observe)) };
}

function meteredMethod(
  { definition, handler }: ServedMethod,
  clock: Clock,
  observe: ObserveCall,
): ServedMethod {
  const name = definition.path.replace(/^\/(?:[^/]*\.)?/, "");
  return {
    definition,
    handler: (call, callback) => {
      const startedMs = clock.monotonicMs();
      const answer: sendUnaryData<Uint8Array> = (error, ...rest) => {
        const code = error === null ? status.OK : (error.code ?? status.UNKNOWN);
        observe(name, status[code], (clock.monotonicMs() - startedMs) / 1000);
        callback(error, ...rest);
      };
      handler(call, answer);
    },
  };
}
