import type { Command } from "commander";
import type { Clock } from "../../core/clock.js";
import type { Fleet } from "../../emulator/fleet.js";
import { systemClock } from "../../platform/system-clock.js";
import { runConsole } from "../emulate/console.js";
import { type EmulateOptions, numberOption } from "../emulate/emulate-options.js";
import { createFleet } from "../emulate/start-fleet.js";
import { untilSignal } from "../until-signal.js";

/** How often the state of many devices is told. */
const REPORT_MS = 1_000;
/** Above so many devices, single displays are not shown. */
const MOST_SHOWN = 10;
/** How long a power cycle lasts. */
const OFF_MS = 1_000;

/** `edgeless emulate`: devices that are not there yet, in this process. */
export function addEmulateCommand(program: Command): void {
  program
    .command("emulate")
    .description("run emulated devices that register with a gateway")
    .option("--gateway <HOST:PORT>", "the gateway", "127.0.0.1:5683")
    .option("-n, --count <N>", "how many devices", "1")
    .option("--name <NAME>", "their name; several get a number", "emulated")
    .option("--seed <NUMBER>", "ids and everything random follow from it", "1")
    .option("--profile <BOARD>", "board: memory, flash and speed", "esp32")
    .option("--resources <LIST>", "resource classes, separated by commas (default: all)")
    .option(
      "--measurements <FILE>",
      "CSV file with what the SCD30 measures: seconds,co2,humidity,temperature",
    )
    .option("--loss <PERCENT>", "datagrams that are lost, each way", "0")
    .option("--delay <MS>", "delay of the link, one way", "0")
    .option("--jitter <MS>", "added to the delay at random", "0")
    .option("--duplication <PERCENT>", "datagrams that arrive twice", "0")
    .option("--reordering <PERCENT>", "datagrams that others overtake", "0")
    .option("--bandwidth <BITS>", "bits per second each way; 0: unlimited", "0")
    .option(
      "--outage <LIST>",
      "windows in which nothing gets through, FROM-TO in seconds, separated by commas",
    )
    .option("--power-cycle <SECONDS>", "pull the plug of one device after another, every so often")
    .option("--flash-folder <DIR>", "keep flash storages in files (default: in memory)")
    .option("--spread <SECONDS>", "switch the devices on over so long (default: 1 s for each 500)")
    .option("-i, --interactive", "take commands: press a button, set a sensor, pull the plug")
    .action(async (options: EmulateOptions) => {
      const fleet = await createFleet(options, systemClock);
      const cycleMs =
        options.powerCycle === undefined
          ? 0
          : numberOption(options.powerCycle, "--power-cycle", 1, 1e6) * 1000;
      fleet.powerOn();
      say(`looking for the gateway at ${options.gateway}`);
      const stopReports = report(fleet, systemClock);
      const stopCycles = cycleMs === 0 ? () => {} : cyclePower(fleet, systemClock, cycleMs);
      const running = {
        async close() {
          stopReports();
          stopCycles();
          await fleet.close();
        },
      };
      await untilSignal(
        running,
        options.interactive === true ? runConsole(fleet, process.stdin, say) : undefined,
      );
    });
}

/** Tells how many devices are registered when that changes, and what single displays show. */
function report(fleet: Fleet, clock: Clock): () => void {
  const { devices } = fleet;
  if (devices.length <= MOST_SHOWN) {
    for (const [index, { display }] of devices.entries()) {
      display.onShow = (text) => say(`device ${index + 1} shows: ${text.replaceAll("\n", " | ")}`);
    }
  }
  let last = 0;
  const tell = () => {
    const { registered } = fleet;
    if (registered !== last) say(`${registered} of ${devices.length} devices registered`);
    last = registered;
    timer = clock.setTimer(last === devices.length ? REPORT_MS : REPORT_MS / 10, tell);
  };
  let timer = clock.setTimer(REPORT_MS / 10, tell);
  return () => timer.cancel();
}

/** Pulls the plug of the next device every `everyMs` milliseconds, for a second. */
function cyclePower(fleet: Fleet, clock: Clock, everyMs: number): () => void {
  let next = 0;
  const cycle = () => {
    const device = fleet.devices[next++ % fleet.devices.length];
    device?.powerOff();
    clock.setTimer(OFF_MS, () => device?.powerOn());
    timer = clock.setTimer(everyMs, cycle);
  };
  let timer = clock.setTimer(everyMs, cycle);
  return () => timer.cancel();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
