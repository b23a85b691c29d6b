import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { buildFunction } from "../../toolchain/assemblyscript/build-function.js";
import { formatReport } from "../../toolchain/assemblyscript/build-report.js";
import { buildProfile } from "../functions/build-profile-option.js";
import { functionFolder } from "../functions/function-folder.js";
import { createOutput } from "../output.js";

interface TestCommandOptions {
  readonly profile?: string;
  readonly json?: boolean;
}

/** `edgeless function test`: the tests in a function's folder, against its module in the host of nodes. */
export function addTestCommand(group: Command): void {
  group
    .command("test [PATH]")
    .description("build the function of a folder and run the tests there: its files *.test.mjs")
    .option("--profile <PROFILE>", "normal, tiny or debug (default: as function.json says, or normal)")
    .option("--json", "print results as JSON lines")
    .action(async (path: string | undefined, options: TestCommandOptions) => {
      const { note } = createOutput(false);
      const folder = functionFolder(path ?? ".");
      const files = readdirSync(folder).filter((name) => name.endsWith(".test.mjs"));
      if (files.length === 0) {
        throw new EdgelessError("EDGELESS_USAGE", `there is no file that ends with .test.mjs in ${folder}`);
      }
      note(formatReport(await buildFunction(folder, buildProfile(options.profile))));
      if (!(await runTests(folder, files, options.json === true))) process.exitCode = 1;
    });
}

/**
 * Runs test files with node:test; true when all tests passed. Their output goes through this process: when nobody reads it any
 * longer it ends as every command does, and what runs the tests ends with it.
 */
function runTests(folder: string, files: readonly string[], json: boolean): Promise<boolean> {
  const program = (name: string) => new URL(`../functions/${name}.js`, import.meta.url);
  const reporter = json ? program("json-reporter").href : "spec";
  const register = program("register-testing").href;
  const args = ["--import", register, "--test", `--test-reporter=${reporter}`, ...files];
  return new Promise((resolve, reject) => {
    const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: "1" } : {};
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...colours },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.pipe(process.stdout, { end: false });
    child.stderr.pipe(process.stderr, { end: false });
    child.on("error", reject);
    child.on("close", (status) => resolve(status === 0));
  });
}
