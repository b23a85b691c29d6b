import t from "tap";
import type { NodeUpdate, Result } from "../../../core/api.js";
import { NO_CAPABILITIES } from "../../../core/capabilities.js";
import { EdgelessError } from "../../../core/errors.js";
import { HEALTH_ZERO } from "../../../core/health.js";
import { SILENT } from "../../../core/log.js";
import { NO_SAMPLES, type PerformanceSamples } from "../../../core/samples.js";
import type { InstanceStatus } from "../../../core/status.js";
import { Registration } from "../../../grpc-api/registration/registration.js";
import { SampleBacklog } from "../../../grpc-api/registration/sample-backlog.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { uuid } from "../../node/kit/events.js";

const START_MS = 1_700_000_000_900;
const OK: Result<void> = { ok: true, value: undefined };

function setUp() {
  const clock = new FakeClock(START_MS);
  const updates: { readonly atMs: number; readonly update: NodeUpdate }[] = [];
  const scene = {
    answer: async (): Promise<Result<void>> => OK,
    statuses: [] as InstanceStatus[],
    samples: NO_SAMPLES,
    health: async () => ({ ...HEALTH_ZERO, memFree: 5 }),
  };
  const registration = new Registration({
    register: {
      updateNode(update) {
        updates.push({ atMs: clock.monotonicMs(), update });
        return scene.answer();
      },
    },
    identity: {
      nodeId: uuid(1),
      agentUrl: "http://10.0.0.1:7005",
      invocationUrl: "http://10.0.0.1:7006",
      resourceProviders: [],
      capabilities: NO_CAPABILITIES,
      nonce: 0xfedcba9876543210n,
    },
    intervalMs: 2_000,
    measureHealth: () => scene.health(),
    drainSamples: () => {
      const drained = scene.samples;
      scene.samples = NO_SAMPLES;
      return drained;
    },
    statuses: () => scene.statuses,
    clock,
    random: seededRandom(2),
    logger: SILENT,
  });
  return { clock, updates, scene, registration, times: () => updates.map(({ atMs }) => atMs) };
}

function executed(...seconds: number[]): PerformanceSamples {
  const samples = seconds.map((value) => ({ time: { seconds: 1, nanoseconds: 0 }, seconds: value }));
  return { ...NO_SAMPLES, executionTimes: new Map([[uuid(7), samples]]) };
}

function status(state: InstanceStatus["state"], reason = ""): InstanceStatus {
  return { functionId: uuid(7), state, restarts: 0, reason };
}

const unreachable = async () => {
  throw new EdgelessError("EDGELESS_UNREACHABLE", "connection refused");
};

t.test(
  "given an orchestrator, when the node starts, then it registers at once and at each interval",
  async (t) => {
    const { clock, updates, registration, times } = setUp();
    registration.start();
    await clock.advance(6_500);
    t.same(times(), [0, 2_000, 4_000, 6_000]);
    t.match(updates[0]?.update, {
      nodeId: uuid(1),
      nonce: 0xfedcba9876543210n,
      instances: [],
      health: { memFree: 5 },
    });
    t.equal(updates[0]?.update.refreshDeadline, 1_700_000_004n, "now + 4 s, the fraction cut off");
    t.equal(updates[1]?.update.refreshDeadline, 1_700_000_006n);
    t.equal(new Set(updates.map(({ update }) => update.nonce)).size, 1);
  },
);

t.test("given no orchestrator, when it comes, then the node is registered within an interval", async (t) => {
  const { clock, scene, registration, times } = setUp();
  scene.answer = unreachable;
  registration.start();
  await clock.advance(20_000);
  const gaps = times().map((atMs, index, all) => atMs - (all[index - 1] ?? 0));
  t.ok(
    gaps.every((gap) => gap <= 2_000),
    `never slower than the interval: ${gaps}`,
  );
  t.ok(gaps[1] !== undefined && gaps[1] < 250, "the first retry comes soon");
  t.ok(times().length <= 16, `backs off: ${times().length} attempts in 20 s`);
  scene.answer = async () => OK;
  const before = times().length;
  await clock.advance(2_000);
  t.ok(times().length > before);
});

t.test(
  "given a hanging orchestrator, when a call ends at its deadline, then the next follows without another pause",
  async (t) => {
    const { clock, scene, registration, times } = setUp();
    scene.answer = () =>
      new Promise((_, reject) =>
        clock.setTimer(2_000, () => reject(new EdgelessError("EDGELESS_TIMEOUT", "no answer"))),
      );
    registration.start();
    await clock.advance(8_500);
    t.same(times(), [0, 2_000, 4_000, 6_000, 8_000], "one at a time");
  },
);

