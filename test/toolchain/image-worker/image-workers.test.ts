import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import t, { type Test } from "tap";
import { sha256 } from "../../../toolchain/image/digest.js";
import { prepareImage } from "../../../toolchain/image/prepare.js";
import { ImageWorkers, type ImageWorkersOptions } from "../../../toolchain/image-worker/image-workers.js";
import { PreparedImages } from "../../../toolchain/image-worker/prepared-images.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { Op, VOID_BLOCK } from "../../../toolchain/wasm/opcode.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { ROOT } from "../../kit/repository.js";
import { buildGuest } from "../image/guest-module.js";

const LIMITS = { maxMemoryPages: 16 };
const OPTIONS: ImageWorkersOptions = { workers: 1, maxQueued: 4, deadlineMs: 60_000, maxMemoryMb: 256 };
const SMALL = buildGuest({});
/** Nothing but empty loops: preparing it takes as long as for any module of its size, some tenths of a second. */
const SLOW = ofLoops(400 * 1024);

function ofLoops(bytes: number, pages = 1, functions = 1): Uint8Array {
  const loop = [Op.loop, VOID_BLOCK, Op.end];
  const code = [...new Array<number[]>(Math.floor(bytes / loop.length)).fill(loop).flat(), Op.end];
  const all = new Array(functions).fill({ type: { params: [], results: [] }, code });
  return buildGuest({ functions: all, pages: [pages] });
}

function open(t: Test, options: Partial<ImageWorkersOptions> = {}): ImageWorkers {
  const workers = new ImageWorkers({ ...OPTIONS, ...options });
  t.teardown(() => workers.close());
  return workers;
}

t.test("given modules, when threads work on them, then the results are those of this thread", async (t) => {
  const workers = open(t);
  // A part of a larger buffer, as the bytes of a message are.
  const view = Buffer.concat([Buffer.alloc(100), SMALL, Buffer.alloc(100)]).subarray(100, 100 + SMALL.length);
  const prepared = await workers.run({ kind: "prepare", wasm: view, limits: LIMITS });
  t.same(prepared.image, prepareImage(SMALL, LIMITS));
  t.ok(prepared.module instanceof WebAssembly.Module);
  t.ok(view.equals(SMALL), "the bytes of the caller are untouched");

  const wasm = readFileSync(join(ROOT, "dist/functions/double/double.wasm"));
  const translated = await workers.run({ kind: "translate", wasm, maxMemoryBytes: 8192 });
  t.same(translated, translateModule(wasm, { maxMemoryBytes: 8192 }));
  t.equal(workers.threads, 1);
});

t.test("given a slow module, when it is prepared, then this thread goes on meanwhile", async (t) => {
  const workers = open(t);
  await workers.run({ kind: "prepare", wasm: SMALL, limits: LIMITS });
  let turns = 0;
  let isDone = false;
  const work = workers.run({ kind: "prepare", wasm: SLOW, limits: LIMITS }).then(() => {
    isDone = true;
  });
  for (; !isDone; turns++) await turn();
  await work;
  t.ok(turns > 20, `${turns} turns of the event loop`);
});

t.test(
  "given modules that are refused, when threads work on them, then the fault has its code",
  async (t) => {
    const workers = open(t);
    const run = (wasm: Uint8Array) => workers.run({ kind: "prepare", wasm, limits: LIMITS });
    await t.rejects(run(new Uint8Array(3)), { name: "EdgelessError", code: "EDGELESS_BAD_WASM" });
    await t.rejects(run(buildGuest({ pages: [17] })), {
      code: "EDGELESS_WASM_TOO_LARGE",
      message: /17 pages/,
    });
    await t.rejects(workers.run({ kind: "translate", wasm: new Uint8Array(300_000), maxMemoryBytes: 1 }), {
      code: "EDGELESS_WASM_TOO_LARGE",
    });
    t.ok(await run(SMALL), "the thread lives on");
  },
);

t.test(
  "given more jobs than fit, when they come, then the last are refused and the others done",
  async (t) => {
    const workers = open(t, { maxQueued: 2 });
    const run = () => workers.run({ kind: "prepare", wasm: SMALL, limits: LIMITS });
    const jobs = [run(), run(), run()];
    t.equal(workers.queued, 2);
    await t.rejects(run(), { code: "EDGELESS_REJECTED", message: /2 modules already wait/ });
    t.equal((await Promise.all(jobs)).length, 3);
    const pool = open(t, { workers: 2 });
    const both = [1, 2, 3].map(() => pool.run({ kind: "prepare", wasm: SMALL, limits: LIMITS }));
    t.equal(pool.threads, 2);
    t.equal(pool.queued, 1);
    await Promise.all(both);
  },
);

t.test("given a job that overruns its time, when it is ended, then the next has a new thread", async (t) => {
  const clock = new FakeClock();
  const workers = open(t, { clock, deadlineMs: 500 });
  const slow = workers.run({ kind: "prepare", wasm: SLOW, limits: LIMITS });
  const next = workers.run({ kind: "prepare", wasm: SMALL, limits: LIMITS });
  const late = t.rejects(slow, { code: "EDGELESS_TIMEOUT", message: /within 500 ms/ });
  await clock.advance(500);
  await late;
  t.ok(await next);
  t.equal(workers.threads, 1);
  await clock.advance(60_000);
  t.equal(workers.threads, 0, "an idle thread ends");
  t.ok(await workers.run({ kind: "prepare", wasm: SMALL, limits: LIMITS }), "and comes back");
});

t.test(
  "given a job that needs too much memory, when its thread ends, then only this job fails",
  async (t) => {
    const workers = open(t, { maxMemoryMb: 40 });
    const large = workers.run({ kind: "prepare", wasm: ofLoops(400 * 1024, 1, 2), limits: LIMITS });
    const next = workers.run({ kind: "prepare", wasm: SMALL, limits: LIMITS });
    await t.rejects(large, { code: "EDGELESS_WASM_TOO_LARGE", message: /more than 40 MiB/ });
    t.ok(await next);
  },
);

t.test("given jobs under way, when the workers are closed, then all are rejected", async (t) => {
  const workers = open(t);
  const run = () => workers.run({ kind: "prepare", wasm: SLOW, limits: LIMITS });
  const outcomes = Promise.allSettled([run(), run()]);
  await workers.close();
  for (const outcome of await outcomes) {
    t.match(outcome, { status: "rejected", reason: { code: "EDGELESS_REJECTED" } });
  }
  await t.rejects(run(), { code: "EDGELESS_REJECTED" });
});

t.test("given modules of any size, when they are asked for again, then no thread is needed", async (t) => {
  const workers = open(t);
  const images = new PreparedImages(LIMITS, 2, workers);
  const small = images.get(SMALL);
  t.notOk(small instanceof Promise, "a small one is prepared at once");
  t.equal(workers.threads, 0);
  t.throws(() => images.get(new Uint8Array(3)), { code: "EDGELESS_BAD_WASM" });

  const large = ofLoops(20_000);
  const first = images.get(large);
  t.ok(first instanceof Promise);
  t.equal(images.get(large.slice()), first, "those who ask meanwhile share the work");
  const compiled = await first;
  t.equal(images.get(large), compiled);
  t.equal(compiled.image.digest, sha256(large));
  await t.rejects(Promise.resolve(images.get(ofLoops(20_000, 17))), { code: "EDGELESS_WASM_TOO_LARGE" });
  await t.rejects(Promise.resolve(images.get(ofLoops(20_000, 17))), { code: "EDGELESS_WASM_TOO_LARGE" });
  await images.get(ofLoops(20_000, 2));
  t.equal(images.get(large), compiled);
});
