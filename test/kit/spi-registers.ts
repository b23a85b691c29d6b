import type { RomChip } from "./scripted-rom.js";

/** Flash chip of 4 MB, as RDID gives it. */
const FLASH_ID = 0x1640ef;
const READ_ID = 0x9f;
const START = 1 << 18;

/** The registers of a chip as its loader reads and writes them; those of the flash bus read the identity of the flash. */
export class SpiRegisters {
  readonly #chip: RomChip;
  readonly #values: Map<number, number>;

  constructor(chip: RomChip) {
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
      this.#values.set(spiBase + spiData, command === READ_ID ? FLASH_ID : 0);
    } else this.#values.set(address, value);
  }
}

function asNumbers([address, value]: [string, number]): [number, number] {
  return [Number(address), value];
}
