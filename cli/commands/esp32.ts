import type { Command } from "commander";
import { withPortOptions } from "../esp32/choose-port.js";
import type { FetchOptions } from "../esp32/fetch-release.js";
import type { FlashOptions } from "../esp32/flash-board.js";
import type { InspectOptions } from "../esp32/inspect-board.js";
import { type LoaderOptions, withLoaderOptions } from "../esp32/loader-options.js";
import type { MonitorOptions } from "../esp32/monitor-board.js";
import type { ProvisionOptions } from "../esp32/run-provision.js";
import { createOutput, type Output } from "../output.js";

/** Speed of flashing that boards with a good cable reach, bits per second. */
const FLASH_BAUD = 460_800;

/** `edgeless esp32 …`: from a board in its box to a node of the domain. */
export function addEsp32Commands(program: Command): void {
  const group = program.command("esp32").description("flash, provision and watch boards on a serial port");
  addLocalCommands(group);
  addLoaderCommands(group);
  addConsoleCommands(group);
}

/** Commands that need no board. */
function addLocalCommands(group: Command): void {
  group
    .command("list")
    .description("print the serial ports, likely boards first")
    .option("--all", "also those that look like no board")
    .option("--json", "print results as JSON")
    .action(async (options: { all?: boolean; json?: boolean }) => {
      const { printPorts } = await import("../esp32/print-ports.js");
      await printPorts(options.all === true, outputOf(options));
    });
  group
    .command("firmware")
    .description("have a release of Espruino on this machine")
    .command("fetch")
    .description("download a release once, checked by its SHA-256")
    .requiredOption("--release <VERSION>", "for example 2v29")
    .option("--chip <CHIP>", "esp32, esp32c3 or esp32s3", "esp32")
    .option("--url <URL>", "address of the archive (default: the server of Espruino)")
    .option("--sha256 <HEX>", "what the archive must be")
    .option("--folder <DIR>", "where it is kept (default: the cache of the user)")
    .option("--json", "print results as JSON")
    .action(async (options: FetchOptions & { json?: boolean }) => {
      const { fetchRelease } = await import("../esp32/fetch-release.js");
      await fetchRelease(options, outputOf(options));
    });
}

/** Commands that talk to the ROM loader. */
function addLoaderCommands(group: Command): void {
  withLoaderOptions(group.command("flash").description("put Espruino on a board"), FLASH_BAUD)
    .requiredOption("--firmware <PATH>", "folder, .zip or .tgz with a release, or a release such as 2v29")
    .option("--force", "write also what is there already")
    .option("--erase", "erase the whole flash first, settings and files included")
    .action(async (options: FlashOptions) => {
      const { flashBoard } = await import("../esp32/flash-board.js");
      const { cacheFolder } = await import("../esp32/cache-folder.js");
      await flashBoard(options, outputOf(options), cacheFolder());
    });

  withLoaderOptions(group.command("erase").description("erase the whole flash of a board"), FLASH_BAUD)
    .option("--yes", "do not ask")
    .action(async (options: LoaderOptions & { yes?: boolean }) => {
      const { eraseBoard } = await import("../esp32/erase-board.js");
      await eraseBoard(options, outputOf(options));
    });

  withLoaderOptions(
    group.command("info").description("print chip, firmware, free memory and settings of a board"),
  )
    .option("--chip", "ask the chip as well, which restarts the board")
    .action(async (options: InspectOptions) => {
      const { inspectBoard } = await import("../esp32/inspect-board.js");
      await inspectBoard(options, outputOf(options));
    });
}

/** Commands that talk to the interpreter. */
function addConsoleCommands(group: Command): void {
  withPortOptions(
    group
      .command("provision")
      .description("put the device runtime and its settings on a board, and wait until it has registered"),
  )
    .option("--name <NAME>", "name of the board")
    .option("--wifi <NETWORK>", "network to join; may be repeated, the preferred one first", collect)
    .option("--no-wifi", "the board needs no Wi-Fi")
    .option("--wifi-file <FILE>", 'networks as JSON: [{"ssid": "...", "password": "..."}]')
    .option("--gateway <HOST[:PORT]>", "the gateway, as the board reaches it")
    .option("--board-profile <NAME>", "where things are wired (default: by the firmware of the board)")
    .option("--provider <SPEC>", "a resource provider, CLASS[=ID][,KEY=VALUE...]; may be repeated", collect)
    .option("--providers <FILE>", "resource providers as JSON")
    .option("--label <LABEL>", "label of the node; may be repeated", collect)
    .option("--lifetime <SECONDS>", "silence after which the gateway gives the board up")
    .option("--led <PIN>", "pin of the light that shows the state, or none")
    .option("--no-ble", "switch Bluetooth off, which leaves more memory; the board restarts and remembers it")
    .option("--ble", "switch Bluetooth on again")
    .option("--telnet", "leave the console open to everyone in the network, passwords included")
    .option("--no-telnet", "close it again")
    .option("--device-port <PORT>", "UDP port of the board (default: that of CoAP)")
    .option("--new-id", "give the board another node id")
    .option("--clear", "empty the storage first, other programs included")
    .option("--wait <SECONDS>", "how long to wait for the registration; 0: not at all", "90")
    .option("--runtime <DIR>", "folder with another build of the device runtime")
    .action(async (options: ProvisionOptions) => {
      const { runProvision } = await import("../esp32/run-provision.js");
      await runProvision(options, outputOf(options));
    });

  withPortOptions(
    group.command("monitor").description("print what a board says and send what is typed, until Ctrl-C"),
  )
    .option("--level <LEVEL>", "least urgent log lines: error, warn, info, debug, trace", "trace")
    .option("--logs-only", "only the log lines of the device runtime")
    .option("--reset", "restart the board first")
    .action(async (options: MonitorOptions) => {
      const { monitorBoard } = await import("../esp32/monitor-board.js");
      await monitorBoard(options, outputOf(options));
    });
}

function outputOf({ json }: { readonly json?: boolean }): Output {
  return createOutput(json === true);
}

function collect(value: string, previous: unknown): string[] {
  return Array.isArray(previous) ? [...previous, value] : [value];
}
