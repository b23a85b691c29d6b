import fc from "fast-check";
import t from "tap";
import type { Peer } from "../../coap-api/endpoint/peer.js";
import { CRASHED, RUNNING } from "../../coap-api/operations/instance-state.js";
import { FUNCTION, RESOURCE, type Registration } from "../../coap-api/operations/register.js";
import type { InstanceId } from "../../core/instance-id.js";
import { INSTANCE_NONE } from "../../core/instance-id.js";
import { SILENT } from "../../core/log.js";
import { type Uuid, uuidToBytes } from "../../core/uuid.js";
import { AgentPorts } from "../../gateway/agent-ports.js";
import { DevicePlan } from "../../gateway/device-plan.js";
import { deviceReason } from "../../gateway/device-reason.js";
import { EventLanes } from "../../gateway/event-lanes.js";
import { type InstanceRecord, tagOf } from "../../gateway/instance-record.js";
import { MemoryLedger } from "../../gateway/memory-ledger.js";
import { PeerReferences } from "../../gateway/peer-references.js";
import { LruPeerTable } from "../../gateway/peer-table.js";
import { PendingCalls } from "../../gateway/pending-calls.js";
import { type Command, imageName, nextCommand, nextDueMs } from "../../gateway/reconciler.js";
import { RefusalLog } from "../../gateway/refusal-log.js";
import { RouteTable } from "../../gateway/route-table.js";
import { startOrder } from "../../gateway/start-order.js";
import { FakeClock } from "../kit/fake-clock.js";
import { seededRandom } from "../kit/seeded-random.js";
import { cast, instance, uuid } from "../node/kit/events.js";

const NODE = uuid(1);
const DIGEST = "ab".repeat(32);

function record(number: number, parts: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    functionId: idOf(number),
    kind: FUNCTION,
    name: `f${number}`,
    workflowId: "",
    digest: DIGEST,
    configuration: [],
    statePolicy: "transient",
    stateId: uuid(0),
    outputs: [],
    ...parts,
  };
}

/** An id whose first half, the tag, differs too. */
function idOf(number: number): Uuid {
  return `${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000` as Uuid;
}

function local(number: number): InstanceId {
  return { nodeId: NODE, functionId: idOf(number) };
}

function registration(parts: Partial<Registration>): Registration {
  return {
    edition: 1,
    bootNonce: 1,
    board: "b",
    freeMemoryBytes: 1,
    runtimes: [],
    providers: [],
    digests: [],
    instances: [],
    limits: { imageBytes: 1, instances: 1, functionMemoryBytes: 1, payloadBytes: 1 },
    labels: [],
    name: "",
    ...parts,
  };
}

function planOf(...records: InstanceRecord[]): DevicePlan {
  const plan = new DevicePlan(NODE, new FakeClock(), seededRandom(1));
  for (const one of records) plan.add(one);
  return plan;
}

function step(plan: DevicePlan, nowMs = 0): Command | undefined {
  return nextCommand(plan, nowMs);
}

t.test(
  "given functions that send to each other, when they are started, then receivers come first",
  async (t) => {
    const sends = (number: number, ...targets: number[]) =>
      record(number, {
        outputs: targets.map((target, route) => ({ channel: `c${target}`, target: local(target), route })),
      });
    const order = (...records: InstanceRecord[]) => startOrder(NODE, records).map(({ name }) => name);
    t.same(order(sends(1, 2), sends(2, 3), sends(3)), ["f3", "f2", "f1"]);
    t.same(order(sends(1, 2), sends(2, 1)), ["f2", "f1"], "a circle is cut");
    t.same(order(sends(1, 9), sends(2)), ["f1", "f2"], "what is elsewhere does not count");
  },
);

t.test(
  "given a device without the image, when a function should run, then image, start and wiring follow",
  async (t) => {
    const plan = planOf(record(1, { outputs: [{ channel: "out", target: instance(7, 7), route: 4 }] }));
    const [one] = plan.instances;
    if (one === undefined) throw new Error("planned");
    t.match(step(plan), { type: "store-image", digest: DIGEST });
    plan.stored(DIGEST);
    t.match(step(plan), { type: "start", instance: one });
    plan.started(one, 3);
    t.match(step(plan), { type: "wire", outputs: [{ channel: "out", route: 4, handle: -1 }] });
    plan.wired(one, [{ channel: "out", route: 4, handle: -1 }]);
    t.equal(step(plan), undefined);
    plan.wiringLost();
    t.match(step(plan), { type: "wire" });
    plan.wiringRefused(one, [{ channel: "out", route: 4, handle: -1 }], "too many");
    t.equal(step(plan), undefined, "what was refused is not offered again");
    t.match(plan.statuses(), [{ state: "running", reason: /too many/ }]);
  },
);

