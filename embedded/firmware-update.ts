import {
  decodeFirmwareManifest,
  decodeFirmwarePart,
  type FirmwareFile,
  GONE_BACK,
  ON_TRIAL,
  PROVED,
  type RunningFirmware,
  SAFE_MODE,
} from "../coap-api/operations/firmware.js";
import { utf8Bytes } from "../coap-api/utf8.js";
import { NORMAL } from "./boot-journal.js";
import { BAD_MESSAGE, DEVICE_FULL, DeviceFault, UPDATE_DAMAGED } from "./device-fault.js";
import { FIRMWARE_LIST, isFirmwareFile, slotName } from "./firmware-slot.js";
import type { FirmwareBoard, Hardware } from "./hardware.js";
import { bytesToHex } from "./hex.js";

/** Between the acknowledgement of an update and the reboot, milliseconds. */
const REBOOT_MS = 1000;
/** Longest file of a firmware, bytes. */
const LARGEST = 262_144;

/** The firmware that runs. */
export function runningFirmware(hardware: Hardware, board: FirmwareBoard): RunningFirmware {
  const { mode, isTrial, isBack, slot } = board.guard.decision;
  const list = hardware.storage.readText(slotName(slot, FIRMWARE_LIST));
  return {
    version: list === undefined ? board.version : `${JSON.parse(list)[0]}`,
    state: mode !== NORMAL ? SAFE_MODE : isTrial ? ON_TRIAL : isBack ? GONE_BACK : PROVED,
  };
}

/**
 * Takes a part of a file of the next firmware into the slot that is not in use.
 * @throws WireFault
 * @throws DeviceFault when the part does not fit to the others, or there is no room
 */
export function storeFirmwarePart(
  hardware: Hardware,
  board: FirmwareBoard,
  name: string,
  payload: Uint8Array,
): void {
  const { at, total, bytes } = decodeFirmwarePart(payload);
  const { storage } = hardware;
  if (!isFirmwareFile(name) || total > LARGEST || at + bytes.length > total || bytes.length === 0)
    throw new DeviceFault(BAD_MESSAGE, "no part of a firmware");
  const block = slotName(1 - board.guard.decision.slot, name);
  const there = storage.read(block);
  if (at > 0 && (there === undefined || there.length !== total))
    throw new DeviceFault(UPDATE_DAMAGED, `the beginning of ${name} is missing`);
  if (at === 0 && total > storage.freeBytes())
    throw new DeviceFault(DEVICE_FULL, `${storage.freeBytes()} bytes are free`);
  if (!storage.writePart(block, at, total, bytes))
    throw new DeviceFault(UPDATE_DAMAGED, `${name} could not be written`);
}

/**
 * Starts anew with the firmware in the slot that is not in use, for a trial.
 * @throws WireFault
 * @throws DeviceFault when a file of it is missing or damaged
 */
export function startFirmwareTrial(hardware: Hardware, board: FirmwareBoard, payload: Uint8Array): void {
  const { version, files } = decodeFirmwareManifest(payload);
  const { guard } = board;
  const slot = 1 - guard.decision.slot;
  const list: unknown[][] = [];
  let isRunnable = false;
  for (let i = 0; i < files.length; i++) {
    const { name, bytes, crc32, sha256 } = files[i] as FirmwareFile;
    const block = slotName(slot, name);
    const there = isFirmwareFile(name) ? hardware.storage.read(block) : undefined;
    if (
      there === undefined ||
      there.length !== bytes ||
      board.crc32(block) !== crc32 ||
      !isSame(hardware.storage.sha256(block), sha256)
    )
      throw new DeviceFault(UPDATE_DAMAGED, `${name} is missing or damaged`);
    if (name === "edgeless") isRunnable = true;
    list.push([name, bytes, crc32]);
  }
  if (!isRunnable) throw new DeviceFault(UPDATE_DAMAGED, "there is no file edgeless");
  const text = JSON.stringify([version, list]);
  if (!hardware.storage.write(slotName(slot, FIRMWARE_LIST), utf8Bytes(text)))
    throw new DeviceFault(DEVICE_FULL, "no room for the list of files");
  guard.tryFirmware(slot);
  hardware.timers.set(REBOOT_MS, () => guard.reboot());
}

/** True when a board computed the same sum, or none. */
function isSame(computed: Uint8Array | undefined, said: Uint8Array): boolean {
  return computed === undefined || bytesToHex(computed) === bytesToHex(said);
}
