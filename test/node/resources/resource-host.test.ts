import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import type { Event, EventData } from "../../../core/event.js";
import { INSTANCE_NONE, type InstanceId } from "../../../core/instance-id.js";
import type { StringMap } from "../../../core/specification.js";
import type { Uuid } from "../../../core/uuid.js";
import { OutgoingCalls } from "../../../node/resources/outgoing-calls.js";
import type {
  ResourceAnswer,
  ResourceContext,
  ResourceEvent,
  ResourceInstance,
  ResourceProviderHost,
} from "../../../node/resources/resource-provider.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { eventFor, hostOf, METADATA, NODE, PEER, started } from "../kit/resource-fixture.js";

t.setTimeout(120_000);

const cast = (payload: string): EventData => ({ type: "cast", payload });
const call = (payload: string): EventData => ({ type: "call", payload });

/** A resource class whose instances do what the payload says, under the eyes of the test. */
class ScriptedProvider implements ResourceProviderHost {
  readonly providerId = "host-scripted-1";
  readonly resourceClass = {
    classType: "scripted",
    version: "1.0",
    outputs: ["out"],
    configurations: new Map(),
    description: "",
  };
  readonly concurrency: number;
  readonly handled: string[] = [];
  readonly stopped: Uuid[] = [];
  readonly contexts: ResourceContext[] = [];
  readonly releases: ((answer: ResourceAnswer) => void)[] = [];
  running = 0;
  mostRunning = 0;
  closed = false;
  starting: Promise<void> = Promise.resolve();

  constructor(concurrency = 1) {
    this.concurrency = concurrency;
  }

  async start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance> {
    await this.starting;
    if (configuration.has("bad"))
      throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "Field 'good' missing");
    if (configuration.has("broken")) throw new Error("no luck");
    this.contexts.push(context);
    return {
      handle: (event) => this.#handle(event),
      patch: (outputs) => {
        if (!outputs.has("out")) throw new EdgelessError("EDGELESS_REJECTED", "out is missing");
      },
      stop: async () => {
        this.stopped.push(context.id.functionId);
        if (configuration.has("stuck")) await new Promise(() => {});
        const flush = () => {
          for (const release of this.releases.splice(0)) release({ type: "call-ret", payload: "flushed" });
        };
        if (configuration.has("late")) setImmediate(flush);
        else flush();
      },
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async #handle({ payload }: ResourceEvent): Promise<ResourceAnswer> {
    this.handled.push(payload);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      if (payload === "throw") throw new Error("it broke");
      if (payload === "never") return await new Promise(() => {});
      if (payload === "hold") return await new Promise((resolve) => this.releases.push(resolve));
      await null;
      return { type: "call-ret", payload: `${payload}!` };
    } finally {
      this.running--;
    }
  }
}

function setUp(provider = new ScriptedProvider(), mailboxCapacity = 16) {
  const clock = new FakeClock();
  return { clock, provider, ...hostOf([provider], { clock, callTimeoutMs: 1_000, mailboxCapacity }) };
}

const answersOf = (sent: readonly Event[]) =>
  sent.map(({ streamId, data }) => `${streamId} ${data.type}${"payload" in data ? ` ${data.payload}` : ""}`);

t.test(
  "given a class that a node offers, when a resource starts, then it gets a fresh id here",
  async (t) => {
    const { host, provider } = setUp();
    const first = await started(host, "scripted", {}, "wf-1");
    const second = await started(host, "scripted");
    t.equal(first.nodeId, NODE);
    t.not(first.functionId, second.functionId);
    t.equal(provider.contexts[0]?.workflowId, "wf-1");
    t.same(host.providers, [{ providerId: "host-scripted-1", classType: "scripted", outputs: ["out"] }]);
    t.same(
      host.statuses().map(({ functionId, state }) => `${functionId} ${state}`),
      [`${first.functionId} running`, `${second.functionId} running`],
    );
  },
);

t.test("given what cannot start, when it is requested, then the refusal says why", async (t) => {
  const { host, telemetry } = setUp();
  const refusal = async (classType: string, key: string) => {
    const result = await host.start({ classType, configuration: new Map([[key, ""]]), workflowId: "" });
    return result.ok ? "started" : `${result.error.summary} / ${result.error.detail}`;
  };
  t.equal(
    await refusal("redis", ""),
    'Error when creating a resource / no provider of class "redis" (offered: scripted)',
  );
  t.equal(await refusal("scripted", "bad"), "Invalid resource configuration / Field 'good' missing");
  t.equal(await refusal("scripted", "broken"), "Error when creating a resource / no luck");
  t.same(host.statuses(), []);
  t.same(telemetry.dropCounts, {});
});

