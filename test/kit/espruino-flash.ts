/** Flash of the interpreter for Linux, bytes, and what files in it are aligned to. */
const FLASH_BYTES = 896 * 1024;
const ALIGNMENT = 4;
const HEADER_BYTES = 32;
const NAME_AT = 4;

/** The content of a flash with these files, as the interpreter keeps it. */
export function flashImage(files: Readonly<Record<string, string>>): Buffer {
  const flash = Buffer.alloc(FLASH_BYTES, 0xff);
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    flash.fill(0, at, at + HEADER_BYTES);
    flash.writeUInt32LE(content.length, at);
    flash.write(name, at + NAME_AT, "latin1");
    flash.write(content, at + HEADER_BYTES, "latin1");
    at += HEADER_BYTES + Math.ceil(content.length / ALIGNMENT) * ALIGNMENT;
  }
  return flash;
}
