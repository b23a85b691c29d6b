import { join } from "node:path";
import { parse } from "smol-toml";
import t, { type Test } from "tap";
import { parseOrchestratorConfig } from "../../control/orchestrator/config.js";
import { orchestratorTemplate } from "../../control/orchestrator/config-template.js";
import {
  type RunningOrchestrator,
  startOrchestrator,
} from "../../control/orchestrator/start-orchestrator.js";
import { SILENT } from "../../core/log.js";
import type { ResourceSpecification } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import { connectOrchestrator } from "../../grpc-api/index.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { eventually } from "../kit/eventually.js";
import { freePorts } from "../kit/free-ports.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { spawn } from "./kit/gateway-rig.js";
import { rigFor } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

interface Domain {
  readonly orchestratorUrl: string;
  readonly nodeRegisterUrl: string;
  restart(): Promise<void>;
}

/** A real ε-ORC with its state on disk. */
async function domainFor(t: Test): Promise<Domain> {
  const [a = 0, b = 0, c = 0] = await freePorts(3);
  const orchestratorUrl = `http://127.0.0.1:${a}`;
  const nodeRegisterUrl = `http://127.0.0.1:${b}`;
  const config = parseOrchestratorConfig(
    parse(
      orchestratorTemplate({
        ...{ orchestratorUrl, nodeRegisterUrl },
        domainRegisterUrl: `http://127.0.0.1:${c}`,
        persistencePath: join(t.testdir(), "orchestrator"),
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

t.test(
  "given a domain of devices, when one is lost and its orchestrator restarts, then the workflow goes on",
  async (t) => {
    const domain = await domainFor(t);
    const rig = await rigFor(t, { nodeRegisterUrl: domain.nodeRegisterUrl });
    const button = rig.device(1, { resources: ["gpio-in"] });
    const host = rig.device(2, { settings: { lifetimeSeconds: 1 } });
    const lamp = rig.device(3, { resources: ["gpio-out"] });
    const api = connectOrchestrator(domain.orchestratorUrl, { deadlineMs: 10_000 });
    t.teardown(() => api.close());
    const resource = (classType: string, pin: string): ResourceSpecification => ({
      classType,
      configuration: new Map([["pin", pin]]),
      workflowId: "w",
    });
    const accepted = async (what: string, start: () => Promise<{ ok: boolean; value?: Uuid }>) =>
      eventually(what, async () => (await start()).value);
    const output = await accepted("lamp", () => api.startResource(resource("gpio-out", "D2")));
    const input = await accepted("button", () => api.startResource(resource("gpio-in", "D1")));
    const wasm = shippedModule("dup");
    const relay = await accepted("relay", () =>
      api.startFunction(spawn("dup", wasm, { label_match_all: "device=board-2" })),
    );
    await api.patchResource({ source: input, outputs: new Map([["data_out", relay]]) });
    await api.patchFunction({ source: relay, outputs: new Map([["out1", output]]) });
    const relayRuns = () => {
      const device = rig.gateway.registry.find(uuid(2));
      return device?.plan.instances.some(
        ({ record }) => record.handle !== undefined && record.wired !== undefined,
      );
    };
    await eventually("relay runs", relayRuns);
    let level = 0;
    const blinks = (what: string) => {
      level = 1 - level;
      const wanted = level;
      return eventually(what, async () => {
        button.pins.set("D1", 1 - wanted);
        await new Promise((resolve) => setTimeout(resolve, 60));
        button.pins.set("D1", wanted);
        await new Promise((resolve) => setTimeout(resolve, 150));
        return lamp.pins.read("D2") === wanted;
      });
    };
    await blinks("the button switches the lamp");

    await domain.restart();
    await blinks("it still does while the orchestrator restarts");
    await eventually("nothing was started again", () =>
      rig.gateway.registry.devices.every((device) =>
        device.statuses().every(({ restarts }) => restarts === 0),
      ),
    );

    host.powerOff();
    await eventually("withdrawn", () => rig.gateway.registry.present === 2);
    host.powerOn();
    await eventually("relay runs again", relayRuns);
    await blinks("the button switches the lamp again");
    t.equal(lamp.pins.read("D2"), level);
  },
);