t.test(
  "given a start that hangs, when another comes, then it does not wait and the first is given up",
  async (t) => {
    const { host, provider, clock } = setUp();
    let release = () => {};
    provider.starting = new Promise((resolve) => {
      release = resolve;
    });
    const slow = host.start({ classType: "scripted", configuration: new Map(), workflowId: "" });
    provider.starting = Promise.resolve();
    const quick = await started(host, "scripted");
    t.equal(host.statuses().length, 1, "the quick one runs while the slow one starts");
    await clock.advance(4_500);
    const result = await slow;
    t.match(result, { ok: false, error: { detail: "it did not start within 4500 ms" } });
    release();
    await settle();
    t.equal(provider.stopped.length, 1, "the instance that came too late was stopped");
    t.not(provider.stopped[0], quick.functionId);
    t.equal(host.statuses().length, 1);
  },
);

t.test(
  "given casts and calls, when they arrive, then they are handled in order and calls answered",
  async (t) => {
    const { host, provider, sent } = setUp();
    const id = await started(host, "scripted");
    for (let i = 1; i <= 5; i++)
      t.ok(host.deliver(eventFor(id, i % 2 ? cast(`${i}`) : call(`${i}`), BigInt(i))));
    await settle();
    t.same(provider.handled, ["1", "2", "3", "4", "5"]);
    t.equal(provider.mostRunning, 1);
    t.same(answersOf(sent), ["2 call-ret 2!", "4 call-ret 4!"]);
    t.match(sent[0], {
      target: PEER,
      source: id,
      metadata: METADATA,
      created: { seconds: 0, nanoseconds: 0 },
    });
  },
);

t.test("given a concurrent class, when many events arrive, then no more run than it allows", async (t) => {
  const { host, provider, sent } = setUp(new ScriptedProvider(3));
  const id = await started(host, "scripted");
  for (let i = 1; i <= 8; i++) host.deliver(eventFor(id, call("hold"), BigInt(i)));
  await settle();
  t.equal(provider.running, 3);
  provider.releases[1]?.({ type: "call-no-ret" });
  await settle();
  t.equal(provider.running, 3, "the next one took its place");
  t.same(answersOf(sent), ["2 call-no-ret"], "an answer does not wait for the ones before");
});

t.test(
  "given a handler that fails or hangs, then its call is answered err and the next is handled",
  async (t) => {
    const { host, clock, sent, telemetry, logger } = setUp();
    const id = await started(host, "scripted");
    host.deliver(eventFor(id, call("throw"), 1n));
    host.deliver(eventFor(id, cast("throw")));
    host.deliver(eventFor(id, call("never"), 2n));
    host.deliver(eventFor(id, call("fine"), 3n));
    await clock.advance(0);
    t.same(answersOf(sent), ["1 err"]);
    await clock.advance(120_000);
    t.same(answersOf(sent), ["1 err", "2 err", "3 call-ret fine!"]);
    t.same(telemetry.dropCounts, { "handler-failed": 3 });
    t.same(
      logger.lines.filter((line) => line.startsWith("warn")),
      ["warn a call failed: it broke", "warn a call failed: it was not handled in time"],
      "quickly repeated failures share a line",
    );
  },
);

t.test(
  "given a full mailbox, when more arrives, then it is dropped, counted, and calls get err",
  async (t) => {
    const { host, provider, sent, telemetry } = setUp(new ScriptedProvider(), 2);
    const id = await started(host, "scripted");
    host.deliver(eventFor(id, cast("hold")));
    for (const streamId of [1n, 2n, 3n]) host.deliver(eventFor(id, call("x"), streamId));
    host.deliver(eventFor(id, cast("y")));
    await settle();
    t.same(answersOf(sent), ["3 err"]);
    t.same(telemetry.dropCounts, { "mailbox-full": 2 });
    provider.releases[0]?.({ type: "err" });
    await settle();
    t.same(answersOf(sent), ["3 err", "1 call-ret x!", "2 call-ret x!"]);
  },
);

t.test(
  "given events, when they are handled, then transfer and execution are reported once each",
  async (t) => {
    const { host, clock, provider, telemetry } = setUp();
    const id = await started(host, "scripted");
    const nowMs = clock.wallMs();
    host.deliver(eventFor(id, call("hold"), 1n, nowMs - 250));
    host.deliver(eventFor(id, cast("x"), 0n, nowMs + 60_000));
    await clock.advance(500);
    provider.releases[0]?.({ type: "call-no-ret" });
    await clock.advance(0);
    t.same(telemetry.transfers, [0.25, 0], "queueing counts, skewed clocks give no negative time");
    t.same(telemetry.executions, ["scripted call 0.5", "scripted cast 0"]);
    await host.stop(id);
    t.same(telemetry.exits, [`${id.functionId} scripted ok`]);
  },
);

