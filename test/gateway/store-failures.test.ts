import t from "tap";
import { formatCode, POST } from "../../coap-api/coap/codes.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { encodeRegistration } from "../../coap-api/operations/register.js";
import { ERRORS } from "../../core/errors.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { FillingStore } from "./kit/filling-store.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { GatewayRig, spawn } from "./kit/gateway-rig.js";
import { rigFor, run, sink } from "./kit/gateway-steps.js";

t.setTimeout(60_000);

t.test(
  "given a full disk, when a device registers, then it is told to come back, and is no node",
  async (t) => {
    const store = new FillingStore();
    const rig = await rigFor(t, { store });
    const client = new ForeignClient(rig, "10.0.9.1");
    const register = () => client.ask(POST, "rd", encodeRegistration(REGISTRATION), `ep=${uuid(1)}&lt=60`);
    store.isFull = true;
    const refused = await register();
    t.equal(formatCode(refused.code), "5.03");
    t.ok(refused.maxAge >= 1);
    t.equal(decodeDiagnostic(refused.payload).error, ERRORS.EDGELESS_STORE_FULL.number);
    t.equal(rig.gateway.registry.present, 0);
    await eventually("withdrawn", () => (rig.orchestrator.latest(uuid(1))?.refreshDeadline ?? 0n) === 0n);
    t.equal(await client.code(POST, "rd/1"), "4.04");

    store.isFull = false;
    t.equal(formatCode((await register()).code), "2.01");
    await rig.admit(1);
    t.same(await store.keys("device/"), [`device/${uuid(1)}`]);
  },
);

t.test(
  "given a full disk, when functions start and stop, then starts are refused and stops are made up for",
  async (t) => {
    const store = new FillingStore();
    const rig = await rigFor(t, { store });
    const board = rig.device(1);
    const agent = await rig.admit(1);
    const first = await run(rig, agent, "incr", { result: sink(1) });
    store.isFull = true;
    t.match(await agent.startFunction(spawn("dup", shippedModule("dup"))), {
      ok: false,
      error: { detail: /EDGELESS_STORE_FULL: .*No space left/ },
    });
    const outputs = new Map([["result", sink(2)]]);
    await t.rejects(agent.patchFunction({ source: first.functionId, outputs }), /No space left/);
    await agent.stopFunction(first);
    await eventually("stopped", () => board.device?.instances().length === 0);
    t.equal((await store.keys("instance/")).length, 1, "the disk still has it");
    t.same(rig.gateway.registry.find(uuid(1))?.plan.instances, []);

    store.isFull = false;
    await eventually("written", async () => (await store.keys("instance/")).length === 0);
    t.same(await store.keys("image/"), []);
    await run(rig, agent, "dup", { out1: sink(1) });
    t.equal((await store.keys("instance/")).length, 1);
  },
);

t.test(
  "given a state that cannot be read, when the gateway starts, then it says which, and holds nothing",
  async (t) => {
    const store = new FillingStore();
    const device = { key: `device/${uuid(1)}`, value: Buffer.from('{"nodeId":"x"}') };
    await store.write([device]);
    const closed = new GatewayRig({ store });
    t.teardown(() => closed.stop());
    await t.rejects(closed.start(), {
      code: "EDGELESS_STORE_BROKEN",
      message: new RegExp(`device/${uuid(1)} of the gateway cannot be read`),
    });
    await store.write([{ key: device.key }]);
    await closed.startGateway();
    t.equal(closed.gateway.registry.present, 0);
  },
);

t.test("given a folder that is no store, when the gateway starts, then it says so", async (t) => {
  const folder = t.testdir({ state: "a file" });
  const rig = new GatewayRig({ persistencePath: `${folder}/state` });
  t.teardown(() => rig.stop());
  await t.rejects(rig.start(), { code: "EDGELESS_STORE_BROKEN", message: /state cannot be opened/ });
});
