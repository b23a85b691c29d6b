import { execFile, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where `.ci/run` puts Espressif's tool, then what is usual. */
const PROGRAMS = [join(homedir(), ".cache/edgeless/coap-peers/bin/esptool"), "esptool"];
const program = PROGRAMS.find((path) => spawnSync(path, ["version"]).status === 0);

/** Why tests with Espressif's own tool are left out, as `tap` wants it; false when they can run. */
export const NO_ESPTOOL: string | false =
  program === undefined ? "esptool is not installed (pip install esptool)" : false;

/** What the tool printed, and whether it was content. */
export interface EsptoolRun {
  readonly isDone: boolean;
  readonly output: string;
}

/** Runs the tool at a line behind TCP; one without modem lines has a chip that is in its loader and stays there. */
export function esptool(port: string, ...args: string[]): Promise<EsptoolRun> {
  const resets = port.startsWith("rfc2217:") ? [] : ["--before", "no-reset", "--after", "no-reset"];
  // Else it waits for answers to each change of a line.
  const address = port.replace("tcp:", "socket:").replace(/^rfc2217:.*/, "$&?ign_set_control");
  return run(["--port", address, ...resets, ...args]);
}

/** Has the tool put images into one file with the content of a whole flash. */
export function mergedByEsptool(
  chip: string,
  output: string,
  images: readonly { readonly address: number; readonly path: string }[],
): Promise<EsptoolRun> {
  const placed = images.flatMap(({ address, path }) => [`0x${address.toString(16)}`, path]);
  return run(["--chip", chip, "merge-bin", "--output", output, "--pad-to-size", "4MB", ...placed]);
}

function run(args: readonly string[]): Promise<EsptoolRun> {
  if (program === undefined) throw new Error("no esptool");
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ isDone: error === null, output: stdout + stderr }),
    );
  });
}
