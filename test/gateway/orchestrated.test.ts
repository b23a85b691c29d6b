import t from "tap";
import type { ResourceSpecification } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import { connectOrchestrator } from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { spawn } from "./kit/gateway-rig.js";
import { rigFor } from "./kit/gateway-steps.js";
import { orchestratedDomain } from "./kit/orchestrated-domain.js";

t.setTimeout(120_000);

t.test(
  "given a domain of devices, when one is lost and its orchestrator restarts, then the workflow goes on",
  async (t) => {
    const domain = await orchestratedDomain(t);
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
