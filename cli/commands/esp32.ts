import type { Command } from "commander";
import type { ImageOptions } from "../esp32/build-image.js";
import { withPortOptions } from "../esp32/choose-port.js";
import type { FetchOptions } from "../esp32/fetch-release.js";
import type { FlashOptions } from "../esp32/flash-board.js";
import type { InspectOptions } from "../esp32/inspect-board.js";
import { type LoaderOptions, withLoaderOptions } from "../esp32/loader-options.js";
import type { MonitorOptions } from "../esp32/monitor-board.js";
import type { ProvisionOptions } from "../esp32/run-provision.js";
import { withSettingsOptions } from "../esp32/settings-options.js";
import { createOutput, type Output } from "../output.js";

/** Speed of flashing that boards with a good cable reach, bits per second. */
const FLASH_BAUD = 460_800;

/** `edgeless esp32 …`: from a board in its box to a node of the domain. */
export function addEsp32Commands(program: Command): void {
  const group = program.command("esp32").description("flash, provision and watch boards on a serial port");
  addLocalCommands(group);
  addImageCommand(group);
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
    .option(
      "--url <URL>",
      "address of an archive, or of a folder when it ends with / (default: the server of Espruino)",
    )
    .option("--from <PATH>", "take this archive or folder instead of a download")
    .option("--sha256 <HEX>", "what the archive that is kept must be")
    .option("--folder <DIR>", "where it is kept (default: the cache of the user)")
    .option("--json", "print results as JSON")
    .action(async (options: FetchOptions & { json?: boolean }) => {
      const { fetchRelease } = await import("../esp32/fetch-release.js");
      await fetchRelease(options, outputOf(options));
    });
}

/** What is put on boards without a line to one. */
function addImageCommand(group: Command): void {
  const image = group
    .command("image")
    .description("write a file with the whole flash of a board, settings included when any are given")
    .requiredOption("--firmware <PATH>", "folder, .zip or .tgz with a release, or a release such as 2v29")
    .requiredOption("--output <FILE>", "the file to write")
    .option("--chip <CHIP>", "esp32, esp32c3 or esp32s3", "esp32")
    .option("--size <SIZE>", "of the flash: 4MB, 8MB, 16MB or 32MB", "4MB")
    .option("--json", "print results as JSON");
  withSettingsOptions(image).action(async (options: ImageOptions) => {
    const { buildImage } = await import("../esp32/build-image.js");
    const { cacheFolder } = await import("../esp32/cache-folder.js");
    await buildImage(options, outputOf(options), cacheFolder());
  });
}

/** Commands that talk to the ROM loader. */
function addLoaderCommands(group: Command): void {
  withLoaderOptions(group.command("flash").description("put Espruino on a board"), FLASH_BAUD)
    .requiredOption(
      "--firmware <PATH>",
      "folder, .zip or .tgz with a release, a release such as 2v29, or an image",
    )
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
  const provision = group
    .command("provision")
    .description("put the device runtime and its settings on a board, and wait until it has registered");
  withSettingsOptions(withPortOptions(provision))
    .option("--ble", "switch Bluetooth on again")
    .option("--no-ble", "switch Bluetooth off, which leaves more memory; the board restarts and remembers it")
    .option("--new-id", "give the board another node id")
    .option("--clear", "empty the storage first, other programs included")
    .option("--wait <SECONDS>", "how long to wait for the registration; 0: not at all", "90")
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
