// Gives hostile bytes to every decoder of the device API and to CoAP endpoints, and watches the memory; needs a build.
//   node scripts/fuzz.mjs [--inputs 1000000] [--seed 1]
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ROOT } from "./freshness.mjs";

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const inputs = Number(values.inputs);
const seed = Number(values.seed);
const ROUND = 50_000;

const { fuzzCoap } = await import(pathToFileURL(join(ROOT, "dist/test/kit/coap-fuzzer.js")).href);
const start = performance.now();
const sum = {};
for (let done = 0; done < inputs; done += ROUND) {
  const report = fuzzCoap(seed + done / ROUND, Math.min(ROUND, inputs - done));
  for (const [name, value] of Object.entries(report)) {
    sum[name] = name.startsWith("most") ? Math.max(sum[name] ?? 0, value) : (sum[name] ?? 0) + value;
  }
  const heap = (process.memoryUsage().heapUsed / 1024 / 1024).toFixed(1);
  process.stdout.write(`${sum.inputs} inputs, heap ${heap} MiB\n`);
}
const seconds = ((performance.now() - start) / 1000).toFixed(1);
process.stdout.write(
  `${JSON.stringify(sum, undefined, 2)}\nno throw but the typed fault in ${seconds} s, seed ${seed}\n`,
);
