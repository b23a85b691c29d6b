import t from "tap";
import type { NodeUpdate, Result } from "../../core/api.js";
import { NO_CAPABILITIES } from "../../core/capabilities.js";
import { HEALTH_ZERO } from "../../core/health.js";
import { SILENT } from "../../core/log.js";
import { NO_SAMPLES } from "../../core/samples.js";
import { randomUuid } from "../../core/uuid.js";
import { RegistrationPace } from "../../gateway/registration-pace.js";
import { Turns } from "../../gateway/turns.js";
import { Registration } from "../../grpc-api/registration/registration.js";
import { FakeClock } from "../kit/fake-clock.js";
import { seededRandom } from "../kit/seeded-random.js";

const OK: Result<void> = { ok: true, value: undefined };
const INTERVAL_MS = 2_000;

/** Nodes of one process that report in turn; each report takes a while. */
function fleetOf(count: number, tookMs: number, stretch: number) {
  const clock = new FakeClock();
  const random = seededRandom(5);
  const turns = new Turns(4);
  const updates: { readonly atMs: number; readonly update: NodeUpdate }[] = [];
  let underWay = 0;
  let most = 0;
  const register = {
    async updateNode(update: NodeUpdate) {
      updates.push({ atMs: clock.wallMs(), update });
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => void clock.setTimer(tookMs, resolve));
      underWay--;
      return OK;
    },
  };
  const registrations = Array.from(
    { length: count },
    () =>
      new Registration({
        register,
        identity: {
          nodeId: randomUuid(random),
          agentUrl: "http://127.0.0.1:1",
          invocationUrl: "http://127.0.0.1:2",
          resourceProviders: [],
          capabilities: NO_CAPABILITIES,
          nonce: 1n,
        },
        intervalMs: INTERVAL_MS,
        stretch: () => stretch,
        inTurn: (report) => turns.take(report),
        measureHealth: async () => HEALTH_ZERO,
        drainSamples: () => NO_SAMPLES,
        statuses: () => [],
        watchesStatuses: false,
        ...{ clock, random, logger: SILENT },
      }),
  );
  return { clock, updates, registrations, mostUnderWay: () => most };
}

t.test(
  "given many nodes that start at once, then a few report at a time, with deadlines that count from their turn",
  async (t) => {
    const { clock, updates, registrations, mostUnderWay } = fleetOf(400, 100, 10);
    for (const registration of registrations) registration.start();
    await clock.advance(10_000);
    t.equal(updates.length, 400, "four each 100 ms");
    t.equal(mostUnderWay(), 4);
    for (const { atMs, update } of updates)
      if (Number(update.refreshDeadline) * 1000 - atMs < 2 * 10 * INTERVAL_MS - 1_000)
        t.fail(`at ${atMs} a deadline ${update.refreshDeadline}`);
  },
);

t.test(
  "given nodes that registered in the same moment, when they go on for a while, then their reports spread over the interval, and none is late",
  async (t) => {
    const { clock, updates, registrations } = fleetOf(200, 0, 10);
    for (const registration of registrations) registration.start();
    await clock.advance(400_000);
    const lastMs = clock.wallMs() - 10 * INTERVAL_MS;
    const bySecond = new Map<number, number>();
    for (const { atMs } of updates.filter(({ atMs }) => atMs > lastMs)) {
      const second = Math.floor(atMs / 1000);
      bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    }
    const busiest = Math.max(...bySecond.values());
    t.ok(busiest < 40, `${busiest} of 200 in one second of twenty`);
    const latest = new Map<string, number>();
    for (const { atMs, update } of updates) {
      const before = latest.get(update.nodeId);
      if (before !== undefined && atMs - before > 10 * INTERVAL_MS) t.fail("a report was late");
      latest.set(update.nodeId, atMs);
    }
    t.equal(latest.size, 200);
  },
);

/** Devices that all come at once, and again when they are told to; they are served one after the other. */
function rush(devices: number, atATime: number, serviceMs: number) {
  const pace = new RegistrationPace(atATime);
  const comeAt = Array.from({ length: devices }, () => 0);
  const ends: number[] = [];
  let registered = 0;
  let refused = 0;
  let nowMs = 0;
  let most = 0;
  for (; registered < devices && nowMs < 3_600_000; nowMs += 5) {
    while (ends.length > 0 && (ends[0] ?? 0) <= nowMs) {
      pace.end(ends.shift() ?? nowMs);
      registered++;
    }
    for (let i = 0; i < devices; i++) {
      if ((comeAt[i] ?? 0) > nowMs) continue;
      const waitS = pace.begin(nowMs, 0);
      if (waitS === undefined) {
        ends.push(Math.max(nowMs, ends.at(-1) ?? 0) + serviceMs);
        comeAt[i] = Number.POSITIVE_INFINITY;
        most = Math.max(most, ends.length);
      } else {
        refused++;
        comeAt[i] = nowMs + waitS * 1000;
        if (waitS < 1 || waitS > 241) throw new Error(`told to wait ${waitS} s`);
      }
    }
  }
  return { seconds: nowMs / 1000, refused, most };
}

for (const serviceMs of [1, 5, 40]) {
  t.test(
    `given a rush of devices, ${serviceMs} ms for each, then no more than a second of work is taken, and the others come at the pace at which they are served`,
    async (t) => {
      const { seconds, refused, most } = rush(5_000, 32, serviceMs);
      t.ok(most <= Math.max(200, 1_100 / serviceMs), `${most} at a time`);
      // Before anything is measured, 200 a second are expected.
      const idealS = (5_000 * Math.max(serviceMs, 5)) / 1000;
      t.ok(seconds < 1.5 * idealS + 10, `${seconds} s instead of ${idealS}`);
      t.ok(refused < 4 * 5_000, `${refused} refusals`);
    },
  );
}

t.test("given little to do, then nobody waits; given a backlog, then it counts", async (t) => {
  const pace = new RegistrationPace(2);
  for (let i = 0; i < 200; i++) t.equal(pace.begin(0, 0), undefined);
  t.type(pace.begin(0, 0), "number");
  pace.end(10);
  t.type(pace.begin(10, 1), "number");
  t.equal(pace.begin(10, 0), undefined);
});

t.test("given work that fails, then its turn goes to the next one", async (t) => {
  const turns = new Turns(1);
  const done: number[] = [];
  const failing = turns.take(() => Promise.reject(new Error("no")));
  const next = turns.take(async () => void done.push(2));
  t.equal(turns.waiting, 1);
  await t.rejects(failing, /no/);
  await next;
  t.strictSame(done, [2]);
  t.equal(turns.waiting, 0);
});
