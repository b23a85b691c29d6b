import { createHash } from "node:crypto";
import type { ESPLoader } from "esptool-js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { BytePort } from "./byte-port.js";
import { type ChipFamily, chipFamily, FLASH_NEEDED } from "./chip-family.js";
import { ChipLoader, QuietTransport } from "./chip-loader.js";
import type { FlashImage } from "./flash-image.js";
import { hardReset } from "./hard-reset.js";
import { CONSOLE_BAUD } from "./open-port.js";
import { WebSerialPort } from "./web-serial-port.js";

/** What the ROM loader tells of a chip. */
export interface ChipInfo {
  readonly family: ChipFamily;
  /** Name and revision, as in `ESP32-D0WD-V3 (revision 3)`. */
  readonly description: string;
  readonly mac: string;
  /** Size of the flash memory, bytes; 0 when the flash chip does not say. */
  readonly flashBytes: number;
}

/** How a chip is brought into its loader, in the words of Espressif's esptool; a line without modem lines leaves it as it is. */
export type Before = "default-reset" | "no-reset";
/** What becomes of a chip at the end. */
export type After = "hard-reset" | "no-reset";

/** How a connection to the ROM loader is made. */
export interface RomLoaderOptions {
  /** Speed after the first contact, bits per second. */
  readonly baudRate: number;
  /** How often the board is reset and called. */
  readonly attempts: number;
  readonly before: Before;
  /** False talks to the ROM alone, which is slower: for chips and emulators on which the stub does not run. */
  readonly useStub: boolean;
  /** Takes what a person should know of, for example that it goes on more slowly. */
  readonly onNote?: (text: string) => void;
  /** Takes what the loader's library tells, for a person who looks for a fault. */
  readonly onDetail?: (line: string) => void;
}

/** Bytes of an image that were sent, of how many; both compressed. */
export type OnImageProgress = (image: FlashImage, sent: number, total: number) => void;

/** Tries of the first contact, each with its own resets. */
const CONNECT_TRIES = 3;
/** Tries of one image before giving up. */
const IMAGE_TRIES = 3;

/** What of a connection did not work, when the rest did. */
class Setback extends Error {
  readonly without: "stub" | "speed";

  constructor(without: "stub" | "speed", cause: unknown) {
    super(reasonOf(cause), { cause });
    this.without = without;
  }
}

/** A board whose ROM loader answers, as a rule with Espressif's flasher stub running in its memory. */
export class RomLoader {
  readonly chip: ChipInfo;
  readonly #loader: ChipLoader;
  readonly #port: BytePort;
  readonly #clock: Clock;

  private constructor(chip: ChipInfo, loader: ChipLoader, port: BytePort, clock: Clock) {
    this.chip = chip;
    this.#loader = loader;
    this.#port = port;
    this.#clock = clock;
  }

  /**
   * Resets the board into its ROM loader and starts the flasher stub. Without modem lines a person has to do the former; when the stub
   * does not start it goes on with the ROM alone, and at the first speed when a higher one does not work.
   * @throws EdgelessError EDGELESS_SERIAL_SILENT, EDGELESS_SERIAL_LOST, EDGELESS_BAD_FIRMWARE for an unknown chip
   */
  static async connect(port: BytePort, clock: Clock, options: RomLoaderOptions): Promise<RomLoader> {
    return guarded(port, `the board at ${port.name} does not answer`, async () => {
      const resets = port.hasSignals && options.before === "default-reset";
      let attempt = resets ? options : { ...options, baudRate: CONSOLE_BAUD };
      for (let tries = 1; ; tries++) {
        try {
          return await RomLoader.#connectOnce(port, clock, attempt, resets);
        } catch (error) {
          if (error instanceof EdgelessError || tries === CONNECT_TRIES) throw error;
          if (error instanceof Setback) attempt = without(error, attempt);
          // Only a reset gives a clean start after bytes were lost.
          else if (!resets) throw attempt.useStub === options.useStub ? error : lostToStub(port, error);
        }
      }
    });
  }

