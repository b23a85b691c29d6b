import t from "tap";
import type { Event } from "../../../core/event.js";
import { createWasmRuntime } from "../../../node/functions/create-function-runtime.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../../node/functions/function-settings.js";
import { recordTelemetry } from "../../../node/functions/telemetry-record.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { keepingLogger, NODE, PEER } from "./kit/host-fixture.js";
import { eventTo, local, request, shippedModule, statusOf, texts } from "./kit/runtime-fixture.js";

/*
 * The behaviour that EDGELESS 1.2 fixes for its test functions, shown with ours, on the real engine and a clock of the
 * test's own.
 */

async function open() {
  const clock = new FakeClock();
  const sent: Event[] = [];
  const logs: string[] = [];
  const runtime = await createWasmRuntime({
    nodeId: NODE,
    send: (event) => {
      sent.push(event);
    },
    telemetry: recordTelemetry((record) => {
      if (record[0] === "logged") logs.push(record.slice(2).join(" "));
    }),
    logger: keepingLogger([]),
    stateFolder: "",
    settings: { ...DEFAULT_FUNCTION_SETTINGS, threads: 0 },
    clock,
    random: seededRandom(5),
  });
  const cast = async (payload: string) => {
    runtime.deliver(eventTo(local(1), { type: "cast", payload }));
    await clock.advance(0);
    return texts(sent.splice(0));
  };
  const call = async (payload: string) => {
    runtime.deliver(eventTo(local(1), { type: "call", payload }, 9n));
    await clock.advance(0);
    return texts(sent.splice(0));
  };
  const start = async (id: string, channels: readonly string[], initPayload?: string) => {
    const transient = { stateId: local(9).functionId, policy: "transient" } as const;
    await runtime.start(local(1).functionId, {
      ...request(shippedModule(id), initPayload),
      state: transient,
    });
    runtime.patch(local(1).functionId, new Map(channels.map((channel) => [channel, PEER])));
    await clock.advance(0);
  };
  return { clock, sent, logs, runtime, cast, call, start };
}

t.test("given messaging_test, when it gets each stimulus, then it does what the message names", async (t) => {
  const { clock, sent, logs, runtime, cast, call, start } = await open();
  await start("messaging_test", ["test"]);
  t.strictSame(logs.splice(0), ["info messaging_test Messaging Test Init"]);
  t.strictSame(await cast("test_cast_raw_output"), ["cast cast_raw_output"]);
  t.strictSame(await cast("test_cast_output"), ["cast cast_output"]);
  for (const message of ["call_raw_output", "call_output"]) {
    runtime.deliver(eventTo(local(1), { type: "cast", payload: `test_${message}` }));
    await clock.advance(0);
    const [asked] = sent.splice(0);
    t.match(asked, { target: PEER, source: local(1), data: { type: "call", payload: message } });
    const answer = { type: "call-ret", payload: "ignored" } as const;
    runtime.deliver(eventTo(local(1), answer, asked?.streamId));
    await clock.advance(0);
  }
  t.strictSame(await cast("test_delayed_cast_output"), []);
  await clock.advance(99);
  t.strictSame(sent, []);
  await clock.advance(1);
  t.strictSame(texts(sent.splice(0)), ["cast delayed_cast_output"]);
  t.strictSame(await call("test_ret"), ["call-ret test_reply"]);
  t.strictSame(await call("test_err"), ["err"]);
  t.strictSame(await call("else"), ["call-no-ret"]);
  t.strictSame(await cast("anything else"), []);
  t.strictSame(logs.splice(0), ["info messaging_test Unprocessed Message"]);
  const stopped = runtime.stop(local(1).functionId);
  await clock.advance(0);
  await stopped;
  t.strictSame(logs, ["info messaging_test Messaging Test Stop"]);
});

t.test(
  "given system_test, when it starts with 8, then it casts to itself after a second and to its outputs in order",
  async (t) => {
    const { clock, sent, cast, start } = await open();
    await start("system_test", ["out1", "out2", "log", "err"], "8");
    await clock.advance(999);
    t.strictSame(sent, []);
    await clock.advance(1);
    t.strictSame(texts(sent.splice(0)), ["cast 4", "cast 7", "cast 8"]);
    t.strictSame(await cast("xx"), ["cast parsing error: invalid digit found in string", "cast xx"]);
    t.strictSame(await cast(""), ["cast parsing error: cannot parse integer from empty string", "cast "]);
  },
);

t.test(
  "given counter, when a second passes, then it counts one up; a payload that is no number traps it",
  async (t) => {
    const { clock, sent, runtime, cast, start } = await open();
    await start("counter", ["output"], "41");
    await clock.advance(2000);
    t.strictSame(texts(sent.splice(0)), ["cast 42", "cast 43", "cast 44"]);
    await cast("no number");
    t.match(statusOf(runtime, local(1)), { state: "crashed", reason: /EDGELESS_FUNCTION_TRAPPED/ });
    await clock.advance(600);
    t.match(statusOf(runtime, local(1)), { state: "running", restarts: 1 });
    t.match(texts(sent), ["cast 42"]);
    const closed = runtime.close();
    await clock.advance(0);
    await closed;
    t.equal(clock.pending, 0);
  },
);