t.test(
  "given a function without outputs, when nobody has named any for a while, then it is told so, once",
  async (t) => {
    const clock = new FakeClock();
    const plan = new DevicePlan(NODE, clock, seededRandom(1));
    const one = plan.add(record(1));
    const relay = plan.add(record(2, { kind: RESOURCE, digest: undefined }));
    plan.stored(DIGEST);
    plan.started(one, 3);
    plan.started(relay, 4);
    t.equal(step(plan), undefined, "the ε-ORC may be about to name some");
    const dueMs = nextDueMs(plan) ?? Number.NaN;
    t.ok(dueMs > 0 && dueMs < 1_000);
    t.match(step(plan, dueMs), { type: "wire", instance: one, outputs: [] });
    plan.wired(one, []);
    t.equal(step(plan, dueMs), undefined, "a resource waits for nothing");
    t.equal(nextDueMs(plan), undefined);
    plan.rebooted();
    plan.started(one, 5);
    t.match(step(plan, dueMs), { type: "wire", outputs: [] }, "no wait after a restart");
  },
);

t.test(
  "given two functions on one device, when the receiver gets another number, then the sender is wired anew",
  async (t) => {
    const plan = planOf(
      record(1, { handle: 1, outputs: [{ channel: "out", target: local(2), route: 0 }] }),
      record(2, { handle: 2 }),
    );
    plan.images.add(imageName(DIGEST));
    const [sender, receiver] = plan.instances;
    if (sender === undefined || receiver === undefined) throw new Error("planned");
    t.match(step(plan), { type: "wire", outputs: [{ handle: 2, route: -1 }] });
    plan.wired(sender, [{ channel: "out", route: -1, handle: 2 }]);
    plan.reported([{ handle: 2, state: CRASHED, restarts: 0, reason: "53 unreachable" }]);
    t.match(plan.statuses()[1], {
      state: "crashed",
      restarts: 1,
      reason: "EDGELESS_FUNCTION_TRAPPED: unreachable",
    });
    t.match(step(plan), { type: "stop", leftover: { handle: 2 } });
    plan.stopped({ handle: 2, kind: FUNCTION, isStranger: false });
    t.match(
      step(plan),
      { type: "wire", outputs: [{ handle: -1, route: 0 }] },
      "the gateway keeps its events meanwhile",
    );
    plan.wired(sender, [{ channel: "out", route: 0, handle: -1 }]);
    t.equal(step(plan), undefined);
    const dueMs = nextDueMs(plan) ?? 0;
    t.ok(dueMs > 500 && dueMs <= 1_000);
    t.match(step(plan, dueMs), { type: "start", instance: receiver });
    plan.started(receiver, 5);
    t.match(step(plan), { type: "wire", outputs: [{ handle: 5, route: -1 }] });
  },
);

t.test(
  "given a device that registers, when it runs strangers, then they go, and ours are recognised",
  async (t) => {
    const tag = (number: number) => tagOf(uuidToBytes(idOf(number)));
    const plan = planOf(record(1, { handle: 8 }), record(2));
    plan.registered(
      registration({
        instances: [
          { handle: 4, kind: FUNCTION, tag: tag(2) },
          { handle: 5, kind: RESOURCE, tag: tag(99) },
        ],
      }),
      true,
    );
    t.equal(plan.find(idOf(1))?.record.handle, undefined, "lost with the power");
    t.equal(plan.find(idOf(2))?.record.handle, 4, "started by a message whose answer was lost");
    t.match(step(plan), { type: "stop", leftover: { handle: 5, kind: RESOURCE } });
    const empty = planOf();
    empty.registered(registration({ instances: [{ handle: 5, kind: RESOURCE, tag: tag(99) }] }), true);
    t.match(step(empty), { type: "reset" }, "nothing of ours would be lost");
    empty.wasReset();
    t.match(step(empty), { type: "ask" });
    const same = planOf(record(1, { handle: 8 }));
    same.registered(registration({}), false);
    t.match(step(same), { type: "ask" }, "the report may be older than the start");
  },
);

