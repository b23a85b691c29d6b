// npm test: installs, builds, checks format and lint, runs every test, and ends with "N passed, N failed".
// With arguments, runs only the test files whose path contains one of them.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { filesBelow, ROOT } from "./freshness.mjs";
import { build, install } from "./steps.mjs";

const wanted = process.argv.slice(2);
install();
build();
if (wanted.length === 0) {
  const lint = spawnSync(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "check", "."], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (lint.status !== 0) finish(0, 1);
}
const files = filesBelow("test", [".test.ts"])
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .map((path) => join("dist", path.replace(/\.ts$/, ".js")));
if (files.length === 0) {
  process.stderr.write("No test file matches.\n");
  process.exit(1);
}
const { passed, failed } = await runTap(files);
finish(passed, failed);

function runTap(paths) {
  return new Promise((resolve) => {
    const tap = spawn(
      process.execPath,
      ["node_modules/tap/dist/esm/run.mjs", "run", "--reporter=tap", ...paths],
      {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let text = "";
    let broken = 0;
    tap.stdout.setEncoding("utf8");
    tap.stdout.on("data", (chunk) => {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) report(line);
    });
    let totals = { total: 0, pass: 0, fail: 0, skip: 0 };
    let inside = false;
    const report = (line) => {
      if (/^(not )?ok /.test(line) || /^\s+not ok /.test(line)) inside = line.includes("not ok");
      if (inside || /^(not )?ok |^Bail out/.test(line)) process.stdout.write(`${line}\n`);
      if (/ # SKIP /.test(line)) process.stdout.write(`skipped: ${line.replace(/^\s*ok \d+ - /, "")}\n`);
      if (/^not ok /.test(line)) broken++;
      const summary = /^# \{ total: (\d+)/.exec(line);
      if (summary !== null) {
        const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(line)?.[1] ?? 0);
        totals = { total: count("total"), pass: count("pass"), fail: count("fail"), skip: count("skip") };
      }
    };
    tap.on("close", (code) => {
      const failures = totals.fail > 0 ? totals.fail : broken;
      resolve({ passed: totals.pass, failed: failures > 0 || code === 0 ? failures : 1 });
    });
  });
}

function finish(passed, failed) {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
