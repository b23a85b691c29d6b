import { ESPLoader, type LoaderOptions, Transport } from "esptool-js";
import { quietWatchdogs } from "./chip-watchdogs.js";
import { CONSOLE_BAUD } from "./open-port.js";
import { type BlockAnswer, RomBlocks } from "./rom-blocks.js";

/** The library's transport without its output to the console. */
export class QuietTransport extends Transport {
  override trace(): void {}
}

/** Bytes that the ROM and the stub take at once. */
const ROM_BLOCK_BYTES = 0x400;
const STUB_BLOCK_BYTES = 0x4000;
/** Tells a ROM how the flash is built; the library does not know this command (Espressif, "Serial Protocol"). */
const SPI_SET_PARAMS = 0x0b;
/** Geometry of flash chips, bytes, and the bits of their status. */
const FLASH_BLOCK_BYTES = 0x10000;
const FLASH_SECTOR_BYTES = 0x1000;
const FLASH_PAGE_BYTES = 0x100;
const FLASH_STATUS_MASK = 0xffff;
/** Answers that a call is met with after the first, and how long one takes, milliseconds. */
const MORE_ANSWERS = 7;
const ANSWER_MS = 100;
/** How often a chip that fell silent is called, and the pause between, milliseconds. */
const CALLS = 40;
const CALL_EVERY_MS = 400;
/** Longest that answers to calls may come in, milliseconds. */
const ANSWERS_MS = 5_000;
/** Silence after which the new speed of a line holds, and how long one tries at it, milliseconds. */
const SETTLE_MS = 50;
const PROBE_MS = 500;
/** Least time for an answer about the flash, milliseconds: a chip in a busy emulator is slow. */
const PATIENCE_MS = 15_000;
/** How long a ROM may take for a block, milliseconds; it is asked again without harm. */
const BLOCK_MS = 5_000;
/** What a ROM erases with one command, bytes: a second or so of work. */
const ERASED_AT_ONCE_BYTES = 0x40000;
/**
 * How an ESP32 reads its flash: registers of the flash bus, and values for the plain read command. Started in its loader, an emulated
 * chip has none of that set, reads zeros, and fails every comparison.
 */
const ESP32_SPI_USER = 0x3ff4201c;
const ESP32_SPI_USER2 = 0x3ff42024;
const READS_WITH_ADDRESS = 0xd0000000;
const PLAIN_READ = 0x70000003;
/** Register of an ESP32 with the pins of a flash inside its package, and the one before it with the fifth. */
const ESP32_PADS = 0x3ff5a014;
const ESP32_PAD_HD = 0x3ff5a00c;

/**
 * The library's loader, with time for slow lines (it gives the stub 200 ms to start) and for chips on which no stub runs: the ROM of a chip
 * takes smaller blocks, wants the flash attached, sends digits as text and cannot erase all at once.
 */
