import t from "tap";
import { eventually } from "../kit/eventually.js";
import { FakeClock } from "../kit/fake-clock.js";
import { cast } from "../node/kit/events.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(240_000);

t.test(
  "given a lossy link, when 10,000 events pass, then each arrives exactly once, both ways",
  async (t) => {
    const seed = 20;
    const count = 10_000;
    t.comment(`seed ${seed}`);
    const clock = new FakeClock();
    const rig = await rigFor(t, {
      ...{ seed, clock },
      link: { loss: 0.2, delayMs: 5, jitterMs: 20, duplication: 0.05, reordering: 0.05 },
      endpoint: { ackTimeoutMs: 2_000, maxTimeoutMs: 8_000, maxRetransmit: 12 },
      configure: (config) => ({
        ...config,
        general: { ...config.general, subscription_refresh_interval_sec: 3_600 },
        devices: { ...config.devices, queue_age_ms: 3_600_000 },
      }),
    });
    const stop = runFreely(clock);
    t.teardown(stop);
    rig.device(1, { settings: { lifetimeSeconds: 3_600 } });
    const agent = await rig.admit(1);
    const incr = await run(rig, agent, "incr", { result: sink(1) });
    const invocation = invocationOf(t, rig);
    for (let i = 0; i < count; i++) {
      await eventually("room", () => i - rig.received.length < 15, 60_000);
      await invocation.handle(cast(SOURCE, incr, `${i}`));
    }
    await eventually("all", () => rig.received.length >= count, 60_000);
    t.same(
      rig.payloads().map(Number),
      Array.from({ length: count }, (_, i) => i + 1),
    );
    t.same([...rig.gateway.metrics.drops], []);
    const { lost, sent } = rig.network.counters;
    t.comment(`${lost} of ${sent} datagrams were lost, ${Math.round(clock.monotonicMs() / 1000)} s passed`);
  },
);

/** Lets time run as fast as the machine can, until the returned function is called. */
function runFreely(clock: FakeClock): () => void {
  let isOver = false;
  const turn = async () => {
    while (!isOver) await clock.advance(1_000);
  };
  void turn();
  return () => {
    isOver = true;
  };
}
