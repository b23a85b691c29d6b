import type { RomChip } from "./scripted-rom.js";

/** Maker and kind of a flash chip, as RDID gives them before its size as a power of two. */
const FLASH_KIND = 0x40ef;
const READ_ID = 0x9f;
const START = 1 << 18;

/** The registers of a chip as its loader reads and writes them; those of the flash bus read the identity of the flash. */
export class SpiRegisters {
  readonly #chip: RomChip;
  readonly #values: Map<number, number>;

  readonly #flashId: number;

  /** @param flashBytes size of the flash, a power of two */
  constructor(chip: RomChip, flashBytes: number) {
    this.#flashId = (Math.log2(flashBytes) << 16) | FLASH_KIND;
    this.#chip = chip;
    this.#values = new Map([[0x40001000, chip.magic], ...Object.entries(chip.registers).map(asNumbers)]);
  }

  read(address: number): number {
    return (this.#values.get(address) ?? 0) >>> 0;
  }

  write(address: number, value: number): void {
    const { spiBase, spiCommand, spiData } = this.#chip;
    if (address === spiBase && (value & START) !== 0) {
      const command = this.read(spiBase + spiCommand) & 0xff;
      this.#values.set(spiBase + spiData, command === READ_ID ? this.#flashId : 0);
    } else this.#values.set(address, value);
  }
}

function asNumbers([address, value]: [string, number]): [number, number] {
  return [Number(address), value];
}
