import t from "tap";
import type { Uuid } from "../../../core/uuid.js";
import { CALL_TIMEOUT_MS, provider, SimulatedDomain } from "./simulated-domain.js";
import { type Call, type SimulatedNode, simulatedGateway } from "./simulated-node.js";

/** Which peers a node was told of, each as often as it was. */
function told(calls: readonly Call[], node: SimulatedNode): Uuid[] {
  return calls.flatMap((call) => (call.type === "add-peer" && call.node === node.id ? [call.peer] : []));
}

async function addDevices(domain: SimulatedDomain, count: number, gateway = simulatedGateway(1)) {
  const devices: SimulatedNode[] = [];
  for (let i = 0; i < count; i++) devices.push(await domain.addNode({ gateway }));
  return { devices, gateway };
}

/** Requests to tell a peer that a domain of so many devices, a node and a Rust node takes to get up. */
async function peerUpdates(count: number): Promise<number> {
  const domain = await SimulatedDomain.open();
  await domain.addNode();
  await domain.addNode({ isReference: true });
  await addDevices(domain, count);
  return domain.takeCalls().filter(({ type }) => type === "add-peer").length;
}

t.test(
  "given many devices behind one gateway, then each process is told of each other node once, so that the requests grow as the devices do",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const ours = await domain.addNode();
    const { devices, gateway } = await addDevices(domain, 30);
    const rust = await domain.addNode({ isReference: true });
    const calls = domain.takeCalls();
    const all = [ours, rust, ...devices].map(({ id }) => id).sort();
    t.strictSame(told(calls, ours).sort(), all);
    t.strictSame(told(calls, rust).sort(), all);
    const toGateway = devices.flatMap((device) => told(calls, device));
    t.strictSame(toGateway.sort(), [ours.id, rust.id].sort());
    t.strictSame([...gateway.peers.keys()].sort(), [ours.id, rust.id].sort());
    const [few, many] = [await peerUpdates(50), await peerUpdates(100)];
    t.equal(few, 4 + 2 * 50 + 2);
    t.equal(many, 4 + 2 * 100 + 2);
  },
);

t.test(
  "given a device that starts anew, then its gateway keeps its peers; given a gateway that lost them, then it is told again, once",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const ours = await domain.addNode();
    const { devices, gateway } = await addDevices(domain, 5);
    const [first] = devices;
    if (first === undefined) throw new Error("there are no devices");
    domain.takeCalls();
    first.restart();
    await domain.refresh(first);
    t.strictSame(
      domain.takeCalls().map(({ node, type }) => [node, type]),
      [
        [first.id, "reset"],
        [ours.id, "add-peer"],
      ],
    );
    gateway.announced = { ...gateway.announced, nonce: 7n };
    gateway.peers.clear();
    for (const device of devices) {
      device.restart();
      await domain.refresh(device);
    }
    const again = domain.takeCalls();
    t.strictSame(
      devices.flatMap((device) => told(again, device)),
      [ours.id],
    );
    t.strictSame([...gateway.peers.keys()], [ours.id]);
  },
);

t.test(
  "given a device that hangs while it is told of a peer, then another one is told, and what sends to that peer waits so long",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const { devices, gateway } = await addDevices(domain, 3);
    const [first, second] = devices;
    if (first === undefined || second === undefined) throw new Error("there are no devices");
    const source = await domain.startFunction("source", { node_id_match_any: second.id });
    first.mode = "hung";
    const ours = await domain.addNode({ runtimes: [], providers: [provider("log-1")] });
    t.notOk(gateway.peers.has(ours.id), "the first device was asked to tell it");
    const log = await domain.startResource("rc-1");
    domain.takeCalls();
    await domain.patch(source, { out: log });
    t.strictSame(
      domain.takeCalls().filter(({ node }) => node === second.id),
      [],
    );
    await domain.clock.advance(CALL_TIMEOUT_MS);
    const types = domain.takeCalls().flatMap(({ node, type }) => (node === first.id ? [] : [type]));
    t.strictSame(types, ["add-peer", "patch-function"]);
    t.ok(gateway.peers.has(ours.id));
  },
);

t.test("given a device that goes to another gateway, then the former one is told where it is", async (t) => {
  const domain = await SimulatedDomain.open();
  const { devices, gateway } = await addDevices(domain, 2);
  const other = simulatedGateway(2);
  await addDevices(domain, 2, other);
  const [first, second] = devices;
  if (first === undefined || second === undefined) throw new Error("there are no devices");
  domain.takeCalls();
  const update = { ...first.update(0n), invocationUrl: other.invocationUrl, gateway: other.announced };
  const deadline = BigInt(Math.floor(domain.clock.wallMs() / 1000) + 1_000);
  t.match(await domain.orchestrator.updateNode({ ...update, nonce: 99n, refreshDeadline: deadline }), {
    ok: true,
  });
  await domain.clock.advance(10);
  t.equal(gateway.peers.get(first.id), other.invocationUrl);
  t.equal(other.peers.get(second.id), gateway.invocationUrl);
  await domain.leave(first);
  await domain.clock.advance(10);
});

t.test("given a gateway whose agents cannot be called, then its devices are refused", async (t) => {
  const domain = await SimulatedDomain.open();
  const gateway = simulatedGateway(1);
  gateway.announced = { nonce: 1n, agentUrl: "coap://127.0.0.1:7" };
  const { devices } = await addDevices(domain, 1, gateway);
  const [device] = devices;
  if (device === undefined) throw new Error("there are no devices");
  t.match(await domain.refresh(device), /agents are called over http/);
  t.equal(domain.takeCalls().length, 0);
});
