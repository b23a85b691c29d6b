import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import t from "tap";
import { BatchChannel, type Frame } from "../../../node/functions/batch-channel.js";
import { EventQueue } from "../../../node/functions/event-queue.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../../node/functions/function-settings.js";
import { GuestMemory, utf8Length } from "../../../node/functions/guest-memory.js";
import { RunTimeMeter } from "../../../node/functions/run-time-meter.js";
import { StateFolder } from "../../../node/functions/state-folder.js";
import { StateSweeper } from "../../../node/functions/state-sweeper.js";
import {
  isOptional,
  recordTelemetry,
  replayTelemetry,
  type TelemetryRecord,
} from "../../../node/functions/telemetry-record.js";
import { TextBudget } from "../../../node/functions/text-budget.js";
import { WorkerLink } from "../../../node/functions/worker-link.js";
import { systemClock } from "../../../platform/system-clock.js";
import { eventually } from "../../kit/eventually.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { uuid } from "../kit/events.js";
import { guestModule } from "./kit/guest-module.js";
import { keepingLogger, NODE, PEER } from "./kit/host-fixture.js";
import { eventTo, local } from "./kit/runtime-fixture.js";

t.test(
  "given any pointer and length, when the host accesses guest memory, then it stays inside or traps",
  async (t) => {
    const memory = new GuestMemory({ buffer: new ArrayBuffer(256) });
    const word = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer());
    fc.assert(
      fc.property(word, word, (pointer, length) => {
        const fits = (pointer >>> 0) + (length >>> 0) <= 256;
        try {
          t.equal(memory.copyOut(pointer, length, "it").length, length >>> 0);
          return fits;
        } catch (error) {
          return !fits && error instanceof Error && /outside the memory/.test(error.message);
        }
      }),
    );
  },
);

t.test("given any text, when it is written to a guest and read back, then it is the same", async (t) => {
  const memory = new GuestMemory({ buffer: new ArrayBuffer(4096) });
  const text = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(
    fc.property(text, fc.nat(2000), (content, pointer) => {
      const length = utf8Length(content);
      memory.writeText(pointer, content, length, "it");
      return memory.text(pointer, length, "it") === content;
    }),
  );
  memory.writeText(0, "\uFEFFbom", 6, "it");
  t.equal(memory.text(0, 6, "it"), "\uFEFFbom", "a byte order mark is content");
  memory.writeUint32(8, 0xfedcba98, "it");
  t.strictSame([...memory.copyOut(8, 4, "it")], [0x98, 0xba, 0xdc, 0xfe]);
  t.equal(memory.readUint32(8, "it"), 0xfedcba98);
});

t.test(
  "given a handler in several stretches, when its run time is measured, then waiting does not count and all stretches do",
  async (t) => {
    const clock = new FakeClock();
    const meter = new RunTimeMeter(clock, 100);
    meter.begin(clock.monotonicMs());
    meter.start();
    t.ok(meter.exhausted() > 0);
    await clock.advance(60);
    t.ok(meter.exhausted() > 0);
    meter.pause();
    await clock.advance(1000);
    meter.proceed();
    meter.start();
    meter.exhausted();
    await clock.advance(40);
    t.ok(meter.exhausted() > 0);
    await clock.advance(1);
    t.throws(() => meter.exhausted(), { code: "EDGELESS_FUNCTION_OUT_OF_TIME" });
    meter.begin(clock.monotonicMs());
    meter.start();
    meter.exhausted();
    t.ok(meter.exhausted() > 0, "the next handler starts afresh");
  },
);

t.test(
  "given queues that share a budget, when their text exceeds it, then an event is refused until there is room again",
  async (t) => {
    const budget = new TextBudget(10);
    const [a, b] = [new EventQueue(2, budget), new EventQueue(2, budget)];
    const of = (payload: string) => eventTo(local(1), { type: "cast", payload });
    t.equal(a.push(of("x".repeat(50))), true, "a single text always fits");
    t.equal(b.push(of("y")), false);
    a.shift();
    t.equal(b.push(of("12345")), true);
    t.equal(a.push(of("123456")), false);
    t.equal(a.push(of("12345")), true);
    t.equal(a.push(of("")), true);
    t.equal(a.push(of("")), false, "the number is bounded too");
    t.equal(a.drain().length + b.drain().length, 3);
    t.equal(b.push(of("0123456789")), true);
  },
);

