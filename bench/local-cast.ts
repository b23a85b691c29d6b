/*
 * Measures, on the node's own thread and on a worker thread: casts between two functions on one node (two `incr` that
 * cast to each other), casts that make one call to another function (only the former), the way of an event through a function and out
 * again, and the memory of a thousand small instances.
 */
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Event, METADATA_NONE, TIMESTAMP_ZERO } from "../core/event.js";
import { INSTANCE_NONE, type InstanceId } from "../core/instance-id.js";
import { SILENT } from "../core/log.js";
import { RUST_WASM } from "../core/specification.js";
import { randomUuid } from "../core/uuid.js";
import { createWasmRuntime } from "../node/functions/create-function-runtime.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../node/functions/function-settings.js";
import { recordTelemetry } from "../node/functions/telemetry-record.js";
import { systemRandom } from "../platform/system-random.js";

const CAST_MS = 3000;
const INSTANCES = 1000;
const CALLS = 500;
const ROUND_TRIPS = 2000;

const nodeId = randomUuid(systemRandom);
const outside: InstanceId = { nodeId: randomUuid(systemRandom), functionId: randomUuid(systemRandom) };

function moduleOf(id: string): Uint8Array {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return readFileSync(join(folder, "dist", "functions", id, `${id}.wasm`));
}

function castTo(target: InstanceId, payload: string): Event {
  const data = { type: "cast", payload } as const;
  return {
    target,
    source: INSTANCE_NONE,
    streamId: 0n,
    data,
    created: TIMESTAMP_ZERO,
    metadata: METADATA_NONE,
  };
}

async function openRuntime(threads: number) {
  const arrived: Event[] = [];
  const counts = { casts: 0 };
  const runtime = await createWasmRuntime({
    nodeId,
    send: (event) => {
      arrived.push(event);
    },
    telemetry: recordTelemetry((record) => {
      if (record[0] === "executed" && record[3] === "cast") counts.casts++;
    }),
    logger: SILENT,
    stateFolder: join(tmpdir(), "edgeless-bench-state"),
    settings: { ...DEFAULT_FUNCTION_SETTINGS, threads },
  });
  const start = async (wasm: Uint8Array): Promise<InstanceId> => {
    const functionId = randomUuid(systemRandom);
    const state = { stateId: functionId, policy: "transient" } as const;
    const code = { id: "incr", functionType: RUST_WASM, version: "0.1", binary: wasm, outputs: ["result"] };
    await runtime.start(functionId, { code, annotations: new Map(), state, workflowId: "" });
    return { nodeId, functionId };
  };
  const allRunning = async () => {
    while (runtime.statuses().some(({ state }) => state !== "running")) await delay(1);
  };
  return { runtime, start, allRunning, arrived, counts };
}

async function castsPerSecond(threads: number): Promise<number> {
  const { runtime, start, allRunning, arrived } = await openRuntime(threads);
  const wasm = moduleOf("incr");
  const [a, b] = [await start(wasm), await start(wasm)];
  runtime.patch(a.functionId, new Map([["result", b]]));
  runtime.patch(b.functionId, new Map([["result", a]]));
  await allRunning();
  const startedMs = performance.now();
  runtime.deliver(castTo(a, "0"));
  await delay(CAST_MS);
  runtime.patch(a.functionId, new Map([["result", outside]]));
  while (arrived.length === 0) await delay(1);
  const seconds = (performance.now() - startedMs) / 1000;
  await runtime.close();
  const last = arrived[0]?.data;
  return Number(last?.type === "cast" ? last.payload : 0) / seconds;
}

/** Microseconds for a cast whose handler calls another function and waits for its answer. */
async function castWithCall(): Promise<number> {
  const { runtime, start, allRunning, counts } = await openRuntime(0);
  const wasm = moduleOf("messaging_test");
  const [caller, callee] = [await start(wasm), await start(wasm)];
  runtime.patch(caller.functionId, new Map([["test", callee]]));
  await allRunning();
  const rounds = 60;
  const startedMs = performance.now();
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < CALLS; i++) runtime.deliver(castTo(caller, "test_call_output"));
    while (counts.casts < CALLS * round) await new Promise(setImmediate);
  }
  const microseconds = ((performance.now() - startedMs) * 1000) / (CALLS * rounds);
  await runtime.close();
  return microseconds;
}

/** Median microseconds from the arrival of an event to the departure of the one it causes. */
async function roundTrip(threads: number): Promise<number> {
  const { runtime, start, allRunning, arrived } = await openRuntime(threads);
  const { functionId } = await start(moduleOf("incr"));
  runtime.patch(functionId, new Map([["result", outside]]));
  await allRunning();
  const times: number[] = [];
  for (let i = 1; i <= ROUND_TRIPS; i++) {
    const startedMs = performance.now();
    runtime.deliver(castTo({ nodeId, functionId }, "1"));
    while (arrived.length < i) await new Promise(setImmediate);
    times.push((performance.now() - startedMs) * 1000);
  }
  await runtime.close();
  return times.sort((a, b) => a - b)[ROUND_TRIPS / 2] ?? Number.NaN;
}

async function memoryOfInstances(
  threads: number,
): Promise<{ totalMib: number; eachKib: number; startMs: number }> {
  const { runtime, start, allRunning } = await openRuntime(threads);
  const wasm = moduleOf("incr");
  await start(wasm);
  await allRunning();
  const before = process.memoryUsage.rss();
  const startedMs = performance.now();
  for (let i = 1; i < INSTANCES; i++) await start(wasm);
  await allRunning();
  const startMs = (performance.now() - startedMs) / (INSTANCES - 1);
  const after = process.memoryUsage.rss();
  await runtime.close();
  return { totalMib: after / 2 ** 20, eachKib: (after - before) / 1024 / (INSTANCES - 1), startMs };
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "on the node's thread" : "on a worker thread";
  const rate = await castsPerSecond(threads);
  console.log(`cast ${where}: ${(1e6 / rate).toFixed(2)} µs each, ${Math.round(rate)} per second`);
  // On a worker thread the measurements that end this one travel with a delay.
  if (threads === 0) console.log(`cast with a call ${where}: ${(await castWithCall()).toFixed(2)} µs each`);
  console.log(`in and out ${where}: ${(await roundTrip(threads)).toFixed(0)} µs (median)`);
  const { totalMib, eachKib, startMs } = await memoryOfInstances(threads);
  console.log(
    `${INSTANCES} instances ${where}: process ${totalMib.toFixed(0)} MiB, ` +
      `${eachKib.toFixed(1)} KiB and ${startMs.toFixed(2)} ms for each`,
  );
}
