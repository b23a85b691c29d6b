import { createHash } from "node:crypto";
import { inflateSync, constants as zlib } from "node:zlib";
import type { Signals } from "../../esp32/tools/byte-port.js";
import type { MemoryPort, PortPeer } from "./memory-port.js";
import { NorFlash } from "./nor-flash.js";
import { SlipReader, slipFrame } from "./slip-frames.js";
import { SpiRegisters } from "./spi-registers.js";

/** A chip that a {@link ScriptedRom} can be. */
export interface RomChip {
  /** Value of register 0x40001000, by which older chips are told apart. */
  readonly magic: number;
  /** Answer to the newer command for that; undefined where the ROM does not know it. */
  readonly chipId?: number;
  /** Base of the registers of the flash bus, and offsets of its command and its first data word. */
  readonly spiBase: number;
  readonly spiCommand: number;
  readonly spiData: number;
  /** What else is read: fuses with the address of the network interface, the divider of the clock. */
  readonly registers: Readonly<Record<number, number>>;
}

/** The divider at 115,200 bits a second with a crystal of 40 MHz. */
const DIVIDER = 347;

export const ROM_CHIPS = {
  esp32: {
    magic: 0x00f01d83,
    spiBase: 0x3ff42000,
    spiCommand: 0x24,
    spiData: 0x80,
    registers: { 1073061892: 0xc4000110, 1073061896: 0x0000240a, 1072955412: DIVIDER },
  },
  esp32c3: {
    magic: 0x1b31506f,
    chipId: 5,
    spiBase: 0x60002000,
    spiCommand: 0x20,
    spiData: 0x58,
    registers: { 1610647620: 0xc4000110, 1610647624: 0x0000240a, 1610612756: DIVIDER },
  },
  esp32s3: {
    magic: 0x09,
    chipId: 9,
    spiBase: 0x60002000,
    spiCommand: 0x20,
    spiData: 0x58,
    registers: { 1610641476: 0xc4000110, 1610641480: 0x0000240a, 1610612756: DIVIDER },
  },
  esp32s2: { magic: 0x000007c6, spiBase: 0x3f402000, spiCommand: 0x20, spiData: 0x58, registers: {} },
} as const satisfies Record<string, RomChip>;

/** What goes wrong, and when. */
export interface RomFaults {
  /** Answers nothing at all. */
  silent?: boolean;
  /** Sends this in front of every answer. */
  noise?: Uint8Array;
  /** Refuses so many blocks with a checksum fault. */
  refusedBlocks?: number;
  /** Cannot keep the first so many blocks in its flash. */
  unwritableBlocks?: number;
  /** Leaves so many blocks unanswered. */
  lostAnswers?: number;
  /** Answers the first block only after so many milliseconds. */
  slowMs?: number;
  /** Flips a bit of so many images on their way into flash. */
  damagedImages?: number;
  /** Pulls the cable at this block, counted from 1 over all images. */
  pullAtBlock?: number;
  /** Understands nothing more once its speed was changed, until a reset. */
  deafWhenFast?: boolean;
  /** Ignores the first so many resets into the loader. */
  missedResets?: number;
  /**
   * What a stub does: `refused`: the ROM does not take it; `hangs`: it says nothing, until a reset; `crashes`: it says nothing, and the
   * ROM is back.
   */
  stub?: "refused" | "hangs" | "crashes";
}

const OPERATION = {
  flashBegin: 0x02,
  flashData: 0x03,
  flashEnd: 0x04,
  memBegin: 0x05,
  memEnd: 0x06,
  memData: 0x07,
  sync: 0x08,
  writeRegister: 0x09,
  readRegister: 0x0a,
  setParameters: 0x0b,
  attach: 0x0d,
  changeBaud: 0x0f,
  deflBegin: 0x10,
  deflData: 0x11,
  deflEnd: 0x12,
  md5: 0x13,
  securityInfo: 0x14,
  eraseFlash: 0xd0,
  eraseRegion: 0xd1,
  readFlash: 0xd2,
} as const;

