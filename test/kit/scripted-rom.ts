import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import type { Signals } from "../../esp32/tools/byte-port.js";
import type { MemoryPort, PortPeer } from "./memory-port.js";
import { SlipReader, slipFrame } from "./slip-frames.js";

/** A chip that a {@link ScriptedRom} can be. */
export interface RomChip {
  /** Value of register 0x40001000, by which older chips are told apart. */
  readonly magic: number;
  /** Answer to the newer command for that; undefined where the ROM does not know it. */
  readonly chipId?: number;
  /** Base of the registers of the flash bus, and offset of its data word. */
  readonly spiBase: number;
  readonly spiData: number;
}

export const ROM_CHIPS = {
  esp32: { magic: 0x00f01d83, spiBase: 0x3ff42000, spiData: 0x80 },
  esp32c3: { magic: 0x1b31506f, chipId: 5, spiBase: 0x60002000, spiData: 0x58 },
  esp32s3: { magic: 0x09, chipId: 9, spiBase: 0x60002000, spiData: 0x58 },
  esp32s2: { magic: 0x000007c6, spiBase: 0x3f402000, spiData: 0x58 },
} as const satisfies Record<string, RomChip>;

/** What goes wrong, and when. */
export interface RomFaults {
  /** Answers nothing at all. */
  silent?: boolean;
  /** Sends this in front of every answer. */
  noise?: Uint8Array;
  /** Refuses so many blocks with a checksum fault. */
  refusedBlocks?: number;
  /** Leaves so many blocks unanswered. */
  lostAnswers?: number;
  /** Flips a bit of so many images on their way into flash. */
  damagedImages?: number;
  /** Pulls the cable at this block, counted from 1 over all images. */
  pullAtBlock?: number;
  /** Understands nothing more once its speed was changed, until a reset. */
  deafWhenFast?: boolean;
  /** Ignores the first so many resets into the loader. */
  missedResets?: number;
}

const OPERATION = {
  flashBegin: 0x02,
  memBegin: 0x05,
  memEnd: 0x06,
  memData: 0x07,
  sync: 0x08,
  writeRegister: 0x09,
  readRegister: 0x0a,
  changeBaud: 0x0f,
  deflBegin: 0x10,
  deflData: 0x11,
  deflEnd: 0x12,
  md5: 0x13,
  securityInfo: 0x14,
  eraseFlash: 0xd0,
} as const;

const OK = [0, 0];
const BAD_CHECKSUM = [1, 7];
const UNKNOWN_COMMAND = [1, 5];
/** Flash chip of 4 MB, as RDID gives it. */
const FLASH_ID = 0x1640ef;

