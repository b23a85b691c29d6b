import type { ControllerConfig } from "../../control/controller/config.js";
import { type RunningController, startController } from "../../control/controller/start-controller.js";
import type { OrchestratorConfig } from "../../control/orchestrator/config.js";
import {
  type RunningOrchestrator,
  startOrchestrator,
} from "../../control/orchestrator/start-orchestrator.js";
import type { GatewayConfig } from "../../gateway/config.js";
import { type RunningGateway, startGateway } from "../../gateway/start-gateway.js";
import type { NodeConfig } from "../../node/config/node-config.js";
import { type RunningNode, startNode } from "../../node/node.js";
import { systemEnvironment } from "../environment.js";
import type { Closeable } from "../until-signal.js";

/** The configurations of everything in a box. */
export interface BoxConfig {
  readonly controller: ControllerConfig;
  readonly orchestrator: OrchestratorConfig;
  readonly nodes: readonly NodeConfig[];
  readonly gateway?: GatewayConfig;
}

/** A complete system in this process. */
export interface Box extends Closeable {
  readonly controller: RunningController;
  readonly orchestrator: RunningOrchestrator;
  readonly nodes: readonly RunningNode[];
  readonly gateway?: RunningGateway;
}

/**
 * Starts a complete system in this process; when a part cannot start, everything before it is stopped again.
 * @param logLevel lowest severity that is logged unless the environment says otherwise
 */
export async function startBox(config: BoxConfig, logLevel: string): Promise<Box> {
  const started: Closeable[] = [];
  const close = async () => {
    for (const part of started.splice(0).reverse()) await part.close();
  };
  const keep = <T extends Closeable>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const controller = keep(await startController(config.controller, systemEnvironment("con", logLevel)));
    const orchestrator = keep(
      await startOrchestrator(config.orchestrator, systemEnvironment("orc", logLevel)),
    );
    const nodes: RunningNode[] = [];
    for (const [i, node] of config.nodes.entries()) {
      nodes.push(keep(await startNode(node, systemEnvironment(`node${i + 1}`, logLevel))));
    }
    if (config.gateway === undefined) return { controller, orchestrator, nodes, close };
    const gateway = keep(await startGateway(config.gateway, systemEnvironment("gateway", logLevel)));
    return { controller, orchestrator, nodes, gateway, close };
  } catch (error) {
    await close();
    throw error;
  }
}