t.test("given waiting and running calls, when it stops, then each is answered exactly once", async (t) => {
  const { host, provider, sent, telemetry } = setUp();
  const id = await started(host, "scripted");
  host.deliver(eventFor(id, call("hold"), 1n));
  host.deliver(eventFor(id, call("x"), 2n));
  host.deliver(eventFor(id, cast("y")));
  await settle();
  await Promise.all([host.stop(id), host.stop(id)]);
  await host.stop(id);
  t.same(answersOf(sent).sort(), ["1 call-ret flushed", "2 err"], "what ran could finish");
  t.same(provider.stopped, [id.functionId]);
  t.same(telemetry.dropCounts, { "instance-stopped": 2 });
  t.same(host.statuses(), []);
  t.notOk(host.deliver(eventFor(id, call("z"), 3n)), "afterwards it is unknown");
});

t.test("given handlers that end after their instance, when it stops, then their answers count", async (t) => {
  const { host, sent } = setUp();
  const id = await started(host, "scripted", { late: "" });
  host.deliver(eventFor(id, call("hold"), 1n));
  await host.stop(id);
  t.same(answersOf(sent), ["1 call-ret flushed"]);
});

t.test("given an instance that will not stop, when it is stopped, then the wait is bounded", async (t) => {
  const { host, clock, sent, logger } = setUp();
  const id = await started(host, "scripted", { stuck: "" });
  host.deliver(eventFor(id, call("never"), 1n));
  await settle();
  const stopping = host.stop(id);
  await clock.advance(5_000);
  await stopping;
  t.same(answersOf(sent), ["1 err"]);
  t.ok(logger.lines.includes("warn a resource ended badly: it did not stop in time"));
});

t.test(
  "given ids nobody knows, when they are stopped or patched, then only the patch is an error",
  async (t) => {
    const { host } = setUp();
    await host.stop(PEER);
    t.throws(() => host.patch({ source: PEER.functionId, outputs: new Map() }), {
      code: "EDGELESS_UNKNOWN_INSTANCE",
    });
    const id = await started(host, "scripted");
    t.throws(() => host.patch({ source: id.functionId, outputs: new Map() }), { code: "EDGELESS_REJECTED" });
    host.patch({ source: id.functionId, outputs: new Map([["out", PEER]]) });
    host.patch({ source: id.functionId, outputs: new Map([["out", PEER]]) });
    await host.stop({ ...id, nodeId: PEER.nodeId });
    t.same(host.statuses(), [], "the function id alone decides");
  },
);

t.test("given running and starting resources, when the node is reset, then none is left", async (t) => {
  const { host, provider } = setUp();
  const running = await started(host, "scripted");
  let release = () => {};
  provider.starting = new Promise((resolve) => {
    release = resolve;
  });
  const starting = host.start({ classType: "scripted", configuration: new Map(), workflowId: "" });
  await host.reset();
  release();
  t.match(await starting, { ok: false, error: { detail: "the node was reset meanwhile" } });
  t.equal(provider.stopped.length, 2);
  t.equal(provider.stopped[0], running.functionId);
  t.same(host.statuses(), []);
  provider.starting = Promise.resolve();
  await started(host, "scripted");
  t.equal(host.statuses().length, 1, "it takes new resources");
  await host.close();
  t.ok(provider.closed);
  t.match(await host.start({ classType: "scripted", configuration: new Map(), workflowId: "" }), {
    ok: false,
  });
});

/** One resource and a way to let it call {@link PEER}. */
async function caller() {
  const parts = setUp();
  const id = await started(parts.host, "scripted");
  const [context] = parts.provider.contexts;
  if (context === undefined) throw new Error("no context");
  const answer = (event: Event | undefined, data: EventData, source: InstanceId = PEER) => {
    if (event === undefined) throw new Error("nothing was sent");
    const { streamId, source: origin } = event;
    return parts.host.deliver({ ...eventFor(origin, data), streamId, source });
  };
  return { ...parts, id, context, answer };
}

t.test("given a call, when its answer comes, then the caller has it", async (t) => {
  const { context, answer, sent, id } = await caller();
  const outcomes = [1, 2, 3].map((i) => context.call(PEER, `q${i}`, METADATA));
  t.match(sent[0], {
    source: id,
    target: PEER,
    data: { type: "call", payload: "q1" },
    metadata: METADATA,
  });
  for (const { streamId } of sent) t.ok(streamId > 0xffffffffn && streamId < 1n << 64n, `${streamId}`);
  t.equal(new Set(sent.map(({ streamId }) => streamId)).size, 3);
  answer(sent[2], { type: "err" });
  answer(sent[0], { type: "call-ret", payload: "a1" });
  answer(sent[1], { type: "call-no-ret" });
  t.same(await Promise.all(outcomes), [
    { type: "call-ret", payload: "a1" },
    { type: "call-no-ret" },
    { type: "err" },
  ]);
});

