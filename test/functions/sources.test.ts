import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { sizeTable } from "../../toolchain/assemblyscript/size-table.js";
import { abiFaults } from "../../toolchain/image/check-abi.js";
import { inspectModule } from "../../toolchain/image/inspect.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ROOT } from "../kit/repository.js";

// Two compilers are started.
t.setTimeout(180_000);

const ids = readdirSync(join(ROOT, "functions")).filter((id) =>
  existsSync(join(ROOT, "functions", id, "function.json")),
);

t.test("a plain TypeScript editor shows no red line in the SDK and in the functions", async (t) => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [tsc, "--noEmit", "-p", join(ROOT, "functions")], {
    encoding: "utf8",
  });
  t.equal(run.stdout, "");
  t.equal(run.status, 0);
});

t.test("every shipped module keeps to the guest ABI and needs one page at most", async (t) => {
  t.ok(ids.length >= 38, `${ids.length} functions`);
  for (const id of ids) {
    const info = inspectModule(shippedModule(id));
    t.same(abiFaults(info), [], id);
    t.ok((info.memory?.minPages ?? 9) <= 1, id);
  }
});

t.test("the package files name what the sources send on", async (t) => {
  for (const id of ids) {
    const read = (folder: string): unknown =>
      JSON.parse(readFileSync(join(ROOT, folder, id, "function.json"), "utf8"));
    t.same(read("functions"), read(join("dist", "functions")), id);
  }
});

t.test("the page of sizes is that of the modules", async (t) => {
  t.equal(readFileSync(join(ROOT, "docs", "function-sizes.md"), "utf8"), await sizeTable(ROOT));
});

t.test("double is as small as promised", async (t) => {
  t.ok(statSync(join(ROOT, "dist", "functions", "double", "double.wasm")).size <= 4800);
  const row = /`double_tiny` \| \d+ \| (\d+) \(arena\)/.exec(
    readFileSync(join(ROOT, "docs", "function-sizes.md"), "utf8"),
  );
  t.ok(Number(row?.[1]) <= 1500);
});
