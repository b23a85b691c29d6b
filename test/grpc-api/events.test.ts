import { setImmediate } from "node:timers/promises";
import t from "tap";
import { EdgelessError } from "../../core/errors.js";
import { type Event, METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import { INSTANCE_NONE } from "../../core/instance-id.js";
import { uniform } from "../../core/random.js";
import { requireUuid } from "../../core/uuid.js";
import { handleAllMethod } from "../../grpc-api/event-batch.js";
import { connectInvocation, invocationService, type Service, startServer } from "../../grpc-api/index.js";
import { handleMethod } from "../../grpc-api/invocation-method.js";
import { serve } from "../../grpc-api/service.js";
import { systemClock } from "../../platform/system-clock.js";
import { eventually } from "../kit/eventually.js";
import { seededRandom } from "../kit/seeded-random.js";
import { RawPeer } from "./raw-peer.js";

const OPTIONS = { deadlineMs: 30_000 };

/** A cast that can be told from others, with a payload of this size. */
function cast(streamId: number, size = 10): Event {
  return {
    target: INSTANCE_NONE,
    source: INSTANCE_NONE,
    streamId: BigInt(streamId),
    data: { type: "cast", payload: "x".repeat(size) },
    created: TIMESTAMP_ZERO,
    metadata: METADATA_NONE,
  };
}

/** A peer that notes what it takes; it refuses every tenth event when `picky`. */
function recorder(picky = false): { readonly seen: number[]; readonly service: Service } {
  const seen: number[] = [];
  const service = invocationService({
    handle({ streamId }) {
      if (picky && streamId % 10n === 0n) throw new EdgelessError("EDGELESS_UNKNOWN_INSTANCE", "not mine");
      seen.push(Number(streamId));
    },
  });
  return { seen, service };
}

/** The same peer as a Rust node: it knows no batches. */
function withoutBatches({ methods }: Service): Service {
  return { methods: methods.filter(({ definition }) => definition.path === handleMethod.path) };
}

const INSTANCES = [1, 2, 3, 4].map((i) => requireUuid(`00000000-0000-4000-8000-00000000000${i}`, "instance"));

const sizes = [1, 1000, 40_000, 10, 300_000, 5, 70_000];
const mixed = Array.from({ length: 700 }, (_, i) => cast(i, i % 50 < sizes.length ? sizes[i % 50] : 100));
const order = mixed.map(({ streamId }) => Number(streamId));

for (const [peer, change] of [
  ["a peer of this project", (service: Service) => service],
  ["a peer without batches", withoutBatches],
] as const) {
  t.test(`given ${peer}, when events of all sizes are sent at once, then their order is kept`, async (t) => {
    const { seen, service } = recorder();
    const server = await startServer("http://127.0.0.1:0", [change(service)]);
    const client = connectInvocation(server.url, OPTIONS);
    await Promise.all(mixed.map((event) => client.handle(event)));
    t.strictSame(seen, order);
    client.close();
    await server.close();
  });

  t.test(`given ${peer}, when it refuses some events, then only those fail`, async (t) => {
    const { seen, service } = recorder(true);
    const server = await startServer("http://127.0.0.1:0", [change(service)]);
    const client = connectInvocation(server.url, OPTIONS);
    const outcomes = await Promise.allSettled(order.slice(0, 50).map((id) => client.handle(cast(id))));
    outcomes.forEach((outcome, id) => {
      if (id % 10 !== 0) t.equal(outcome.status, "fulfilled");
      else t.match(outcome, { reason: { code: "EDGELESS_REJECTED", message: /not mine/ } });
    });
    t.strictSame(
      seen,
      order.slice(0, 50).filter((id) => id % 10 !== 0),
    );
    client.close();
    await server.close();
  });
}

t.test(
  "given a peer without batches whose threads overtake each other, when events are sent at once, then those for one instance keep their order",
  async (t) => {
    const random = seededRandom(3);
    const seen = new Map<string, number[]>();
    let together = 0;
    let most = 0;
    const service = invocationService({
      async handle({ target, streamId }) {
        most = Math.max(most, ++together);
        for (let turns = Math.floor(20 * uniform(random)); turns > 0; turns--) await setImmediate();
        together--;
        seen.set(target.functionId, [...(seen.get(target.functionId) ?? []), Number(streamId)]);
      },
    });
    const server = await startServer("http://127.0.0.1:0", [withoutBatches(service)]);
    const client = connectInvocation(server.url, OPTIONS);
    const lane = (i: number) => INSTANCES[i % INSTANCES.length] ?? INSTANCE_NONE.functionId;
    await Promise.all(
      order.map((i) => client.handle({ ...cast(i), target: { ...INSTANCE_NONE, functionId: lane(i) } })),
    );
    t.equal(seen.size, INSTANCES.length);
    for (const [i, id] of INSTANCES.entries())
      t.strictSame(
        seen.get(id),
        order.filter((streamId) => streamId % INSTANCES.length === i),
      );
    t.equal(most, INSTANCES.length, "instances do not wait for each other");
    client.close();
    await server.close();
  },
);

t.test("given an ill-formed event in a batch, when received, then the others are taken", async (t) => {
  const { seen, service } = recorder();
  const server = await startServer("http://127.0.0.1:0", [service]);
  const peer = new RawPeer(server.url);
  const events = [cast(1), cast(2)].map((event) => handleMethod.request.encode(event));
  events.splice(1, 0, new Uint8Array([0xff]), new Uint8Array(0));
  const batch = handleAllMethod.request.encode(events);
  const { code, bytes } = await peer.call("FunctionInvocationBatch/HandleAll", batch);
  t.equal(code, 0);
  const refused = handleAllMethod.answer.decode(bytes);
  t.strictSame([...refused.keys()], [1, 2]);
  t.match(refused.get(2), /Event\.created is missing/);
  t.strictSame(seen, [1, 2]);
  peer.close();
  await server.close();
});

t.test(
  "given a peer that hangs, when events wait behind others, then all end at their deadline",
  async (t) => {
    let calls = 0;
    const hang = () => {
      calls++;
      return new Promise<never>(() => {});
    };
    const faults = { badRequest: "INTERNAL", failure: "INTERNAL" } as const;
    const server = await startServer("http://127.0.0.1:0", [
      { methods: [serve(handleMethod, hang, faults)] },
    ]);
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const client = connectInvocation(server.url, { deadlineMs: 300, clock });
    const startMs = performance.now();
    const handled = order.slice(0, 20).map((id) => client.handle(cast(id)));
    const over = Promise.allSettled(handled);
    await eventually("the first is sent", () => calls === 1);
    nowMs = 300;
    const outcomes = await over;
    t.ok(performance.now() - startMs < 3000);
    for (const outcome of outcomes) t.match(outcome, { reason: { code: "EDGELESS_TIMEOUT" } });
    t.equal(calls, 1, "those that waited were never sent");
    client.close();
    await server.close();
  },
);

t.test("given more events than may wait, when sent, then the excess fails at once", async (t) => {
  const { seen, service } = recorder();
  const server = await startServer("http://127.0.0.1:0", [service]);
  const client = connectInvocation(server.url, OPTIONS);
  const event = cast(1);
  const outcomes = await Promise.allSettled(Array.from({ length: 17_000 }, () => client.handle(event)));
  const failed = outcomes.filter(({ status }) => status === "rejected");
  t.ok(failed.length > 0 && failed.length < 1000);
  t.match(failed[0], { reason: { code: "EDGELESS_UNREACHABLE", message: /too many/ } });
  t.equal(seen.length, 17_000 - failed.length);
  client.close();
  await server.close();
});

t.test("given events that wait, when the client closes, then they fail", async (t) => {
  let entered = false;
  const hang = () => {
    entered = true;
    return new Promise<never>(() => {});
  };
  const faults = { badRequest: "INTERNAL", failure: "INTERNAL" } as const;
  const server = await startServer("http://127.0.0.1:0", [{ methods: [serve(handleMethod, hang, faults)] }]);
  const client = connectInvocation(server.url, OPTIONS);
  const sent = Promise.allSettled([1, 2, 3].map((id) => client.handle(cast(id))));
  await eventually("the first event has arrived", () => entered);
  client.close();
  for (const outcome of await sent) t.match(outcome, { reason: { code: "EDGELESS_UNREACHABLE" } });
  await server.close();
});
