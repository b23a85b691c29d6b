import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t, { type Test } from "tap";
import type { Event } from "../../../core/event.js";
import { createWasmRuntime } from "../../../node/functions/create-function-runtime.js";
import {
  DEFAULT_FUNCTION_SETTINGS,
  type FunctionSettings,
} from "../../../node/functions/function-settings.js";
import { recordTelemetry } from "../../../node/functions/telemetry-record.js";
import { eventually } from "../../kit/eventually.js";
import { ENDLESS, guestModule, TRAP } from "./kit/guest-module.js";
import { keepingLogger, NODE, PEER } from "./kit/host-fixture.js";
import { eventTo, local, request, shippedModule, statusOf, texts } from "./kit/runtime-fixture.js";

const CAST = (payload: string) => ({ type: "cast", payload }) as const;

async function open(t: Test, settings: Partial<FunctionSettings> = {}) {
  const stateFolder = mkdtempSync(join(tmpdir(), "edgeless-functions-"));
  const sent: Event[] = [];
  const telemetry: string[] = [];
  const logged: string[] = [];
  const runtime = await createWasmRuntime({
    nodeId: NODE,
    send: (event) => {
      sent.push(event);
    },
    telemetry: recordTelemetry(([name, ...args]) => {
      // The numbers of events sent come whenever there is nothing else to do.
      if (name === "sent") return;
      telemetry.push(
        [name, ...args.filter((arg) => typeof arg === "string" && !arg.includes("-4000-"))].join(" "),
      );
    }),
    logger: keepingLogger(logged),
    stateFolder,
    settings: { ...DEFAULT_FUNCTION_SETTINGS, threads: 1, ...settings },
  });
  t.teardown(async () => {
    await runtime.close();
    rmSync(stateFolder, { recursive: true });
  });
  const running = (number: number) =>
    eventually(`instance ${number} runs`, () => statusOf(runtime, local(number))?.state === "running");
  return { runtime, sent, telemetry, logged, running };
}

t.test(
  "given functions on a worker thread, when they cast, call and stop, then it is as on the node's own",
  async (t) => {
    const { runtime, sent, telemetry } = await open(t);
    await runtime.start(local(1).functionId, request(shippedModule("messaging_test")));
    runtime.patch(local(1).functionId, new Map([["test", PEER]]));
    runtime.deliver(eventTo(local(1), CAST("test_cast_output")));
    runtime.deliver(eventTo(local(1), { type: "call", payload: "test_ret" }, 9n));
    runtime.deliver(eventTo(local(1), CAST("test_call_output")));
    const call = await eventually("the call leaves", () => sent.find(({ data }) => data.type === "call"));
    t.strictSame(texts(sent), ["cast cast_output", "call-ret test_reply", "call call_output"]);
    t.ok(call.streamId > 1n << 32n);
    runtime.deliver({ ...call, target: call.source, source: call.target, data: { type: "call-no-ret" } });
    await eventually(
      "the last handler ends",
      () => telemetry.filter((line) => line.startsWith("executed")).length === 3,
    );
    await runtime.stop(local(1).functionId);
    await eventually("the end is reported", () => telemetry.includes("exited RUST_WASM ok"));
    t.strictSame(
      telemetry.map((line) => line.split(" RUST_WASM")[0]),
      [
        "accepted",
        "instantiated",
        "logged info messaging_test Messaging Test Init",
        "initialised",
        ...["transferred", "executed", "transferred", "executed", "transferred", "executed"],
        "logged info messaging_test Messaging Test Stop",
        "stopped",
        "exited",
        "released",
      ],
    );
    t.strictSame(runtime.statuses(), []);
  },
);

