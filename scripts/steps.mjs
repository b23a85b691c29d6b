// The steps from a fresh clone to a runnable program; each does nothing when its result is there already.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, fingerprint, isFresh, markFresh, ROOT } from "./freshness.mjs";
import { oneAtATime } from "./one-at-a-time.mjs";

const SOURCES = [
  "platform",
  "core",
  "coap-api",
  "grpc-api",
  "toolchain",
  "embedded",
  "esp32",
  "emulator",
  "node",
  "control",
  "gateway",
  "cli",
  "bench",
  "test",
].filter((folder) => existsSync(join(ROOT, folder)));

function run(title, command, args) {
  process.stderr.write(`${title} ...\n`);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (error !== undefined || status !== 0) {
    process.stderr.write(`${title}: failed${error === undefined ? "" : ` (${error.message})`}\n`);
    process.exit(1);
  }
}

/** Installs the dependencies of the lock file. */
export function install() {
  const print = () => fingerprint(["package.json", "package-lock.json"]);
  const isDone = () =>
    existsSync(join(ROOT, "node_modules", "typescript")) && isFresh("node_modules/.edgeless-stamp", print());
  oneAtATime(isDone, () => {
    run("Installing dependencies", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    markFresh("node_modules/.edgeless-stamp", print());
  });
}

/** Generates the gRPC messages, compiles the program and the functions. */
export function build() {
  const print = () =>
    fingerprint([
      "package-lock.json",
      ...filesBelow("scripts", [".mjs"]),
      ...SOURCES.flatMap((folder) => filesBelow(folder, [".ts", ".proto"])),
      "tsconfig.json",
      "tsconfig.base.json",
      ...filesBelow("functions", [".ts", ".json"]),
    ]);
  oneAtATime(
    () => isFresh("dist/.stamp", print()),
    () => {
      run("Generating the gRPC messages", process.execPath, ["scripts/generate.mjs"]);
      run("Compiling the program", process.execPath, ["node_modules/typescript/bin/tsc", "-b"]);
      run("Compiling the functions", process.execPath, ["scripts/build-functions.mjs"]);
      run("Bundling the firmware of boards", process.execPath, ["scripts/build-firmware.mjs"]);
      markFresh("dist/.stamp", print());
    },
  );
}
