// npm run bench: every benchmark, or those that are named: npm run bench -- casts fuel
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";
import { build, install } from "./steps.mjs";

const BENCHMARKS = {
  casts: "bench/local-cast",
  system: "bench/system",
  fuel: "bench/fuel-overhead",
  coap: "bench/coap-server",
  gateway: "bench/gateway",
  fleet: "bench/fleet",
  board: "bench/board",
  translator: "bench/translator",
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => BENCHMARKS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `No benchmark ${unknown.join(", ")}; there are: ${Object.keys(BENCHMARKS).join(", ")}\n`,
  );
  process.exit(2);
}
install();
build();
for (const [name, path] of Object.entries(BENCHMARKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const file = join(ROOT, "dist", `${path}.js`);
  if (!existsSync(file)) continue;
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(process.execPath, [file], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