for (const threads of [0, 1]) {
  t.test(
    `given ${threads} threads and ping, when it is wired long after its start, then its first call is made, once`,
    async (t) => {
      const { runtime, sent, telemetry, running } = await open(t, { threads });
      await runtime.start(local(1).functionId, request(shippedModule("ping")));
      await running(1);
      await delay(200);
      runtime.patch(local(1).functionId, new Map([["ponger", PEER]]));
      const call = await eventually("the call leaves", () => sent[0]);
      t.strictSame(texts(sent), ["call PING-0"]);
      runtime.deliver({
        ...call,
        target: call.source,
        source: call.target,
        data: { type: "call-ret", payload: "PONG" },
      });
      await eventually("the reply is logged", () => telemetry.includes("logged info ping reply: PONG"));
      t.match(statusOf(runtime, local(1)), { state: "running", restarts: 0 });
    },
  );

  t.test(
    `given ${threads} threads, when a large module is started, then it runs like any other`,
    async (t) => {
      const { runtime, running, telemetry } = await open(t, { threads });
      const large = guestModule({ text: "x".repeat(20_000) });
      await Promise.all([1, 2].map((number) => runtime.start(local(number).functionId, request(large))));
      await Promise.all([running(1), running(2)]);
      t.equal(telemetry.filter((line) => line.startsWith("instantiated")).length, 2);
    },
  );
}

t.test("given functions on two threads, when one casts to the other, then it arrives", async (t) => {
  const { runtime, sent, running } = await open(t, { threads: 2 });
  for (const number of [1, 2]) await runtime.start(local(number).functionId, request(shippedModule("incr")));
  runtime.patch(local(1).functionId, new Map([["result", local(2)]]));
  runtime.patch(local(2).functionId, new Map([["result", PEER]]));
  await Promise.all([running(1), running(2)]);
  runtime.deliver(eventTo(local(1), CAST("40")));
  await eventually("the number comes out", () => sent.length === 1);
  t.strictSame(texts(sent), ["cast 42"]);
});

t.test(
  "given an endless loop, when it runs, then it ends in time, restarts apart, and the others keep their pace",
  async (t) => {
    const { runtime, running, sent, telemetry } = await open(t, { maxRunTimeMs: 200 });
    await runtime.start(
      local(1).functionId,
      request(guestModule({ handlers: { handle_init_asm: ENDLESS } })),
    );
    await runtime.start(local(2).functionId, request(shippedModule("incr")));
    runtime.patch(local(2).functionId, new Map([["result", PEER]]));
    await running(2);
    const crashed = await eventually("the loop is ended", () => {
      const status = statusOf(runtime, local(1));
      return status?.state === "crashed" ? status : undefined;
    });
    t.match(crashed.reason, /^EDGELESS_FUNCTION_OUT_OF_TIME/);
    await eventually("it is started again", () => (statusOf(runtime, local(1))?.restarts ?? 0) >= 1);
    // While the second life loops in its own thread, answers of the neighbour come as if nothing was.
    const startedMs = performance.now();
    for (let i = 1; i <= 20; i++) {
      runtime.deliver(eventTo(local(2), CAST(String(i))));
      await eventually("the neighbour answers", () => sent.length === i);
    }
    t.match(sent.at(-1)?.data, { payload: "21" });
    t.ok(performance.now() - startedMs < 5000, "20 answers in turn");
    await runtime.stop(local(1).functionId);
    t.equal(statusOf(runtime, local(1)), undefined);
    t.ok(telemetry.includes("exited RUST_WASM internal-error"));
  },
);

t.test(
  "given a function in an endless handler, when it is stopped, then the stop ends within the run time limit",
  async (t) => {
    const { runtime, running } = await open(t, { maxRunTimeMs: 500 });
    await runtime.start(
      local(1).functionId,
      request(guestModule({ handlers: { handle_cast_asm: ENDLESS } })),
    );
    await running(1);
    runtime.deliver(eventTo(local(1), CAST("")));
    const startedMs = performance.now();
    await runtime.stop(local(1).functionId);
    t.ok(performance.now() - startedMs < 5000);
    t.strictSame(runtime.statuses(), []);
  },
);

