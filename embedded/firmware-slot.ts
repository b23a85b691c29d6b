/** Name, within its slot, of the list of files that belong to a firmware: `[version, [[name, bytes, crc32] ...]]`, JSON. */
export const FIRMWARE_LIST = "edgeless.fw";

/** Longest name of a file of a firmware: names of blocks have 28 characters at most, and the second slot takes two. */
const LONGEST_NAME = 26;

/** The block that holds a file of the firmware of a slot. */
export function slotName(slot: number, name: string): string {
  return slot === 0 ? name : `b.${name}`;
}

/** True for names that files of a firmware may have: not those of settings, journal and list. */
export function isFirmwareFile(name: string): boolean {
  if (name.length > LONGEST_NAME || name.slice(0, 8) !== "edgeless") return false;
  for (let i = 8; i < name.length; i++) {
    const letter = name.charCodeAt(i);
    const isPlain = (letter >= 97 && letter <= 122) || (letter >= 48 && letter <= 57);
    if (!isPlain && letter !== 45 && letter !== 46) return false;
  }
  return name !== "edgeless.json" && name !== "edgeless.boot" && name !== FIRMWARE_LIST;
}
