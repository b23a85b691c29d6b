import { EdgelessError } from "../core/errors.js";
import { agentServices, type Service } from "../grpc-api/index.js";

/** The services that every virtual node has, without a node behind them: they tell a server which methods there are. */
export function agentTemplate(): Service[] {
  const nobody = async (): Promise<never> => {
    throw new EdgelessError("EDGELESS_INTERNAL", "this agent has no device");
  };
  return agentServices({
    startFunction: nobody,
    stopFunction: nobody,
    patchFunction: nobody,
    startResource: nobody,
    stopResource: nobody,
    patchResource: nobody,
    updatePeers: nobody,
    reset: nobody,
  });
}
