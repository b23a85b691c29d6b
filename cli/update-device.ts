import { setTimeout as delay } from "node:timers/promises";
import { EdgelessError } from "../core/errors.js";
import { FIRMWARE_LIST } from "../embedded/firmware-slot.js";
import { BOOT_FILE, readRuntimeFiles } from "../esp32/tools/runtime-files.js";
import type { DeviceUpdate, GatewayControl } from "./device-client.js";
import { ProgressBar } from "./esp32/progress-bar.js";
import type { Output } from "./output.js";

/** How often the gateway is asked, milliseconds. */
const POLL_MS = 500;
/** The gateway may be away for so long, because it starts anew, milliseconds. */
const AWAY_MS = 60_000;

/** What stays as it is on a board: the boot script decides between two firmwares; the board writes the list itself. */
const KEPT: readonly string[] = [BOOT_FILE, FIRMWARE_LIST];

/**
 * Brings the firmware in a folder to a device and waits until it has proved.
 * @param folder with a `firmware.json`, as the build leaves it
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE, EDGELESS_REJECTED, EDGELESS_UPDATE_FAILED, EDGELESS_UNREACHABLE
 */
export async function updateDevice(
  key: string,
  folder: string,
  gateway: GatewayControl,
  output: Output,
): Promise<void> {
  const { version, files } = readRuntimeFiles(folder);
  const { id, name, firmware } = await gateway.inspect(key);
  if (firmware?.version === version) {
    output.result(`device ${name} runs ${version} already`, { id, version, state: "done" });
    return;
  }
  const sent = files.filter((file) => !KEPT.includes(file.name));
  let update = await gateway.update(id, version, sent);
  let toldMs = performance.now();
  const bar = new ProgressBar(process.stderr);
  for (; ; await delay(POLL_MS)) {
    bar.show(update.state === "trial" ? "trial" : "sending", update.sent_bytes, update.total_bytes);
    if (update.state === "done" || update.state === "failed") break;
    const told = await newest(id, version, gateway).catch((error: unknown) => {
      const isAway = error instanceof EdgelessError && error.code === "EDGELESS_UNREACHABLE";
      if (isAway && performance.now() - toldMs < AWAY_MS) return undefined;
      throw error;
    });
    if (told === undefined) continue;
    toldMs = performance.now();
    update = told;
  }
  bar.clear();
  if (update.state === "failed")
    throw new EdgelessError("EDGELESS_UPDATE_FAILED", `device ${name} was not updated: ${update.reason}`);
  output.result(`device ${name} runs ${version} now`, { id, version, state: update.state });
}

async function newest(id: string, version: string, gateway: GatewayControl): Promise<DeviceUpdate> {
  const { name, firmware } = await gateway.inspect(id);
  const update = firmware?.update;
  if (update?.version === version) return update;
  throw new EdgelessError(
    "EDGELESS_UPDATE_FAILED",
    `the gateway started anew without its state, and knows nothing of the update of ${name} any more`,
  );
}