t.test(
  "given a device that was asked, when it tells its instances, then what differs is put right",
  async (t) => {
    const plan = planOf(record(1, { handle: 1 }), record(2, { handle: 2 }));
    const status = {
      freeMemoryBytes: 0,
      uptimeSeconds: 0,
      counters: [],
      bootNonce: 7,
      digests: [Buffer.from(imageName(DIGEST), "hex")],
      instances: [
        { handle: 2, state: RUNNING, restarts: 0, reason: "" },
        { handle: 9, state: RUNNING, restarts: 0, reason: "" },
      ],
    };
    plan.isDoubtful = true;
    t.equal(plan.asked(status, 7), false);
    t.match(step(plan), { type: "stop", leftover: { handle: 9, kind: -1 } });
    plan.stopped({ handle: 9, kind: -1, isStranger: true });
    t.match(step(plan), { type: "stop", leftover: { handle: 9, kind: RESOURCE } }, "the kind was not told");
    plan.stopped({ handle: 9, kind: RESOURCE, isStranger: true });
    t.match(step(plan), { type: "start", instance: { record: { functionId: idOf(1) } } });
    t.equal(plan.asked({ ...status, instances: [] }, 6), true, "it was started anew unnoticed");
    t.equal(plan.find(idOf(2))?.record.handle, undefined);
  },
);

t.test("given no room for an image, when others are not needed, then one of them goes", async (t) => {
  const plan = planOf(record(1));
  plan.images.add("00".repeat(8));
  plan.isFull = true;
  t.match(step(plan), { type: "remove-image", image: "00".repeat(8) });
});

/** A device that carries out every command, for the property below. */
class ObedientDevice {
  readonly running = new Map<number, string>();
  readonly images = new Set<string>();
  #last = 100;

  obey(command: Command, plan: DevicePlan): void {
    const find = (instance: { readonly record: InstanceRecord }) => {
      const planned = plan.find(instance.record.functionId);
      if (planned === undefined) throw new Error("a command for an instance that is not planned");
      return planned;
    };
    switch (command.type) {
      case "ask":
        plan.asked(
          {
            freeMemoryBytes: 0,
            uptimeSeconds: 0,
            counters: [],
            bootNonce: 1,
            digests: [...this.images].map((image) => Buffer.from(image, "hex")),
            instances: [...this.running.keys()].map((handle) => ({
              handle,
              state: RUNNING,
              restarts: 0,
              reason: "",
            })),
          },
          1,
        );
        break;
      case "reset":
        this.running.clear();
        plan.wasReset();
        break;
      case "stop":
        this.running.delete(command.leftover.handle);
        plan.stopped(command.leftover);
        break;
      case "remove-image":
        this.images.delete(command.image);
        plan.images.delete(command.image);
        plan.isFull = false;
        break;
      case "store-image":
        this.images.add(imageName(command.digest));
        plan.stored(command.digest);
        break;
      case "start":
        this.running.set(++this.#last, command.instance.record.functionId);
        plan.started(find(command.instance), this.#last);
        break;
      case "wire":
        plan.wired(find(command.instance), command.outputs);
        break;
    }
  }
}

t.test(
  "given any plan and any device, when the steps are taken, then it runs what it should and nothing else",
  async (t) => {
    const planned = fc.array(
      fc.record({
        id: fc.integer({ min: 1, max: 9 }),
        runs: fc.boolean(),
        target: fc.integer({ min: 1, max: 12 }),
      }),
      { maxLength: 8 },
    );
    const strangers = fc.array(fc.integer({ min: 50, max: 60 }), { maxLength: 3 });
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(
          planned,
          strangers,
          fc.boolean(),
          fc.boolean(),
          (instances, foreign, isDoubtful, hasImage) => {
            const plan = planOf();
            const device = new ObedientDevice();
            for (const handle of foreign) device.running.set(handle, "stranger");
            for (const { id, runs, target } of instances) {
              if (plan.find(idOf(id)) !== undefined) continue;
              const handle = runs ? id : undefined;
              plan.add(
                record(id, { handle, outputs: [{ channel: "out", target: local(target), route: id }] }),
              );
              if (runs) device.running.set(id, idOf(id));
            }
            if (hasImage) device.images.add(imageName(DIGEST));
            plan.isDoubtful = isDoubtful || foreign.length > 0 || hasImage;
            for (let steps = 0; ; steps++) {
              const command = nextCommand(plan, 0);
              if (command === undefined) break;
              if (steps > 200) return false;
              device.obey(command, plan);
            }
            const wanted = plan.instances.map(({ record: { functionId } }) => functionId).sort();
            if (JSON.stringify([...device.running.values()].sort()) !== JSON.stringify(wanted)) return false;
            return plan.instances.every(({ record: { handle, outputs, wired } }) => {
              const [output] = outputs;
              const receiver = output === undefined ? undefined : plan.find(output.target.functionId);
              const expected = receiver?.record.handle ?? -1;
              return handle !== undefined && device.running.has(handle) && wired?.[0]?.handle === expected;
            });
          },
        ),
      ),
    );
  },
);

