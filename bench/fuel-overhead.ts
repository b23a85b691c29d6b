/*
 * Measures what preparing a function costs: time and size of the preparation itself, the run time of compute loops with
 * and without counting fuel, and one suspension in `call`.
 */
import asc from "assemblyscript/asc";
import type { FuelMeter } from "../toolchain/engine/fuel-meter.js";
import { type GuestImports, SUSPEND } from "../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../toolchain/engine/prepared-instance.js";
import { prepareImage } from "../toolchain/image/prepare.js";
import { KERNEL_SOURCE, KERNELS } from "./fuel-kernels.js";

const LIMITS = { maxMemoryPages: 16 };
/** Repetitions of one measurement: many short ones, of which some fall into moments when nothing else is running. */
const ROUNDS = 75;
const SHORTEST_MS = 8;
/** Before it, so that the engine has made its best code of both, which it does on another thread. */
const WARM_UP_MS = 500;

const meter: FuelMeter = { start() {}, exhausted: () => 1_000_000 };
const imports: GuestImports = {
  cast_asm: () => {},
  cast_raw_asm: () => {},
  call_asm: () => SUSPEND,
  call_raw_asm: () => SUSPEND,
  delayed_cast_asm: () => {},
  telemetry_log_asm: () => {},
  slf_asm: () => {},
  sync_asm: () => {},
};

async function compileKernels(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const options =
    "kernels.ts -O3 --noAssert --runtime stub --use abort= --initialMemory 2 --outFile kernels.wasm";
  const { error, stderr } = await asc.main(options.split(" "), {
    readFile: (name) => (name === "kernels.ts" ? KERNEL_SOURCE : null),
    writeFile: (_, contents) => {
      wasm = typeof contents === "string" ? undefined : contents;
    },
    listFiles: () => [],
  });
  if (wasm === undefined) {
    throw error ?? new Error(stderr.toString());
  }
  return wasm;
}

/** Processor time in milliseconds, which other programs on the machine disturb less than the clock. */
function elapsed(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

interface Comparison {
  /** Shortest time of the first in milliseconds. */
  readonly ms: number;
  /** What the second takes at best, relative to the first. */
  readonly ratio: number;
}

/** Times two ways to do the same in turns, and compares the shortest times: whatever else runs on the machine only adds to them. */
function compare(one: () => void, other: () => void): Comparison {
  for (let spent = 0; spent < WARM_UP_MS; ) spent += elapsed(one) + elapsed(other);
  let ms = Number.POSITIVE_INFINITY;
  let otherMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    ms = Math.min(ms, elapsed(one));
    otherMs = Math.min(otherMs, elapsed(other));
  }
  return { ms, ratio: otherMs / ms };
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(34)} ${value}\n`);
}

const wasm = await compileKernels();
const image = prepareImage(wasm, LIMITS);
const preparing = compare(
  () => prepareImage(wasm, LIMITS),
  () => {},
);
print("size, source -> prepared", `${wasm.length} -> ${image.module.length} bytes`);
print("preparing", `${preparing.ms.toFixed(2)} ms`);

const plain = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { call_asm: () => 0 } });
const module = new WebAssembly.Module(image.module);
const instance = new PreparedInstance(module, imports, meter);
const cast = plain.exports.handle_cast_asm;
if (typeof cast !== "function") {
  throw new Error("the kernels do not export handle_cast_asm");
}
const ratios: number[] = [];
for (const [kernel, name] of KERNELS.entries()) {
  let turns = 1;
  while (elapsed(() => cast(kernel, turns, 0, 0)) < SHORTEST_MS) {
    turns *= 2;
  }
  const { ratio } = compare(
    () => cast(kernel, turns, 0, 0),
    () => instance.run("handle_cast_asm", kernel, turns, 0, 0),
  );
  ratios.push(ratio);
  print(`fuel: ${name}`, `${((ratio - 1) * 100).toFixed(0).padStart(3)} % slower`);
}
const mean = ratios.reduce((product, next) => product * next, 1) ** (1 / ratios.length);
print("fuel: geometric mean", `${((mean - 1) * 100).toFixed(0).padStart(3)} % slower`);

const WAITS = 2000;
const waiting = () => {
  let outcome = instance.run("handle_call_asm", WAITS, 0, 0, 0, 0, 0);
  while (outcome.suspended) {
    outcome = instance.resume(() => 1);
  }
};
const empty = () => {
  for (let run = 0; run < WAITS; run += 1) {
    instance.run("handle_stop_asm");
  }
};
const waits = compare(waiting, empty);
print("one suspension and its end", `${((waits.ms * 1000) / WAITS).toFixed(2)} us`);
print("one call of an empty handler", `${((compare(empty, empty).ms * 1000) / WAITS).toFixed(2)} us`);
const instantiateMs = elapsed(() => {
  for (let made = 0; made < 500; made += 1) {
    new PreparedInstance(module, imports, meter);
  }
});
print("one more instance of a module", `${((instantiateMs * 1000) / 500).toFixed(0)} us`);
