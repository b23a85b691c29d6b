import { crc32 } from "node:zlib";
import { z } from "zod";
import { EdgelessError } from "../../core/errors.js";
import type { BoardConsole } from "./board-console.js";

/** A file for the storage of a board. */
export interface StorageFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Longest time that erasing or compacting the whole storage of a board takes, milliseconds. */
const WHOLE_STORAGE_MS = 120_000;
/** Tries of one file before giving up. */
const FILE_TRIES = 5;
/** Longest name of a file in Espruino's storage, bytes. */
export const LONGEST_NAME = 28;
/** Variable of the interpreter with the parts of a file that is to be written at once, and about how long one may be, characters. */
const PARTS = "edgelessParts";
const LITERAL_LENGTH = 400;
const QUOTE = 0x27;
const BACKSLASH = 0x5c;
/** What a file costs beside its bytes. */
const FILE_OVERHEAD_BYTES = 36;

const sumSchema = z.nullable(z.tuple([z.number(), z.number()]));
const statsSchema = z.object({ freeBytes: z.number(), trashBytes: z.number(), totalBytes: z.number() });

/** Sizes of a board's storage, bytes. */
export type StorageStats = z.infer<typeof statsSchema>;

/** The files in the flash memory of a board with Espruino. */
export class BoardStorage {
  readonly #console: BoardConsole;

  constructor(console: BoardConsole) {
    this.#console = console;
  }

  /** @throws EdgelessError EDGELESS_SERIAL_CONSOLE, as all methods do */
  async names(): Promise<readonly string[]> {
    return this.#console.query(z.array(z.string()), 'require("Storage").list()');
  }

  async stats(): Promise<StorageStats> {
    return this.#console.query(statsSchema, 'require("Storage").getStats()');
  }

  /** The text of a small file; undefined when there is none. */
  async readText(name: string): Promise<string | undefined> {
    const text = await this.#console.query(
      z.nullable(z.string()),
      `(require("Storage").read(${quoted(name)})||null)`,
    );
    // The board hands out bytes as characters.
    return text === null ? undefined : Buffer.from(text, "latin1").toString("utf8");
  }

  async erase(name: string): Promise<void> {
    await this.#console.query(z.unknown(), `require("Storage").erase(${quoted(name)})`);
  }

  /**
   * Empties the storage but for one small file, which the board itself writes as soon as it is empty.
   * @throws EdgelessError EDGELESS_SERIAL_VERIFY too
   */
  async eraseAllBut(file: StorageFile): Promise<void> {
    await this.#throughMemory(file, "s.eraseAll(),", () => {});
  }

  /**
   * Replaces a small file, with the board itself writing it at once: whoever is interrupted leaves the former file or the new one.
   * @returns false when the board held it already
   * @throws EdgelessError EDGELESS_BOARD_FULL, EDGELESS_SERIAL_VERIFY, EDGELESS_SERIAL_CONSOLE
   */
  async replace(file: StorageFile, onProgress: (sent: number) => void): Promise<boolean> {
    if (await this.holds(file)) return false;
    await this.#makeRoom(file, false);
    await this.#throughMemory(file, "", onProgress);
    return true;
  }

  /** Gives the room of erased files back; no program may run from storage meanwhile. */
  async compact(): Promise<void> {
    await this.#console.evaluate('require("Storage").compact()', WHOLE_STORAGE_MS);
  }

  /** True when the board holds exactly this file. */
  async holds({ name, bytes }: StorageFile): Promise<boolean> {
    const sum = await this.#console.query(
      sumSchema,
      `(function(f){return f===undefined?null:[f.length,E.CRC32(f)]})(require("Storage").read(${quoted(name)}))`,
    );
    return sum !== null && sum[0] === bytes.length && sum[1] === crc32(bytes);
  }

  /**
   * Writes a file unless the board holds it already, and checks that it arrived.
   * @returns false when the board held it already
   * @throws EdgelessError EDGELESS_BOARD_FULL, EDGELESS_SERIAL_VERIFY, EDGELESS_SERIAL_CONSOLE
   */
  async write(file: StorageFile, onProgress: (sent: number) => void): Promise<boolean> {
    if (file.name.length > LONGEST_NAME)
      throw new EdgelessError("EDGELESS_INTERNAL", `the name ${file.name} is too long for a board's storage`);
    if (await this.holds(file)) return false;
    await this.#makeRoom(file, true);
    await this.#untilHeld(file, () => this.#console.sendFile(file.name, file.bytes, onProgress));
    return true;
  }

  /** Sends a file into the memory of the board, which writes it when it arrived whole; `first` is what it does before, as expressions. */
  async #throughMemory(file: StorageFile, first: string, onProgress: (sent: number) => void): Promise<void> {
    const { name, bytes } = file;
    const parts = literals(bytes);
    await this.#untilHeld(file, async () => {
      await this.#console.evaluate(`(${PARTS}=[],0)`);
      for (const [i, part] of parts.entries()) {
        await this.#console.evaluate(`(${PARTS}[${i}]=${part},0)`);
        onProgress(Math.round((bytes.length * (i + 1)) / parts.length));
      }
      const write = `E.CRC32(t)===${crc32(bytes)}&&(${first}s.write(${quoted(name)},t),1)`;
      await this.#console.evaluate(
        `(function(s,t){${PARTS}=0;return ${write}})(require("Storage"),${PARTS}.join(""))`,
        WHOLE_STORAGE_MS,
      );
    });
  }

  /** Has `send` done until the board holds a file. */
  async #untilHeld(file: StorageFile, send: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await send();
        if (await this.holds(file)) return;
      } catch (error) {
        if (tries === FILE_TRIES || (error instanceof EdgelessError && error.code === "EDGELESS_SERIAL_LOST"))
          throw error;
      }
      if (tries === FILE_TRIES)
        throw new EdgelessError("EDGELESS_SERIAL_VERIFY", `${file.name} arrived damaged ${tries} times`);
    }
  }

  /** @param mayErase whether the former file of that name may go first */
  async #makeRoom({ name, bytes }: StorageFile, mayErase: boolean): Promise<void> {
    const needed = bytes.length + FILE_OVERHEAD_BYTES;
    if ((await this.stats()).freeBytes >= needed) return;
    if (mayErase) await this.erase(name);
    await this.compact();
    const { freeBytes } = await this.stats();
    if (freeBytes < needed)
      throw new EdgelessError(
        "EDGELESS_BOARD_FULL",
        `no room for ${name} on the board: ${needed} bytes needed, ${freeBytes} free`,
      );
  }
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

/** Bytes as string literals of the interpreter, none longer than what the smallest receive buffer takes. */
function literals(bytes: Uint8Array): readonly string[] {
  const parts: string[] = [];
  let part = "";
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH;
    part += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    if (part.length < LITERAL_LENGTH) continue;
    parts.push(part);
    part = "";
  }
  return [...parts, part].map((text) => `'${text}'`);
}