const OK = [0, 0];
const WRONG_LENGTH = [1, 5];
const FAILED = [1, 6];
const BAD_CHECKSUM = [1, 7];
const WRITE_FAILED = [1, 8];
const UNEXPECTED_BLOCK = [1, 5];
const UNKNOWN_COMMAND = [1, 5];
/** Most bytes of a block for flash that the ROM and the stub take. */
const ROM_BLOCK_BYTES = 0x400;
const STUB_BLOCK_BYTES = 0x4000;
/** What the ROM says when it is called; a stub says nothing. */
const ROM_GREETING = 0x20120707;

/** An image that is on its way into flash. */
interface Incoming {
  readonly address: number;
  readonly size: number;
  readonly isCompressed: boolean;
  readonly parts: Uint8Array[];
  expected: number;
  written: number;
}

/**
 * The ROM loader of an ESP32 and the flasher stub that it loads, as far as flashing tools use them (Espressif, "Serial Protocol"): SLIP
 * frames, checksums, plain and compressed writes, erasing, MD5, registers. The two differ as the real ones do: in the length
 * of commands and answers, in the size of blocks, and in what they know. Its flash outlives resets and pulled cables.
 */
export class ScriptedRom implements PortPeer {
  readonly flash: Buffer;
  readonly faults: RomFaults;
  /** True while the loader runs, false while the program does. */
  inLoader: boolean;
  /** How often the program was started through the reset line. */
  starts = 0;
  blocks = 0;
  erased = 0;
  readonly #chip: RomChip;
  readonly #registers: SpiRegisters;
  readonly #nor: NorFlash;
  readonly #reader = new SlipReader();
  readonly #port: MemoryPort;
  #stub = false;
  #isDeaf = false;
  #isAttached = false;
  #rts = false;
  #image: Incoming | undefined;

  constructor(
    port: MemoryPort,
    chip: RomChip,
    faults: RomFaults = {},
    flash: Buffer = Buffer.alloc(4 << 20, 0xff),
  ) {
    this.#port = port;
    this.#chip = chip;
    this.#registers = new SpiRegisters(chip, flash.length);
    this.#nor = new NorFlash(flash);
    this.faults = faults;
    this.flash = flash;
    this.inLoader = !port.hasSignals;
    port.peer = this;
  }

  /** True while the stub has the place of the ROM. */
  get hasStub(): boolean {
    return this.#stub;
  }

  /** RTS holds the chip in reset; DTR, as it is when reset ends, chooses the loader. */
  signals({ dtr, rts }: Signals): void {
    if (this.#rts && !rts) {
      const missed = dtr && (this.faults.missedResets ?? 0) > 0;
      if (missed) this.faults.missedResets = (this.faults.missedResets ?? 0) - 1;
      this.inLoader = dtr && !missed;
      if (!this.inLoader) this.starts++;
      this.#restart();
    }
    this.#rts = rts;
  }

  receive(bytes: Uint8Array): void {
    if (!this.inLoader || this.#isDeaf || this.faults.silent === true) return;
    for (const frame of this.#reader.push(bytes)) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
      if (frame.length < 8 || frame[0] !== 0 || view.getUint16(2, true) !== frame.length - 8) continue;
      this.#command(frame[1] ?? 0, frame.subarray(8), view.getUint32(4, true));
    }
  }

  /** Begins anew in the ROM, with nothing attached. */
  #restart(): void {
    this.#stub = false;
    this.#isDeaf = false;
    this.#isAttached = false;
    this.#image = undefined;
    this.#port.send(Buffer.from("ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\n"));
  }