export class ChipLoader extends ESPLoader {
  #stubAnswers = false;
  readonly #blocks = new RomBlocks(
    (data, number) => this.#sendBlock(data, number),
    () => this.#callAgain(),
  );

  constructor(options: LoaderOptions) {
    super(options);
    this.FLASH_WRITE_SIZE = ROM_BLOCK_BYTES;
  }

  /** A ROM answers eight times, a stub of an earlier run with a zero and maybe only once. */
  override async sync(): Promise<[number, Uint8Array]> {
    const call = Uint8Array.from([0x07, 0x07, 0x12, 0x20, ...Array<number>(32).fill(0x55)]);
    const first = await this.command(0x08, call, undefined, undefined, ANSWER_MS);
    this.#stubAnswers = first[0] === 0;
    try {
      for (let i = 0; i < MORE_ANSWERS; i++) await this.readPacket(0x08, ANSWER_MS);
    } catch (error) {
      if (!this.#stubAnswers) throw error;
    }
    return first;
  }

  /** Makes the flash usable: through the stub, or with what the ROM offers. */
  async start(useStub: boolean): Promise<void> {
    await this.chip.postConnect?.(this);
    if (this.#stubAnswers) this.IS_STUB = true;
    else {
      await quietWatchdogs(this);
      if (useStub) await this.runStub();
    }
    if (this.IS_STUB) {
      const { USB_RAM_BLOCK } = this.chip;
      this.FLASH_WRITE_SIZE =
        USB_RAM_BLOCK !== undefined && (await this.usesUsbOtg()) ? USB_RAM_BLOCK : STUB_BLOCK_BYTES;
    } else await this.#attachFlash();
    this.DEFAULT_TIMEOUT = PATIENCE_MS;
  }

  override timeoutPerMb(perMegabyte: number, bytes: number): number {
    return Math.max(PATIENCE_MS, super.timeoutPerMb(perMegabyte, bytes));
  }

  override flashDeflBlock(data: Uint8Array, sequence: number, withinMs: number): Promise<void> {
    return super.flashDeflBlock(data, sequence, Math.max(PATIENCE_MS, withinMs));
  }

  /** Tells the ROM how large the flash is; the stub finds out itself. */
  async describeFlash(bytes: number): Promise<void> {
    if (this.IS_STUB) return;
    const parameters = [0, bytes, FLASH_BLOCK_BYTES, FLASH_SECTOR_BYTES, FLASH_PAGE_BYTES, FLASH_STATUS_MASK];
    await this.checkCommand("set SPI parameters", SPI_SET_PARAMS, this.#words(parameters));
    if (this.chip.CHIP_NAME !== "ESP32") return;
    const user = (await this.readReg(ESP32_SPI_USER)) >>> 0;
    if ((user & READS_WITH_ADDRESS) >>> 0 === READS_WITH_ADDRESS) return;
    await this.writeReg(ESP32_SPI_USER, READS_WITH_ADDRESS);
    await this.writeReg(ESP32_SPI_USER2, PLAIN_READ);
  }

  /** The library has a word too many for the ROM of an ESP32. */
  override async flashBegin(size: number, address: number): Promise<number> {
    await this.#beginFlash(address, size);
    this.#blocks.begin();
    return Math.ceil(size / this.FLASH_WRITE_SIZE);
  }

  override flashBlock(data: Uint8Array, sequence: number, withinMs: number): Promise<void> {
    if (this.IS_STUB) return super.flashBlock(data, sequence, Math.max(PATIENCE_MS, withinMs));
    return this.#blocks.send(data, sequence);
  }

  /** Sends a block once, under the number that a ROM wants. */
  async #sendBlock(data: Uint8Array, number: number): Promise<BlockAnswer> {
    const packet = Uint8Array.from([...this.#words([data.length, number, 0, 0]), ...data]);
    try {
      const [, status] = await this.command(this.ESP_FLASH_DATA, packet, this.checksum(data), true, BLOCK_MS);
      return status[0] === 0 ? "taken" : (status[1] ?? 0);
    } catch {
      return "late";
    }
  }

  /** Calls a chip that did not answer, until it has done what it was told and nothing is on its way any more. */
  async #callAgain(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.sync();
        break;
      } catch (error) {
        if (tries === CALLS) throw error;
        await this.transport.drainInput(CALL_EVERY_MS, CALL_EVERY_MS);
      }
    }
    await this.transport.drainInput(ANSWER_MS, ANSWERS_MS);
  }

  /** Changes the speed of the stub and of the line. @throws Error when nothing is understood at this speed */
  async changeSpeed(baudRate: number): Promise<void> {
    await this.command(this.ESP_CHANGE_BAUDRATE, this.#words([baudRate, CONSOLE_BAUD]));
    await this.transport.drainInput(SETTLE_MS);
    await this.transport.changeBaudrate(baudRate);
    await this.transport.drainInput(SETTLE_MS);
    try {
      await this.readReg(this.CHIP_DETECT_MAGIC_REG_ADDR, PROBE_MS);
    } catch {
      await this.readReg(this.CHIP_DETECT_MAGIC_REG_ADDR, PROBE_MS);
    }
  }

  override async memFinish(entryPoint: number): Promise<void> {
    const stays = entryPoint === 0 ? 1 : 0;
    await this.checkCommand("leave RAM download mode", this.ESP_MEM_END, this.#words([stays, entryPoint]));
  }

  override async flashMd5sum(address: number, size: number): Promise<string> {
    const sum = await super.flashMd5sum(address, size);
    return this.IS_STUB ? sum : Buffer.from(sum, "hex").toString("latin1");
  }

  /** Erases the first `bytes` of the flash: all of it. */
  async eraseAll(bytes: number, onProgress: (erased: number) => void): Promise<void> {
    if (this.IS_STUB) {
      await this.eraseFlash();
      return;
    }
    for (let at = 0; at < bytes; at += ERASED_AT_ONCE_BYTES) {
      await this.#beginFlash(at, Math.min(ERASED_AT_ONCE_BYTES, bytes - at));
      onProgress(Math.min(bytes, at + ERASED_AT_ONCE_BYTES));
    }
  }

  /** Has a chip return from the stub to its ROM, at the speed it began with. */
  async leaveStub(): Promise<void> {
    if (!this.IS_STUB) return;
    await this.#beginFlash(0, 0);
    await this.flashFinish(true);
  }

  /** Erases a part of the flash, and has it ready for blocks. */
  async #beginFlash(address: number, bytes: number): Promise<void> {
    const blocks = Math.ceil(bytes / this.FLASH_WRITE_SIZE);
    const parameters = [bytes, blocks, this.FLASH_WRITE_SIZE, address];
    // Only the ROM of the first chip knows no encryption.
    if (this.IS_STUB || this.chip.CHIP_NAME !== "ESP32") parameters.push(0);
    const withinMs = this.timeoutPerMb(this.ERASE_REGION_TIMEOUT_PER_MB, bytes);
    await this.checkCommand(
      "erase a part of the flash",
      this.ESP_FLASH_BEGIN,
      this.#words(parameters),
      0,
      0,
      withinMs,
    );
  }

  async #attachFlash(): Promise<void> {
    const pads = this.chip.CHIP_NAME === "ESP32" ? await this.#esp32Pads() : 0;
    await this.checkCommand("configure SPI flash pins", this.ESP_SPI_ATTACH, this.#words([pads, 0]));
  }

  /** The pins of a flash inside the package of an ESP32, as six bits each; 0 for a flash beside it. */
  async #esp32Pads(): Promise<number> {
    const pads = await this.readReg(ESP32_PADS);
    const hd = ((await this.readReg(ESP32_PAD_HD)) >> 4) & 0x1f;
    const [clk = 0, q = 0, d = 0, cs = 0] = [0, 5, 10, 15].map((shift) => (pads >> shift) & 0x1f);
    return ((hd << 24) | (cs << 18) | (d << 12) | (q << 6) | clk) >>> 0;
  }

  #words(values: readonly number[]): Uint8Array {
    return Uint8Array.from(values.flatMap((value) => [...this._intToByteArray(value)]));
  }
}
