import { FIRMWARE_LIST, slotName } from "../../embedded/firmware-slot.js";

/** True when all files of a slot are as their list says; without a list the script alone must be there. */
export function isWhole(slot: number): boolean {
  const storage = require("Storage");
  const list = storage.read(slotName(slot, FIRMWARE_LIST));
  if (list === undefined) return storage.read(slotName(slot, "edgeless")) !== undefined;
  const files = filesOf(list);
  for (let i = 0; i < files.length; i++) {
    const file = files[i] as [string, number, number];
    const text = storage.read(slotName(slot, file[0]));
    if (text === undefined || text.length !== file[1] || E.CRC32(text) !== file[2]) return false;
  }
  return files.length > 0;
}

/** Name, bytes and CRC-32 of each file; none when the list is damaged itself. */
function filesOf(list: string): [string, number, number][] {
  try {
    return JSON.parse(list)[1];
  } catch (_thrown) {
    return [];
  }
}
