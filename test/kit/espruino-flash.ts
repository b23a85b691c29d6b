import { storageImage } from "../../esp32/tools/storage-image.js";

/** Flash of the interpreter for Linux, bytes. */
const FLASH_BYTES = 896 * 1024;

/** The content of a flash with these files, as the interpreter keeps it. */
export function flashImage(files: Readonly<Record<string, string>>): Buffer {
  const stored = Object.entries(files).map(([name, content]) => ({
    name,
    bytes: Buffer.from(content, "latin1"),
  }));
  return storageImage(stored, FLASH_BYTES);
}