  #command(operation: number, data: Uint8Array, checksum: number): void {
    const words = wordsOf(data);
    const [first = 0, second = 0] = words;
    switch (operation) {
      case OPERATION.sync:
        for (let i = 0; i < 8; i++) this.#answer(operation, [], OK, this.#stub ? 0 : ROM_GREETING);
        return;
      case OPERATION.readRegister:
        this.#answer(operation, [], OK, this.#registers.read(first));
        return;
      case OPERATION.writeRegister:
        for (let i = 0; i + 1 < words.length; i += 4) this.#registers.write(words[i] ?? 0, words[i + 1] ?? 0);
        this.#answer(operation, [], OK);
        return;
      case OPERATION.setParameters:
        this.#answer(operation, [], data.length === 24 ? OK : WRONG_LENGTH);
        return;
      case OPERATION.attach:
        this.#isAttached = data.length >= (this.#stub ? 4 : 8);
        this.#answer(operation, [], this.#isAttached ? OK : WRONG_LENGTH);
        return;
      case OPERATION.changeBaud:
        this.#answer(operation, [], OK);
        this.#isDeaf = this.faults.deafWhenFast === true;
        return;
      case OPERATION.memBegin:
        this.#answer(operation, [], this.faults.stub === "refused" ? FAILED : OK);
        return;
      case OPERATION.memData: {
        const isGood = checksumOf(data.subarray(16)) === checksum;
        this.#answer(operation, [], isGood ? OK : BAD_CHECKSUM);
        return;
      }
      case OPERATION.memEnd:
        this.#startStub();
        return;
      case OPERATION.securityInfo:
        if (this.#chip.chipId === undefined || data.length > 0) break;
        this.#answer(operation, [...Array(12).fill(0), this.#chip.chipId, 0, 0, 0, 0, 0, 0, 0], OK);
        return;
      case OPERATION.flashBegin:
      case OPERATION.deflBegin:
        this.#answer(operation, [], this.#begin(words, operation === OPERATION.deflBegin));
        return;
      case OPERATION.flashData:
      case OPERATION.deflData:
        this.#block(operation, data, second, checksum);
        return;
      case OPERATION.flashEnd:
      case OPERATION.deflEnd:
        this.#end(operation, first === 0);
        return;
      case OPERATION.md5: {
        const sum = createHash("md5").update(this.flash.subarray(first, first + second));
        // The ROM sends digits, the stub the bytes.
        const content = this.#stub ? sum.digest() : Buffer.from(sum.digest("hex"));
        this.#answer(operation, [...content], this.#isUsable() ? OK : FAILED);
        return;
      }
    }
    if (this.#stub && this.#stubCommand(operation, first, second)) return;
    for (let i = 0; i < 8; i++) this.#answer(0xff, [], UNKNOWN_COMMAND);
  }

  /** What only the stub knows. */
  #stubCommand(operation: number, first: number, second: number): boolean {
    if (operation === OPERATION.eraseFlash) this.#nor.erase(0, this.flash.length);
    else if (operation === OPERATION.eraseRegion) this.#nor.erase(first, second);
    else if (operation !== OPERATION.readFlash) return false;
    if (operation !== OPERATION.readFlash) this.erased++;
    this.#answer(operation, [], OK);
    if (operation === OPERATION.readFlash) {
      const part = this.flash.subarray(first, first + second);
      for (let at = 0; at < part.length; at += 4096) this.#port.send(slipFrame(part.subarray(at, at + 4096)));
      this.#port.send(slipFrame(createHash("md5").update(part).digest()));
    }
    return true;
  }