t.test(
  "given a folder for states, when a function syncs, then only node-local state is kept, whole or not at all",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-state-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const logged: string[] = [];
    const states = new StateFolder(join(folder, "function_state"), keepingLogger(logged));
    const state = { stateId: uuid(1), policy: "node-local" } as const;
    t.equal(states.read(state), undefined);
    states.write(state, "eins");
    states.write(state, "zwéi");
    t.equal(states.read(state), "zwéi");
    t.equal(readFileSync(join(folder, "function_state", state.stateId), "utf8"), "zwéi");
    for (const policy of ["transient", "global"] as const) {
      states.write({ stateId: uuid(2), policy }, "gone");
      t.equal(states.read({ stateId: uuid(2), policy }), undefined);
    }
    t.strictSame(logged, []);
    writeFileSync(join(folder, "function_state", uuid(3)), Uint8Array.of(0xff));
    t.equal(states.read({ ...state, stateId: uuid(3) }), undefined);
    mkdirSync(join(folder, "function_state", uuid(4)));
    t.equal(states.read({ ...state, stateId: uuid(4) }), undefined);
    states.write({ ...state, stateId: uuid(4) }, "cannot be stored");
    t.equal(logged.length, 3);
  },
);

t.test(
  "given states in a folder, when nobody has used one for a day, then it is deleted; others and other files stay",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-sweep-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const clock = new FakeClock();
    const HOUR_MS = 3_600_000;
    const write = (name: string, ageMs: number) => {
      writeFileSync(join(folder, name), "");
      const seconds = (clock.wallMs() - ageMs) / 1000;
      utimesSync(join(folder, name), seconds, seconds);
    };
    const [used, gone, moved] = [uuid(1), uuid(2), uuid(3)];
    const inUse = new Set([used]);
    const logged: string[] = [];
    const sweeper = new StateSweeper({ folder, inUse: () => inUse, clock, logger: keepingLogger(logged) });
    for (const name of [used, gone, moved, `${gone}.new`, "notes.txt"]) write(name, 100 * 24 * HOUR_MS);
    mkdirSync(join(folder, uuid(4)));

    await clock.advance(23 * HOUR_MS);
    await sweeper.sweep();
    t.equal(readdirSync(folder).length, 6, "the node has not been running for a day");
    t.equal(statSync(join(folder, used)).mtimeMs, clock.wallMs(), "what is used is touched");
    // Another node of the same folder uses it.
    write(moved, 0);

    await clock.advance(2 * HOUR_MS);
    await sweeper.sweep();
    t.strictSame(readdirSync(folder).sort(), [used, moved, uuid(4), "notes.txt"].sort());
    inUse.clear();
    await sweeper.close();
    t.equal(clock.pending, 0);
    const nowhere = join(folder, "nowhere");
    const other = new StateSweeper({
      folder: nowhere,
      inUse: () => [],
      clock,
      logger: keepingLogger(logged),
    });
    await other.sweep();
    await other.close();
    t.ok(logged.every((line) => line.startsWith("debug deleted")));
  },
);