/**
 * The ROM loader of an ESP32 and the flasher stub that it loads, as far as a flashing tool uses them (Espressif, "Serial
 * Protocol"): SLIP frames, checksums, compressed writes, MD5. Its flash outlives resets and pulled cables.
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
  readonly #reader = new SlipReader();
  readonly #port: MemoryPort;
  #stub = false;
  #isDeaf = false;
  #rts = false;
  #image: { address: number; size: number; parts: Uint8Array[]; expected: number } | undefined;

  constructor(
    port: MemoryPort,
    chip: RomChip,
    faults: RomFaults = {},
    flash: Buffer = Buffer.alloc(4 << 20, 0xff),
  ) {
    this.#port = port;
    this.#chip = chip;
    this.faults = faults;
    this.flash = flash;
    this.inLoader = !port.hasSignals;
    port.peer = this;
  }

  /** RTS holds the chip in reset; DTR, as it is when reset ends, chooses the loader. */
  signals({ dtr, rts }: Signals): void {
    if (this.#rts && !rts) {
      this.#stub = false;
      this.#isDeaf = false;
      const missed = dtr && (this.faults.missedResets ?? 0) > 0;
      if (missed) this.faults.missedResets = (this.faults.missedResets ?? 0) - 1;
      this.inLoader = dtr && !missed;
      if (!this.inLoader) this.starts++;
      this.#port.send(Buffer.from("ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\n"));
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

  #command(operation: number, data: Uint8Array, checksum: number): void {
    const word = (index: number) => Buffer.from(data).readUInt32LE(index * 4);
    switch (operation) {
      case OPERATION.sync:
        for (let i = 0; i < (this.#stub ? 1 : 8); i++)
          this.#answer(operation, [], OK, this.#stub ? 0 : 0x20120707);
        return;
      case OPERATION.readRegister:
        this.#answer(operation, [], OK, this.#register(word(0)));
        return;
      case OPERATION.writeRegister:
      case OPERATION.memBegin:
        this.#answer(operation, [], OK);
        return;
      case OPERATION.changeBaud:
        this.#answer(operation, [], OK);
        this.#isDeaf = this.faults.deafWhenFast === true;
        return;
      case OPERATION.flashBegin:
        this.#answer(operation, [], OK);
        return;
      case OPERATION.memData: {
        const isGood = checksumOf(data.subarray(16)) === checksum;
        this.#answer(operation, [], isGood ? OK : BAD_CHECKSUM);
        return;
      }
      case OPERATION.memEnd:
        this.#answer(operation, [], OK);
        this.#stub = true;
        this.#port.send(slipFrame(Buffer.from("OHAI")));
        return;
      case OPERATION.securityInfo:
        if (this.#chip.chipId === undefined || data.length > 0) break;
        this.#answer(operation, [...Array(12).fill(0), this.#chip.chipId, 0, 0, 0, 0, 0, 0, 0], OK);
        return;
      case OPERATION.deflBegin:
        this.#image = { address: word(3), size: word(0), parts: [], expected: 0 };
        this.#answer(operation, [], OK);
        return;
      case OPERATION.deflData:
        this.#block(data, word(1), checksum);
        return;
      case OPERATION.deflEnd:
        this.#answer(operation, [], this.#store() ? OK : BAD_CHECKSUM);
        return;
      case OPERATION.md5: {
        const part = this.flash.subarray(word(0), word(0) + word(1));
        this.#answer(operation, [...createHash("md5").update(part).digest()], OK);
        return;
      }
      case OPERATION.eraseFlash:
        this.flash.fill(0xff);
        this.erased++;
        this.#answer(operation, [], OK);
        return;
    }
    for (let i = 0; i < 8; i++) this.#answer(0xff, [], UNKNOWN_COMMAND);
  }

  #block(data: Uint8Array, sequence: number, checksum: number): void {
    this.blocks++;
    const { faults } = this;
    if (this.blocks === faults.pullAtBlock) {
      this.#port.pull();
      return;
    }
    const image = this.#image;
    const payload = data.subarray(16);
    if (image === undefined || checksumOf(payload) !== checksum) {
      this.#answer(OPERATION.deflData, [], BAD_CHECKSUM);
      return;
    }
    if ((faults.refusedBlocks ?? 0) > 0) {
      faults.refusedBlocks = (faults.refusedBlocks ?? 0) - 1;
      this.#answer(OPERATION.deflData, [], BAD_CHECKSUM);
      return;
    }
    // A block whose answer was lost comes again and counts once.
    if (sequence === image.expected) {
      image.parts.push(Uint8Array.from(payload));
      image.expected++;
    }
    if ((faults.lostAnswers ?? 0) > 0) {
      faults.lostAnswers = (faults.lostAnswers ?? 0) - 1;
      return;
    }
    this.#answer(OPERATION.deflData, [], OK);
  }

  #store(): boolean {
    const image = this.#image;
    if (image === undefined) return false;
    const content = inflateSync(Buffer.concat(image.parts));
    if (content.length !== image.size) return false;
    if ((this.faults.damagedImages ?? 0) > 0) {
      this.faults.damagedImages = (this.faults.damagedImages ?? 0) - 1;
      content[0] = (content[0] ?? 0) ^ 1;
    }
    content.copy(this.flash, image.address);
    return true;
  }

  #register(address: number): number {
    if (address === 0x40001000) return this.#chip.magic;
    if (address === this.#chip.spiBase + this.#chip.spiData) return FLASH_ID;
    return 0;
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

function checksumOf(bytes: Uint8Array): number {
  let sum = 0xef;
  for (const byte of bytes) sum ^= byte;
  return sum;
}