  #startStub(): void {
    this.#answer(OPERATION.memEnd, [], OK);
    if (this.faults.stub === "hangs") this.#isDeaf = true;
    else if (this.faults.stub === "crashes") this.#restart();
    else {
      this.#stub = true;
      this.#port.send(slipFrame(Buffer.from("OHAI")));
    }
  }

  /** The stub finds the flash by itself. */
  #isUsable(): boolean {
    return this.#stub || this.#isAttached;
  }

  /** The ROM erases at once; the stub as it writes, which comes to the same here. */
  #begin(words: readonly number[], isCompressed: boolean): readonly number[] {
    const knowsEncryption = this.#stub || this.#chip.chipId !== undefined;
    const [size = 0, , blockBytes = 0, address = 0] = words;
    const isKnownLength = words.length === (knowsEncryption ? 5 : 4) || (this.#stub && words.length === 4);
    if (!isKnownLength || blockBytes > (this.#stub ? STUB_BLOCK_BYTES : ROM_BLOCK_BYTES)) return WRONG_LENGTH;
    if (!this.#isUsable()) return FAILED;
    if (size > 0) this.erased++;
    this.#nor.erase(address, size);
    this.#image = { address, size, isCompressed, parts: [], expected: 0, written: 0 };
    return OK;
  }

  #block(operation: number, data: Uint8Array, sequence: number, checksum: number): void {
    this.blocks++;
    const { faults } = this;
    if (this.blocks === faults.pullAtBlock) {
      this.#port.pull();
      return;
    }
    const image = this.#image;
    const payload = data.subarray(16);
    if (image === undefined) {
      this.#answer(operation, [], FAILED);
      return;
    }
    if (!this.#stub && sequence !== image.expected) {
      this.#answer(operation, [], UNEXPECTED_BLOCK);
      return;
    }
    const isRefused = (faults.refusedBlocks ?? 0) > 0;
    if (isRefused) faults.refusedBlocks = (faults.refusedBlocks ?? 0) - 1;
    if (isRefused || checksumOf(payload) !== checksum) {
      // A ROM counts what it does not write.
      if (!this.#stub) image.expected++;
      this.#answer(operation, [], BAD_CHECKSUM);
      return;
    }
    if ((faults.unwritableBlocks ?? 0) > 0) {
      faults.unwritableBlocks = (faults.unwritableBlocks ?? 0) - 1;
      if (!this.#stub) image.expected++;
      this.#answer(operation, [], WRITE_FAILED);
      return;
    }
    // A block whose answer was lost comes again and counts once; the ROM has refused it above.
    if (sequence === image.expected) {
      image.parts.push(Uint8Array.from(payload));
      image.expected++;
      this.#store(image);
    }
    if ((faults.lostAnswers ?? 0) > 0) {
      faults.lostAnswers = (faults.lostAnswers ?? 0) - 1;
      return;
    }
    if (this.blocks === 1 && faults.slowMs !== undefined)
      setTimeout(() => this.#answer(operation, [], OK), faults.slowMs);
    else this.#answer(operation, [], OK);
  }

  /** Writes what of an image is known by now. */
  #store(image: Incoming): void {
    const received = Buffer.concat(image.parts);
    const content = image.isCompressed
      ? inflateSync(received, { finishFlush: zlib.Z_SYNC_FLUSH })
      : received.subarray(0, image.size);
    const fresh = Buffer.from(content.subarray(image.written));
    if (image.written === 0 && fresh.length > 0 && (this.faults.damagedImages ?? 0) > 0) {
      this.faults.damagedImages = (this.faults.damagedImages ?? 0) - 1;
      fresh[0] = (fresh[0] ?? 0) ^ 1;
    }
    this.#nor.write(image.address + image.written, fresh);
    image.written = content.length;
  }

  /** The end of an image for the stub; the ROM leaves its loop, and either of them restarts when told to. */
  #end(operation: number, restarts: boolean): void {
    this.#answer(operation, [], this.#image === undefined ? FAILED : OK);
    if (restarts) this.#restart();
    else if (!this.#stub) {
      this.inLoader = false;
      this.starts++;
    }
  }

  /** The ROM ends an answer in four status bytes, the stub in two. */
  #answer(operation: number, data: readonly number[], status: readonly number[], value = 0): void {
    const body = [...data, ...status, ...(this.#stub ? [] : [0, 0])];
    const frame = Buffer.alloc(8 + body.length);
    frame[0] = 1;
    frame[1] = operation;
    frame.writeUInt16LE(body.length, 2);
    frame.writeUInt32LE(value >>> 0, 4);
    frame.set(body, 8);
    if (this.faults.noise !== undefined) this.#port.send(this.faults.noise);
    this.#port.send(slipFrame(frame));
  }
}

function wordsOf(data: Uint8Array): number[] {
  const bytes = Buffer.from(data);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readUInt32LE(i * 4));
}

function checksumOf(bytes: Uint8Array): number {
  let sum = 0xef;
  for (const byte of bytes) sum ^= byte;
  return sum;
}
