// Compiles the functions of functions/ into dist/functions/<id>/, those whose inputs changed. Runs after tsc -b.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, fingerprint, isFresh, markFresh, ROOT } from "./freshness.mjs";

// Each compiler needs some hundred megabytes; more of them than this do not help on a small machine.
const COMPILERS = 2;
const OUT = join("dist", "functions");

const ids = readdirSync(join(ROOT, "functions"))
  .filter((id) => existsSync(join(ROOT, "functions", id, "function.json")))
  .sort();
const shared = [
  "package-lock.json",
  ...filesBelow("functions/sdk", [".ts"]),
  ...filesBelow("toolchain/assemblyscript", [".ts"]),
];
const stale = ids
  .map((id) => ({ id, print: fingerprint([...shared, ...filesBelow(`functions/${id}`, [".ts", ".json"])]) }))
  .filter(({ id, print }) => !isFresh(join(OUT, id, ".stamp"), print));

if (existsSync(join(ROOT, OUT))) {
  for (const id of readdirSync(join(ROOT, OUT))) {
    if (!ids.includes(id)) rmSync(join(ROOT, OUT, id), { recursive: true });
  }
}
if (stale.length > 0) process.exitCode = (await compile(stale)) ? 0 : 1;

async function compile(pending) {
  const { buildFunction } = await import("../dist/toolchain/assemblyscript/build-function.js");
  const { formatReport } = await import("../dist/toolchain/assemblyscript/build-report.js");
  const { CompilerProcess } = await import("../dist/toolchain/assemblyscript/compiler-process.js");
  const count = Math.min(COMPILERS, Math.ceil(pending.length / 4));
  const rest = [...pending];
  let good = true;
  const work = async () => {
    const compiler = new CompilerProcess();
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const { id, print } = next;
      try {
        const report = await buildFunction(join(ROOT, "functions", id), {
          outFolder: join(ROOT, OUT, id),
          compiler,
        });
        markFresh(join(OUT, id, ".stamp"), print);
        process.stderr.write(`${formatReport(report)}\n`);
      } catch (error) {
        good = false;
        process.stderr.write(`${error.code ?? ""} ${error.message}\n`);
      }
    }
    compiler.close();
  };
  await Promise.all(Array.from({ length: count }, work));
  return good;
}
