/** Bytes that are erased at a time. */
const SECTOR_BYTES = 4096;

/** A flash chip: erasing sets bits, writing only clears them, so that a part that was not erased shows. */
export class NorFlash {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Erases all sectors that a range touches. */
  erase(address: number, size: number): void {
    if (size === 0) return;
    const from = Math.floor(address / SECTOR_BYTES) * SECTOR_BYTES;
    this.bytes.fill(0xff, from, Math.ceil((address + size) / SECTOR_BYTES) * SECTOR_BYTES);
  }

  write(address: number, content: Uint8Array): void {
    for (const [i, byte] of content.entries())
      this.bytes[address + i] = (this.bytes[address + i] ?? 0) & byte;
  }
}