t.test(
  "given events for several instances, when they are taken, then in order each and in turn between them",
  async (t) => {
    const lanes = new EventLanes(5);
    const queued = (target: number, payload: string, sinceMs = 0) => ({
      event: cast(INSTANCE_NONE, local(target), payload),
      payload: new Uint8Array(0),
      stream: undefined,
      sinceMs,
    });
    for (const text of ["a1", "a2", "a3"]) t.ok(lanes.push(queued(1, text)));
    t.ok(lanes.push(queued(2, "b1")));
    const all = () => true;
    const text = (taken: ReturnType<typeof lanes.take>) =>
      taken?.event.data.type === "cast" ? taken.event.data.payload : undefined;
    const first = lanes.take(0, all);
    t.equal(text(first), "a1");
    t.equal(text(lanes.take(0, all)), "b1");
    if (first !== undefined) lanes.hold(first, 100);
    t.equal(lanes.take(50, all), undefined, "the busy instance rests");
    t.equal(lanes.nextMs(50), 100);
    t.equal(text(lanes.take(100, all)), "a1");
    t.equal(
      lanes.take(100, () => false),
      undefined,
      "not there yet",
    );
    t.equal(lanes.length, 2);
    lanes.push(queued(3, "c1", 900));
    t.same(lanes.expire(500).map(text), ["a2", "a3"]);
    t.equal(lanes.length, 1);
    for (let i = 0; i < 4; i++) t.ok(lanes.push(queued(4, "d", 900)));
    t.notOk(lanes.push(queued(4, "too many", 900)));
    t.equal(lanes.remove(idOf(4)).length, 4);
    t.ok(lanes.pushAnswer({ kind: 2, payload: new Uint8Array(0), stream: 1 }));
    t.equal(lanes.takeAnswer()?.stream, 1);
    t.equal(lanes.clear().length, 1);
    t.equal(lanes.length, 0);
  },
);

t.test(
  "given foreign instances, when they get numbers, then none is given twice and old ones are forgotten",
  async (t) => {
    const references = new PeerReferences(2);
    t.same(references.numberOf(INSTANCE_NONE), { number: 0, isNew: false });
    t.same(references.numberOf(instance(2, 1)), { number: 1, isNew: true });
    t.same(references.numberOf(instance(2, 2)), { number: 2, isNew: true });
    t.same(references.numberOf(instance(2, 1)), { number: 1, isNew: false });
    t.same(references.numberOf(instance(2, 3)), { number: 3, isNew: true });
    t.equal(references.instanceOf(2), undefined, "the least recently used one");
    t.same(references.instanceOf(1), instance(2, 1));
    const restored = new PeerReferences(2);
    restored.restore(references.entries());
    t.same(restored.instanceOf(3), instance(2, 3));
    const { number } = restored.numberOf(instance(2, 9));
    t.ok(number > 3 + 50, "numbers that were given but not written down are not given again");
  },
);

t.test(
  "given outputs, when they change, then numbers are small, kept, and not given to another target soon",
  async (t) => {
    const clock = new FakeClock();
    const routes = new RouteTable(clock);
    const wire = (...targets: [string, InstanceId][]) => routes.wire(idOf(1), new Map(targets));
    t.same(
      wire(["a", local(5)], ["b", local(6)]).map(({ route }) => route),
      [0, 1],
    );
    t.same(
      wire(["a", local(5)], ["b", local(7)]).map(({ route }) => route),
      [0, 2],
    );
    t.same(routes.find(1)?.target, local(6), "sent before the device learned of it");
    await clock.advance(60_001);
    t.equal(routes.find(1), undefined);
    t.same(
      wire(["c", local(8)]).map(({ route }) => route),
      [1],
    );
    routes.remove(idOf(1));
    await clock.advance(60_001);
    t.equal(routes.find(1), undefined);
  },
);

t.test("given a call, when no answer comes in time, then its caller is told once", async (t) => {
  const clock = new FakeClock();
  const calls = new PendingCalls<number, string>(clock, 2);
  let expired = 0;
  calls.add(1, "one", 100, () => expired++);
  calls.add(2, "two", 100, () => expired++);
  t.ok(calls.isFull);
  t.equal(calls.take(1), "one");
  await clock.advance(200);
  t.equal(expired, 1);
  t.equal(calls.take(2), undefined);
  calls.add(3, "three", 100, () => expired++);
  t.same(calls.takeAll(), ["three"]);
  await clock.advance(200);
  t.equal(expired, 1);
});