t.test("given numbers up to 2^32, when a call is made, then they are not used", async (t) => {
  const drawn = [0, 1, 0xffffffff, 0x100000000];
  const fill = (target: Uint8Array) => {
    new DataView(target.buffer).setBigUint64(0, BigInt(drawn.shift() ?? 0));
    return target;
  };
  const calls = new OutgoingCalls(new FakeClock(), { fill }, 1_000);
  const used: bigint[] = [];
  const outcome = calls.begin(PEER.functionId, PEER, (streamId) => used.push(streamId));
  t.same(used, [0x100000000n]);
  t.equal(calls.waiting, 1);
  calls.cancel(PEER.functionId);
  t.same(await outcome, { type: "err" });
  t.equal(calls.waiting, 0);
});

t.test("given answers that do not fit, when they come, then the call still waits", async (t) => {
  const { context, answer, sent, clock, provider, host, id } = await caller();
  const outcome = context.call(PEER, "q", METADATA);
  const streamId = sent[0]?.streamId ?? 0n;
  answer(sent[0], { type: "call-ret", payload: "stranger" }, { ...PEER, nodeId: NODE });
  host.deliver(eventFor(id, { type: "call-ret", payload: "other call" }, streamId ^ 1n));
  host.deliver(eventFor(id, cast("a cast with that number"), streamId));
  await settle();
  t.same(provider.handled, ["a cast with that number"]);
  await clock.advance(999);
  answer(sent[0], { type: "call-ret", payload: "right" });
  t.same(await outcome, { type: "call-ret", payload: "right" });
  t.ok(answer(sent[0], { type: "err" }), "a second answer is taken and ignored");
});

t.test("given no answer in time, then the call times out and a late answer is ignored", async (t) => {
  const { context, answer, sent, clock } = await caller();
  const outcome = context.call(PEER, "q", METADATA);
  await clock.advance(1_000);
  t.same(await outcome, { type: "timeout" });
  answer(sent[0], { type: "call-ret", payload: "late" });
  t.equal(clock.pending, 0);
});

t.test("given a target that is no instance, then casts are dropped and calls fail at once", async (t) => {
  const { context, sent, telemetry } = await caller();
  context.cast(INSTANCE_NONE, "x", METADATA);
  t.same(await context.call(INSTANCE_NONE, "x", METADATA), { type: "err" });
  t.same(sent, []);
  t.same(telemetry.dropCounts, { "unmapped-output": 2 });
});

t.test("given calls under way, when the caller stops, then they end and nothing more goes out", async (t) => {
  const { context, sent, host, id, clock } = await caller();
  const outcome = context.call(PEER, "q", METADATA);
  await host.stop(id);
  t.same(await outcome, { type: "err" });
  context.cast(PEER, "x", METADATA);
  t.same(await context.call(PEER, "x", METADATA), { type: "err" });
  t.equal(sent.length, 1);
  t.equal(clock.pending, 0, "no timer is left");
});

t.test("given any order of events, stops and time, then every call is answered exactly once", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("call x", "call throw", "call hold", "call never", "cast hold") },
    { weight: 2, arbitrary: fc.constantFrom("release", "advance") },
    { weight: 1, arbitrary: fc.constantFrom("stop", "start") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const provider = new ScriptedProvider((seed % 3) + 1);
      const clock = new FakeClock();
      const parts = { clock, random: seededRandom(seed + 1), mailboxCapacity: 3 };
      const { host, sent } = hostOf([provider], parts);
      let id = await started(host, "scripted");
      let calls = 0n;
      for (const name of steps) {
        if (name === "release") provider.releases.shift()?.({ type: "call-no-ret" });
        else if (name === "advance") await clock.advance(60_000);
        else if (name === "start") id = await started(host, "scripted");
        else if (name === "stop") void host.stop(id);
        else {
          const [type, payload = ""] = name.split(" ");
          if (type === "cast") host.deliver(eventFor(id, cast(payload)));
          else if (host.deliver(eventFor(id, call(payload), calls + 1n))) calls++;
        }
      }
      const closed = host.close();
      await clock.advance(5_000);
      await closed;
      const answered = sent.map(({ streamId }) => streamId).sort((a, b) => (a < b ? -1 : 1));
      return answered.length === Number(calls) && new Set(answered).size === answered.length;
    }),
    { numRuns: 60 },
  );
});
