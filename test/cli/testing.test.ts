import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";
import { SkippingClock } from "../../cli/functions/skipping-clock.js";
import { type LoadOptions, loadFunction } from "../../cli/testing.js";
import { ROOT } from "../kit/repository.js";

const load = (id: string, options?: LoadOptions) =>
  loadFunction(join(ROOT, "dist", "functions", id, `${id}.wasm`), options);

t.test("given a counter, when time passes, then it counts without anybody waiting", async (t) => {
  const counter = await load("counter", { init: "41" });
  t.same(counter.sent(), [["cast", "output", "42"]]);
  await counter.advance(999);
  t.same(counter.sent(), []);
  await counter.advance(1);
  t.same(counter.sent(), [["cast", "output", "43"]]);
  const startMs = performance.now();
  await counter.advance(3_600_000);
  t.equal(counter.sent().length, 3600);
  t.ok(performance.now() - startMs < 60_000);
});

t.test("given a function that calls, when there are answers, then it gets them", async (t) => {
  const asked: string[] = [];
  const ping = await load("ping", {
    state: '{"count":5}',
    answers: {
      ponger(payload) {
        asked.push(payload);
        if (asked.length === 2) throw new Error("no");
        return asked.length === 3 ? null : `PONG ${asked.length}`;
      },
    },
  });
  await ping.advance(3000);
  t.same(asked, ["PING-5", "PING-6", "PING-7", "PING-8"]);
  t.same(
    ping.sent(),
    asked.map((payload) => ["call", "ponger", payload]),
  );
  t.same(ping.logs(), ["info ping: reply: PONG 1", "info ping: reply: PONG 4"]);
  t.equal(ping.state, '{"count":9}');
});

t.test("given every kind of sending, when it happens, then the test sees where to", async (t) => {
  const fixture = await load("messaging_test");
  t.same(fixture.logs(), ["info messaging_test: Messaging Test Init"]);
  for (const kind of ["cast_raw", "cast", "call_raw", "call"]) await fixture.cast(`test_${kind}_output`);
  t.same(fixture.sent(), [
    ["cast-raw", "source", "cast_raw_output"],
    ["cast", "test", "cast_output"],
    ["call-raw", "source", "call_raw_output"],
    ["call", "test", "call_output"],
  ]);
  t.equal(await fixture.call("test_ret"), "test_reply");
  t.equal(await fixture.call("anything"), null);
  await t.rejects(fixture.call("test_err"), { code: "EDGELESS_REJECTED" });
  await fixture.stop();
  t.match(fixture.logs().at(-1), "Messaging Test Stop");
  await t.rejects(fixture.cast("x"), { code: "EDGELESS_UNKNOWN_INSTANCE" });
});

t.test(
  "given channels that are not mapped, when a function uses them, then it is as on a node",
  async (t) => {
    await t.rejects(load("ping", { outputs: [] }), {
      code: "EDGELESS_FUNCTION_TRAPPED",
      message: 'the output "ponger" is not mapped',
    });
    const dup = await load("dup", { outputs: ["out2"] });
    await dup.cast("x");
    t.same(dup.sent(), [["cast", "out2", "x"]]);
  },
);

t.test("given functions that end, when an event ended them, then that event rejects", async (t) => {
  const counter = await load("counter");
  await t.rejects(counter.cast("x"), { code: "EDGELESS_FUNCTION_TRAPPED" });
  await t.rejects(counter.cast("1"), { code: "EDGELESS_UNKNOWN_INSTANCE" });
  const endless = await load("infinite_test");
  await t.rejects(endless.advance(1000), { code: "EDGELESS_FUNCTION_OUT_OF_TIME" });
  await t.rejects(loadFunction(pathToFileURL(join(ROOT, "package.json"))), { code: "EDGELESS_BAD_WASM" });
});

t.test("given callbacks without end at one time, when they run, then the clock gives up", async (t) => {
  const clock = new SkippingClock(20);
  const again = () => void clock.setTimer(0, again);
  again();
  await t.rejects(clock.settle(), { code: "EDGELESS_FUNCTION_OUT_OF_TIME" });
});