  static async #connectOnce(
    port: BytePort,
    clock: Clock,
    { baudRate, attempts, useStub, onDetail }: RomLoaderOptions,
    resets: boolean,
  ): Promise<RomLoader> {
    const loader = new ChipLoader({
      transport: new QuietTransport(new WebSerialPort(port)),
      baudrate: CONSOLE_BAUD,
      romBaudrate: CONSOLE_BAUD,
      terminal: {
        clean: () => {},
        write: (text) => onDetail?.(text.trimEnd()),
        writeLine: (text) => onDetail?.(text),
      },
    });
    await loader.detectChip(resets ? "default_reset" : "no_reset", attempts);
    if (loader.secureDownloadMode)
      throw new EdgelessError("EDGELESS_SERIAL_SILENT", "the chip is locked: it is in secure download mode");
    const family = chipFamily(loader.chip.CHIP_NAME);
    const description = await loader.chip.getChipDescription(loader);
    const mac = await loader.chip.readMac(loader);
    await loader.start(useStub).catch((error: unknown) => {
      throw useStub ? new Setback("stub", error) : error;
    });
    if (loader.IS_STUB && baudRate !== CONSOLE_BAUD)
      await loader.changeSpeed(baudRate).catch((error: unknown) => {
        throw new Setback("speed", error);
      });
    const size = loader.DETECTED_FLASH_SIZES[((await loader.readFlashId()) >> 16) & 0xff];
    const flashBytes = size === undefined ? 0 : loader.flashSizeBytes(sizeOf(size));
    await loader.describeFlash(flashBytes === 0 ? FLASH_NEEDED : flashBytes);
    return new RomLoader({ family, description, mac, flashBytes }, loader, port, clock);
  }

  /**
   * Writes an image and has the chip compute its MD5; tries again when a block or the sum is wrong.
   * @param force write also when the flash holds the same already
   * @returns false when the flash held the same already
   * @throws EdgelessError EDGELESS_SERIAL_VERIFY, EDGELESS_SERIAL_SILENT, EDGELESS_SERIAL_LOST
   */
  async write(image: FlashImage, force: boolean, onProgress: OnImageProgress): Promise<boolean> {
    return guarded(this.#port, `writing ${image.name} failed`, async () => {
      const padded = paddedToWords(image.bytes);
      if (!force && (await this.#md5Of(image.address, padded.length)) === md5(padded)) return false;
      for (let tries = 1; ; tries++) {
        try {
          await this.#writeOnce(image, onProgress);
          return true;
        } catch (error) {
          if (tries === IMAGE_TRIES) throw error;
        }
      }
    });
  }

  /** Erases the whole flash, which takes a board up to half a minute. */
  async eraseAll(onProgress: (erased: number, total: number) => void = () => {}): Promise<void> {
    const total = this.chip.flashBytes === 0 ? FLASH_NEEDED : this.chip.flashBytes;
    await guarded(this.#port, "erasing failed", () =>
      this.#loader.eraseAll(total, (erased) => onProgress(erased, total)),
    );
  }

  /**
   * Starts the program in flash, or leaves the chip in its loader.
   * @returns false when it was not started: without modem lines a person has to
   */
  async finish(after: After): Promise<boolean> {
    const starts = after === "hard-reset" && this.#port.hasSignals;
    if (starts) await hardReset(this.#port, this.#clock);
    // A stub that stays would not answer at the first speed; the work is done, whatever becomes of it.
    else await this.#loader.leaveStub().catch(() => {});
    await this.#port.setBaudRate(CONSOLE_BAUD);
    return starts;
  }

  async #writeOnce(image: FlashImage, onProgress: OnImageProgress): Promise<void> {
    await this.#loader.writeFlash({
      fileArray: [{ address: image.address, data: image.bytes }],
      flashMode: "keep",
      flashFreq: "keep",
      flashSize: "keep",
      eraseAll: false,
      // What a ROM unpacks, it writes with zeros up to the next 32 KiB.
      compress: this.#loader.IS_STUB,
      reportProgress: (_index, sent, total) => onProgress(image, sent, total),
      calculateMD5Hash: md5,
    });
  }

  async #md5Of(address: number, size: number): Promise<string> {
    return await this.#loader.flashMd5sum(address, size);
  }
}

/** Options of the next try. */
function without(setback: Setback, options: RomLoaderOptions): RomLoaderOptions {
  if (setback.without === "speed") {
    options.onNote?.(`not understood at ${options.baudRate} bits a second: going on at ${CONSOLE_BAUD}`);
    return { ...options, baudRate: CONSOLE_BAUD };
  }
  options.onNote?.(`the flasher stub does not start (${setback.message}): going on without it, more slowly`);
  return { ...options, useStub: false };
}

/** The stub took the place of the ROM and says nothing: only a reset brings the ROM back. */
function lostToStub({ name }: BytePort, cause: unknown): EdgelessError {
  return new EdgelessError(
    "EDGELESS_SERIAL_SILENT",
    `the flasher stub does not start on the board at ${name}: bring it into its loader again, and repeat with --no-stub`,
    cause,
  );
}

type FlashSize = Parameters<ESPLoader["flashSizeBytes"]>[0];

/** The library types its own table of sizes as plain strings. */
function sizeOf(size: string): FlashSize {
  return size as FlashSize;
}

/** Flash is written in words; the library pads an image with ones, and so is its sum. */
function paddedToWords(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4).fill(0xff);
  padded.set(bytes);
  return padded;
}

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Runs `work` until the port goes away, and gives what the library throws a code. */
async function guarded<T>(port: BytePort, what: string, work: () => Promise<T>): Promise<T> {
  const done = work();
  // When the port is lost first, nobody waits for this any more.
  done.catch(() => {});
  const lost = port.lost.then((reason) => {
    throw new EdgelessError("EDGELESS_SERIAL_LOST", `${port.name} went away: ${reason}`);
  });
  try {
    return await Promise.race([done, lost]);
  } catch (error) {
    if (error instanceof EdgelessError) throw error;
    const reason = reasonOf(error);
    const code = /md5|refused|arrive whole/i.test(reason)
      ? "EDGELESS_SERIAL_VERIFY"
      : "EDGELESS_SERIAL_SILENT";
    throw new EdgelessError(code, `${what}: ${reason}`, error);
  }
}