t.test("given synced state, when the function crashes or moves, then it gets it back", async (t) => {
  const { runtime, telemetry, running } = await open(t);
  await runtime.start(local(1).functionId, request(shippedModule("state_test")));
  runtime.deliver(eventTo(local(1), CAST("test_cast_raw_output")));
  await eventually("it is handled", () => telemetry.includes("executed RUST_WASM cast"));
  await runtime.stop(local(1).functionId);
  await runtime.start(local(2).functionId, request(shippedModule("state_test")));
  await running(2);
  await eventually("the state is back", () =>
    telemetry.includes("logged info edgeless_test_state new_state"),
  );
  // A guest that stores its inputs' place and then traps: the next life starts with what was stored.
  const sync = [0x41, 0x10, 0x41, 0x04, 0x10, 0x00, ...TRAP];
  const greet = [0x41, 0x03, 0x20, 0x02, 0x20, 0x03, 0x20, 0x02, 0x20, 0x03, 0x10, 0x01];
  const parts = { imports: ["sync_asm", "telemetry_log_asm"], text: "kept" } as const;
  const keeper = guestModule({ ...parts, handlers: { handle_cast_asm: sync, handle_init_asm: greet } });
  await runtime.start(local(3).functionId, request(keeper, undefined, 0x33));
  runtime.deliver(eventTo(local(3), CAST("")));
  await eventually("the state outlives the crash", () => telemetry.includes("logged info kept kept"));
  await running(3);
  t.equal(statusOf(runtime, local(3))?.restarts, 1);
});

t.test(
  "given more events than fit between the threads, when they come at once, then the rest is dropped and counted",
  async (t) => {
    const { runtime, running, telemetry, sent } = await open(t, { workerQueueCapacity: 10 });
    await runtime.start(local(1).functionId, request(shippedModule("messaging_test")));
    await running(1);
    for (let i = 0; i < 25; i++)
      runtime.deliver(eventTo(local(1), { type: "call", payload: "test_ret" }, BigInt(i)));
    const lost = telemetry.filter((line) => line === "dropped worker-queue-full").length;
    t.ok(lost >= 5 && lost < 25, `${lost} dropped`);
    await eventually("each call has its answer", () => sent.length === 25);
    t.equal(texts(sent).filter((text) => text === "err").length, lost);
  },
);

t.test(
  "given a function that floods itself and its log, when it runs, then stop and others are served",
  async (t) => {
    const { runtime, running, sent } = await open(t);
    await runtime.start(local(1).functionId, request(shippedModule("incr")));
    runtime.patch(local(1).functionId, new Map([["result", local(1)]]));
    await runtime.start(local(2).functionId, request(shippedModule("incr")));
    runtime.patch(local(2).functionId, new Map([["result", PEER]]));
    await Promise.all([running(1), running(2)]);
    runtime.deliver(eventTo(local(1), CAST("0")));
    runtime.deliver(eventTo(local(2), CAST("1")));
    await eventually("the neighbour answers", () => sent.length === 1);
    await runtime.stop(local(1).functionId);
    t.strictSame(texts(sent), ["cast 2"]);
  },
);

t.test(
  "given a thread that dies, when it had functions, then they start again in another one and the node lives on",
  async (t) => {
    // The casts that it sends itself exceed the heap of the thread, which a test runner's own code shares.
    const { runtime, running, logged } = await open(t, {
      workerHeapMib: 64,
      mailboxCapacity: 1e9,
      maxRunTimeMs: 60_000,
    });
    const flood = [0x03, 0x40, 0x41, 0x10, 0x41, 0x04, 0x41, 0x10, 0x41, 0x04, 0x10, 0x00, 0x0c, 0x00, 0x0b];
    await runtime.start(local(1).functionId, request(shippedModule("incr")));
    await running(1);
    const module = guestModule({
      imports: ["cast_asm"],
      text: "self",
      handlers: { handle_cast_asm: [...flood, 0x00] },
    });
    await runtime.start(local(2).functionId, request(module));
    await running(2);
    runtime.deliver(eventTo(local(2), CAST("")));
    await eventually("the neighbour lives again", () => {
      const status = statusOf(runtime, local(1));
      return status?.restarts === 1 && status.state === "running";
    });
    t.ok(logged.some((line) => line.startsWith("error a host of functions was lost")));
    await running(2);
    t.equal(statusOf(runtime, local(2))?.restarts, 1);
  },
);
