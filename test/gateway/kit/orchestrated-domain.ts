import { join } from "node:path";
import { parse } from "smol-toml";
import type { Test } from "tap";
import { parseOrchestratorConfig } from "../../../control/orchestrator/config.js";
import { orchestratorTemplate } from "../../../control/orchestrator/config-template.js";
import {
  type RunningOrchestrator,
  startOrchestrator,
} from "../../../control/orchestrator/start-orchestrator.js";
import { SILENT } from "../../../core/log.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { freePorts } from "../../kit/free-ports.js";

/** An ε-ORC that runs. */
export interface OrchestratedDomain {
  readonly orchestratorUrl: string;
  readonly nodeRegisterUrl: string;
  /** Ends it and starts it from its state. */
  restart(): Promise<void>;
}

/** A real ε-ORC with its state on disk. */
export async function orchestratedDomain(t: Test): Promise<OrchestratedDomain> {
  const [a = 0, b = 0, c = 0] = await freePorts(3);
  const orchestratorUrl = `http://127.0.0.1:${a}`;
  const nodeRegisterUrl = `http://127.0.0.1:${b}`;
  const config = parseOrchestratorConfig(
    parse(
      orchestratorTemplate({
        ...{ orchestratorUrl, nodeRegisterUrl },
        domainRegisterUrl: `http://127.0.0.1:${c}`,
        persistencePath: join(t.testdir(), "orchestrator"),
        metricsUrl: "",
      }),
    ),
  );
  const environment = { clock: systemClock, random: systemRandom, logger: SILENT };
  let running: RunningOrchestrator = await startOrchestrator(config, environment);
  t.teardown(() => running.close());
  return {
    ...{ orchestratorUrl, nodeRegisterUrl },
    restart: async () => {
      await running.close();
      running = await startOrchestrator(config, environment);
    },
  };
}
