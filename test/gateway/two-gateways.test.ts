import t, { type Test } from "tap";
import type { InstanceId } from "../../core/instance-id.js";
import type { Uuid } from "../../core/uuid.js";
import { EVENTS_RECEIVED } from "../../embedded/device-counters.js";
import { connectOrchestrator } from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { type GatewayRig, spawn } from "./kit/gateway-rig.js";
import { rigFor } from "./kit/gateway-steps.js";
import { orchestratedDomain } from "./kit/orchestrated-domain.js";

t.setTimeout(120_000);

/** Node id of a device that is not like the others. */
const OTHER = "deadbeef-0000-4000-8000-000000000001" as Uuid;

/** Two gateways of one domain that share a network; the devices of both have the same names. */
async function twoGateways(t: Test, nodeRegisterUrl?: string): Promise<[GatewayRig, GatewayRig]> {
  const registerAt = nodeRegisterUrl === undefined ? {} : { nodeRegisterUrl };
  const first = await rigFor(t, registerAt);
  const second = await rigFor(t, { ...registerAt, network: first.network, address: "10.0.0.2" });
  return [first, second];
}

t.test(
  "given devices of one name on two gateways, when they register, then no provider has the name of another",
  async (t) => {
    const [first, second] = await twoGateways(t);
    first.device(1, { resources: ["gpio-out"], settings: { name: "porch" } });
    second.device(2, { resources: ["gpio-out"], settings: { name: "porch" }, nodeId: OTHER });
    const one = await eventually("first", () => first.orchestrator.updates.at(-1));
    const two = await eventually("second", () => second.orchestrator.updates.at(-1));
    const ids = [one, two].flatMap(({ resourceProviders }) =>
      resourceProviders.map(({ providerId }) => providerId),
    );
    t.same(ids, ["porch-00000000-gpio-out-1", "porch-deadbeef-gpio-out-1"]);
  },
);

t.test(
  "given a device with a function, when it goes to another gateway and back, then its function follows each time",
  async (t) => {
    const domain = await orchestratedDomain(t);
    const [first, second] = await twoGateways(t, domain.nodeRegisterUrl);
    // A second device at each gateway: through it the gateway learns where the nodes of the domain are.
    first.device(1, { resources: ["gpio-in"] });
    second.device(2, { resources: ["gpio-out"] });
    const traveller = first.device(3);
    const api = connectOrchestrator(domain.orchestratorUrl, { deadlineMs: 10_000 });
    t.teardown(() => api.close());
    const accepted = (what: string, start: () => Promise<{ ok: boolean; value?: Uuid }>) =>
      eventually(what, async () => (await start()).value);
    const resource = (classType: string, pin: string) => ({
      ...{ classType, workflowId: "w" },
      configuration: new Map([["pin", pin]]),
    });
    const lamp = await accepted("lamp", () => api.startResource(resource("gpio-out", "D2")));
    const button = await accepted("button", () => api.startResource(resource("gpio-in", "D1")));
    const relay = await accepted("relay", () =>
      api.startFunction(spawn("dup", shippedModule("dup"), { label_match_all: "device=board-3" })),
    );
    await api.patchResource({ source: button, outputs: new Map([["data_out", relay]]) });
    await api.patchFunction({ source: relay, outputs: new Map([["out1", lamp]]) });

    const presses = first.deviceOf(1).pins;
    const light = second.deviceOf(2).pins;
    let level = 0;
    const blinks = (what: string) => {
      level = 1 - level;
      return eventually(what, async () => {
        presses.set("D1", 1 - level);
        await new Promise((resolve) => setTimeout(resolve, 60));
        presses.set("D1", level);
        await new Promise((resolve) => setTimeout(resolve, 150));
        return light.read("D2") === level;
      });
    };
    const isAt = (rig: GatewayRig) => rig.gateway.registry.findPresent(uuid(3)) !== undefined;
    await blinks("the button switches the lamp, over two gateways");

    traveller.device?.setGateway("10.0.0.2", 5683);
    await eventually("it is here", () => isAt(second));
    await blinks("the button still switches the lamp");
    await eventually("and no longer there", () => !isAt(first));
    t.same(instancesAt(first, 3), []);

    traveller.device?.setGateway("10.0.0.1", 5683);
    await eventually("it is back", () => isAt(first));
    await blinks("the button switches the lamp again");
    await eventually("and has left the other one", () => !isAt(second));
    t.equal(light.read("D2"), level);
    t.same(instancesAt(second, 3), []);
    t.equal(traveller.device?.instances().length, 1, "one relay runs");

    const taken = () => second.deviceOf(2).device?.status().counters[EVENTS_RECEIVED] ?? 0;
    const before = taken();
    let sent = 0;
    const load = setInterval(() => presses.set("D1", ++sent & 1), 30);
    t.teardown(() => clearInterval(load));
    for (const [address, here, there] of [
      ["10.0.0.2", second, first],
      ["10.0.0.1", first, second],
      ["10.0.0.2", second, first],
      ["10.0.0.1", first, second],
    ] as const) {
      traveller.device?.setGateway(address, 5683);
      await eventually("moved under load", () => isAt(here) && !isAt(there));
      const from = taken();
      await eventually("events flow there", () => taken() > from + 5);
    }
    clearInterval(load);
    await eventually("quiet", async () => {
      const from = taken();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return taken() === from;
    });
    t.comment(`${taken() - before} of ${sent} events arrived over four moves`);
    t.ok(taken() - before <= sent, "none arrived twice");
    t.equal(traveller.device?.instances().length, 1, "one relay still runs");
    level = sent & 1;
    await blinks("the button switches the lamp after all");
  },
);

t.test(
  "given a gateway without other devices, when one comes back to it, then the node is taken anew",
  async (t) => {
    const domain = await orchestratedDomain(t);
    const [first, second] = await twoGateways(t, domain.nodeRegisterUrl);
    const traveller = first.device(3, { settings: { lifetimeSeconds: 9 } });
    const api = connectOrchestrator(domain.orchestratorUrl, { deadlineMs: 10_000 });
    t.teardown(() => api.close());
    await eventually("relay", async () => (await api.startFunction(spawn("dup", shippedModule("dup")))).ok);
    const runs = (rig: GatewayRig) =>
      rig.gateway.registry
        .findPresent(uuid(3))
        ?.plan.instances.some(({ record }) => record.handle !== undefined);
    await eventually("runs here", () => runs(first));
    traveller.device?.setGateway("10.0.0.2", 5683);
    await eventually("runs there", () => runs(second));
    traveller.device?.setGateway("10.0.0.1", 5683);
    await eventually("it is known there no more", () => second.gateway.registry.present === 0, 40_000);
    await eventually("runs here again", () => runs(first), 40_000);
    t.equal(traveller.device?.instances().length, 1);
  },
);

function instancesAt(rig: GatewayRig, number: number): InstanceId[] {
  const device = rig.gateway.registry.find(uuid(number));
  return (device?.plan.instances ?? []).map(({ record }) => ({
    nodeId: uuid(number),
    functionId: record.functionId,
  }));
}