t.test(
  "given an orchestrator that refuses or restarts, when time passes, then the node keeps announcing itself",
  async (t) => {
    const { clock, scene, registration, times } = setUp();
    scene.answer = async () => ({ ok: false, error: { summary: "invalid node configuration" } });
    registration.start();
    await clock.advance(10_000);
    const whileRefused = times().length;
    t.ok(whileRefused >= 5);
    scene.answer = async () => OK;
    await clock.advance(4_500);
    t.ok(times().length - whileRefused <= 4, "back to one per interval");
  },
);

t.test(
  "given samples, when sending fails, then they are sent with the next success and only once",
  async (t) => {
    const { clock, scene, updates, registration } = setUp();
    scene.answer = unreachable;
    scene.samples = executed(1, 2);
    registration.start();
    await clock.advance(500);
    scene.samples = executed(3);
    scene.answer = async () => OK;
    await clock.advance(2_000);
    const delivered = updates.map(({ update }) =>
      update.samples.executionTimes.get(uuid(7))?.map((s) => s.seconds),
    );
    t.same(
      delivered.filter((series) => series?.includes(3)),
      [[1, 2, 3]],
    );
    await clock.advance(4_000);
    t.equal(updates.at(-1)?.update.samples.executionTimes.size, 0);
  },
);

t.test(
  "given an instance that changes, when it does, then an update follows soon, at most five a second",
  async (t) => {
    const { clock, scene, updates, registration, times } = setUp();
    registration.start();
    await clock.advance(500);
    scene.statuses = [status("running")];
    await clock.advance(200);
    t.equal(times().length, 2);
    t.same(updates[1]?.update.instances, [status("running")]);
    for (let i = 0; i < 100; i++) {
      scene.statuses = [status("crashed", `trap ${i}`)];
      await clock.advance(10);
    }
    t.ok(times().length <= 2 + 6, `rate-limited: ${times().length}`);
    await clock.advance(200);
    t.same(updates.at(-1)?.update.instances, [status("crashed", "trap 99")]);
    const count = times().length;
    await clock.advance(1_000);
    t.equal(times().length, count, "silence again when nothing changes");
  },
);

t.test(
  "given a registered node, when it closes, then it leaves with a deadline in the past and all timers end",
  async (t) => {
    const { clock, scene, updates, registration } = setUp();
    registration.start();
    await clock.advance(100);
    scene.samples = executed(9);
    await registration.close();
    t.equal(updates.length, 2);
    t.match(updates[1]?.update, { refreshDeadline: 0n, nonce: 0xfedcba9876543210n });
    t.equal(updates[1]?.update.samples.executionTimes.size, 1, "the last samples go with it");
    await clock.advance(10_000);
    t.equal(updates.length, 2);
    t.equal(clock.pending, 0);
    await registration.close();
    t.equal(updates.length, 2, "leaves once");
  },
);

t.test(
  "given an orchestrator that is gone or hangs, when the node closes, then that takes a bounded time",
  async (t) => {
    const gone = setUp();
    gone.scene.answer = unreachable;
    gone.registration.start();
    await settle();
    await gone.registration.close();
    t.equal(gone.updates.length, 1, "nobody knows this node, so nobody is told");
    const hanging = setUp();
    hanging.registration.start();
    await settle();
    hanging.scene.answer = () => new Promise(() => {});
    await hanging.clock.advance(2_000);
    let closed = false;
    void hanging.registration.close().then(() => {
      closed = true;
    });
    await hanging.clock.advance(2_000);
    t.ok(closed);
    t.equal(hanging.clock.pending, 0);
  },
);

t.test(
  "given a long absence, when samples pile up, then the newest of each instance are kept and the rest counted",
  async (t) => {
    const backlog = new SampleBacklog(3);
    backlog.back(backlog.take(executed(1, 2)));
    backlog.back(backlog.take(executed(3, 4)));
    t.equal(backlog.dropped, 1);
    const entry = { time: { seconds: 1, nanoseconds: 0 }, target: "a", message: "b" };
    const all = backlog.take({ ...NO_SAMPLES, logEntries: new Map([[uuid(8), [entry]]]) });
    t.same(
      all.executionTimes.get(uuid(7))?.map((sample) => sample.seconds),
      [2, 3, 4],
    );
    t.same(all.logEntries.get(uuid(8)), [entry]);
    t.equal(backlog.take(NO_SAMPLES).executionTimes.size, 0);
  },
);

t.test(
  "given a host that does not tell its health, when reports are due, then they go without it",
  async (t) => {
    const { clock, scene, updates, registration } = setUp();
    scene.health = () => new Promise(() => {});
    registration.start();
    await clock.advance(500);
    t.match(updates[0]?.update.health, { memFree: -1, gpuTempCels: -1000 });
    scene.health = async () => {
      throw new Error("no /proc");
    };
    await clock.advance(2_000);
    t.match(updates[1]?.update.health, { memFree: -1 });
  },
);