t.test(
  "given a device's report of free memory, when functions come and go since, then what is left is known",
  async (t) => {
    const memory = new MemoryLedger();
    const available = () => memory.availableBytes(() => true);
    const gone = () => false;
    memory.reported(100, () => false, gone);
    memory.add(uuid(1), 30);
    t.equal(available(), 70, "it does not run yet");
    memory.reported(75, (id) => id === uuid(1), gone);
    t.equal(available(), 75, "the device has counted it");
    memory.add(uuid(2), 50);
    memory.remove(uuid(1), 4);
    t.equal(available(), 55);
    memory.reported(
      75,
      () => false,
      (handle) => handle === 4,
    );
    t.equal(available(), 55, "it ran still when the device reported");
    t.equal(
      memory.availableBytes((id) => id !== uuid(2)),
      105,
      "the device would not start it",
    );
    memory.remove(uuid(2), undefined);
    t.equal(available(), 105);
    memory.reported(100, () => true, gone);
    t.equal(available(), 100);
    memory.add(uuid(3), 40);
    memory.remove(uuid(3), 5);
    t.equal(available(), 100, "started and stopped without a report");
    memory.reported(
      60,
      () => false,
      (handle) => handle === 5,
    );
    t.equal(available(), 100, "the report is from between");
  },
);

t.test("given a flood of strangers, when peers make room, then registered devices stay", async (t) => {
  const table = new LruPeerTable(3);
  const peer = (port: number): Peer => ({
    address: "10.0.0.1",
    port,
    nextMessageId: 0,
    repetitions: 0,
    seen: { keys: [], answers: [], expiresMs: [], next: 0 },
    current: undefined,
    waiting: [],
    unacknowledged: [],
    pending: 0,
    bodies: [],
    observations: 0,
    echo: undefined,
    verified: false,
  });
  table.add(peer(1));
  table.keep("10.0.0.1", 1);
  const evicted: number[] = [];
  for (let port = 2; port < 10; port++) {
    const victim = table.add(peer(port));
    if (victim !== undefined) evicted.push(victim.port);
    table.find("10.0.0.1", 2);
  }
  t.ok(table.find("10.0.0.1", 1));
  t.ok(table.find("10.0.0.1", 2), "used lately");
  t.equal(table.size, 4);
  t.same(evicted, [3, 4, 5, 6, 7]);
  table.release("10.0.0.1", 1);
  t.equal(table.add(peer(10))?.port, 8);
  table.keep("10.0.0.1", 11);
  for (let port = 11; port < 30; port++) table.add(peer(port));
  t.ok(table.find("10.0.0.1", 11), "kept before it was known, as after a restart");
});

t.test(
  "given ports of a range, when devices come and go, then each gets its former one or a free one",
  async (t) => {
    const ports = new AgentPorts(7000, 3);
    t.same(ports.candidates(0), [7000, 7001, 7002]);
    ports.take(7001);
    t.same(ports.candidates(7001), [7001, 7000, 7002]);
    t.same(ports.candidates(9000), [9000, 7000, 7002]);
    ports.release(7001);
    t.same(ports.candidates(0), [7000, 7001, 7002]);
    t.same(new AgentPorts(0, 3).candidates(0), [0]);
    t.equal(new AgentPorts(7000, 1000).candidates(0).length, 20, "a bounded number is tried");
  },
);

t.test("given the reason of a device, when it has an error number, then the code is named", async (t) => {
  t.equal(deviceReason("53 unreachable"), "EDGELESS_FUNCTION_TRAPPED: unreachable");
  t.equal(deviceReason("9999 x"), "9999 x");
  t.equal(deviceReason("anything"), "anything");
});

t.test("given a host that is refused all the time, when it goes on, then the log stays small", async (t) => {
  const clock = new FakeClock();
  const lines: unknown[] = [];
  const logger = { ...SILENT, warn: (message: string, fields?: unknown) => lines.push([message, fields]) };
  const log = new RefusalLog(clock, logger);
  for (let i = 0; i < 1000; i++) log.add({ address: "10.0.0.1", port: i });
  t.equal(lines.length, 20);
  t.same(lines[0], ["a device was not registered", { address: "10.0.0.1", port: 0 }]);
  await clock.advance(60_000);
  log.add({ address: "10.0.0.1", port: 1 });
  t.same(lines.slice(20), [
    ["more devices were not registered", { count: 980 }],
    ["a device was not registered", { address: "10.0.0.1", port: 1 }],
  ]);
});
