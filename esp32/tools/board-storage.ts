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
    return z.array(z.string()).parse(await this.#console.evaluate('require("Storage").list()'));
  }

  async stats(): Promise<StorageStats> {
    return statsSchema.parse(await this.#console.evaluate('require("Storage").getStats()'));
  }

  /** The text of a small file; undefined when there is none. */
  async readText(name: string): Promise<string | undefined> {
    const text = z
      .nullable(z.string())
      .parse((await this.#console.evaluate(`(require("Storage").read(${quoted(name)})||null)`)) ?? null);
    // The board hands out bytes as characters.
    return text === null ? undefined : Buffer.from(text, "latin1").toString("utf8");
  }

  async erase(name: string): Promise<void> {
    await this.#console.evaluate(`require("Storage").erase(${quoted(name)})`);
  }

  async eraseAll(): Promise<void> {
    await this.#console.evaluate('require("Storage").eraseAll()', WHOLE_STORAGE_MS);
  }

  /** Gives the room of erased files back; no program may run from storage meanwhile. */
  async compact(): Promise<void> {
    await this.#console.evaluate('require("Storage").compact()', WHOLE_STORAGE_MS);
  }

  /** True when the board holds exactly this file. */
  async holds({ name, bytes }: StorageFile): Promise<boolean> {
    const sum = sumSchema.parse(
      await this.#console.evaluate(
        `(function(f){return f===undefined?null:[f.length,E.CRC32(f)]})(require("Storage").read(${quoted(name)}))`,
      ),
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
    await this.#makeRoom(file);
    for (let tries = 1; ; tries++) {
      try {
        await this.#console.sendFile(file.name, file.bytes, onProgress);
        if (await this.holds(file)) return true;
      } catch (error) {
        if (tries === FILE_TRIES || (error instanceof EdgelessError && error.code === "EDGELESS_SERIAL_LOST"))
          throw error;
      }
      if (tries === FILE_TRIES)
        throw new EdgelessError("EDGELESS_SERIAL_VERIFY", `${file.name} arrived damaged ${tries} times`);
    }
  }

  async #makeRoom({ name, bytes }: StorageFile): Promise<void> {
    const needed = bytes.length + FILE_OVERHEAD_BYTES;
    if ((await this.stats()).freeBytes >= needed) return;
    await this.erase(name);
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
