/** Letter of the journal: this boot did nothing but move the files in flash together. */
export const COMPACTED = "k";

const KIB = 1024;

/** True when so much of the flash is held by files that are no more that it is worth the time and the wear. */
export function needsCompaction(): boolean {
  const { freeBytes, trashBytes } = require("Storage").getStats();
  return trashBytes > 256 * KIB || (freeBytes < 192 * KIB && trashBytes > 32 * KIB);
}