t.test(
  "given two ends of a link, when items are sent, then a turn travels as one batch and the next waits until it is taken",
  async (t) => {
    const clock = new FakeClock();
    const frames: Frame<string>[] = [];
    const got: string[] = [];
    const near = new BatchChannel<string, string>(
      (frame) => frames.push(frame),
      () => {},
      clock,
      10,
    );
    const acknowledgements: Frame<string>[] = [];
    const far = new BatchChannel<string, string>(
      (frame) => acknowledgements.push(frame),
      (item) => got.push(item),
      clock,
      10,
    );
    near.send("a");
    t.equal(near.offerEvent("b", 2, 6), true);
    t.equal(near.offerEvent("c", 2, 5), false, "too much text");
    t.equal(near.offerEvent("d", 2, 4), true);
    t.equal(near.offerEvent("e", 2, 0), false, "too many events");
    t.equal(near.offerReport("r", 1, 0), true);
    t.equal(near.offerReport("s", 1, 0), false, "too many reports");
    await clock.advance(0);
    near.send("next");
    await clock.advance(100);
    t.strictSame(frames, [{ type: "batch", items: ["a", "b", "d", "r"] }]);
    t.strictSame(near.untaken, ["a", "b", "d", "r", "next"]);
    for (const frame of frames) far.take(frame);
    t.strictSame(got, ["a", "b", "d", "r"]);
    for (const frame of acknowledgements) near.take(frame);
    t.strictSame(frames[1], { type: "batch", items: ["next"] });
    near.take({ type: "taken" });
    near.offerReport("later", 9, 0);
    await clock.advance(0);
    t.equal(frames.length, 2, "a report waits for company");
    near.ping();
    near.ping();
    t.strictSame(frames[2], { type: "batch", items: ["later"] });
  },
);

t.test(
  "given every kind of report, when it is recorded and replayed, then it is the same report",
  async (t) => {
    const records: TelemetryRecord[] = [];
    const telemetry = recordTelemetry((record) => records.push(record));
    telemetry.accepted(uuid(1), "K", "class");
    telemetry.instantiated(uuid(1), "K", 1);
    telemetry.initialised(uuid(1), "K", 2);
    telemetry.transferred(uuid(1), "K", 3);
    telemetry.executed(uuid(1), "K", "call", 4);
    telemetry.stopped(uuid(1), "K", 5);
    telemetry.exited(uuid(1), "K", "code-error");
    telemetry.logged(uuid(1), "warn", "target", "message");
    telemetry.sent(uuid(1), 7);
    telemetry.dropped("mailbox-full", 6, uuid(1));
    telemetry.released(uuid(1));
    const again: TelemetryRecord[] = [];
    for (const record of records)
      replayTelemetry(
        record,
        recordTelemetry((copy) => again.push(copy)),
      );
    t.strictSame(again, records);
    t.equal(again.length, 11);
    t.strictSame(
      again.filter(isOptional).map(([name]) => name),
      ["transferred", "executed", "logged", "sent"],
    );
  },
);

t.test(
  "given a worker thread that is stuck, when it gives no sign of life, then it is lost and its calls get err",
  async (t) => {
    const lost: string[] = [];
    const answers: string[] = [];
    const link = new WorkerLink({
      nodeId: NODE,
      clock: systemClock,
      telemetry: recordTelemetry(() => {}),
      logger: keepingLogger([]),
      settings: { ...DEFAULT_FUNCTION_SETTINGS, workerTimeoutMs: 0, maxRunTimeMs: 3000 },
      stateFolder: "",
      reports: {
        initialised: () => {},
        ended: () => {},
        send: (event) => answers.push(event.data.type),
        lost: (reason, running) => lost.push(`${reason}, ${running}`),
      },
      open: (workerData) => {
        const code =
          "import { workerData } from 'node:worker_threads'; new Uint8Array(workerData.running).fill(7); for (;;);";
        return new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData });
      },
    });
    const module = new WebAssembly.Module(guestModule());
    const state = { stateId: uuid(1), policy: "transient" } as const;
    link.start({ functionId: uuid(1), module, initPayload: undefined, state, outputs: new Map() });
    link.deliver(eventTo({ ...PEER, functionId: uuid(1) }, { type: "call", payload: "" }, 5n));
    await eventually("it is lost", () => lost.length > 0);
    t.strictSame(lost, [
      "a worker thread gave no sign of life for 3000 ms, 07070707-0707-0707-0707-070707070707",
    ]);
    t.strictSame(answers, ["err"]);
    await link.close();
  },
);
