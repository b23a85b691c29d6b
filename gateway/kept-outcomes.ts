import { z } from "zod";
import type { StoreChange } from "../platform/store/store.js";
import { sha256 } from "../toolchain/image/digest.js";
import type { DeviceImage } from "./device-image.js";

/** Start of the keys; the maker and the module with its device follow. */
export const OUTCOMES = "made/";

const NEWLINE = 10;
const headSchema = z.object({
  digest: z.string(),
  memoryBytes: z.int().min(0),
  neededBytes: z.int().min(0),
});

/**
 * What was made of modules, as it is kept over a restart: each with what made it, because another version of the program may
 * make something else of the same module.
 */
export class KeptOutcomes {
  readonly #maker: string;
  readonly #save: (changes: readonly StoreChange[]) => void;

  /**
   * @param maker stands for the version of what checks and translates modules
   * @param save writes changes down as soon as it can be
   */
  constructor(maker: string, save: (changes: readonly StoreChange[]) => void) {
    this.#maker = maker;
    this.#save = save;
  }

  /** What was kept by the same maker, by the keys of {@link put}; anything else is removed. */
  restore(records: ReadonlyMap<string, Uint8Array>): Map<string, DeviceImage> {
    const images = new Map<string, DeviceImage>();
    const prefix = this.#storeKey("");
    const strangers: StoreChange[] = [];
    for (const [key, value] of records) {
      const image = key.startsWith(prefix) ? parseOutcome(value) : undefined;
      if (image === undefined) strangers.push({ key });
      else images.set(key.slice(prefix.length), image);
    }
    if (strangers.length > 0) this.#save(strangers);
    return images;
  }

  put(key: string, image: DeviceImage): void {
    this.#save([{ key: this.#storeKey(key), value: formatOutcome(image) }]);
  }

  remove(key: string): void {
    this.#save([{ key: this.#storeKey(key) }]);
  }

  #storeKey(key: string): string {
    return `${OUTCOMES}${this.#maker}/${key}`;
  }
}

/** A line of JSON, then the bytes of the image. */
function formatOutcome({ bytes, ...head }: DeviceImage): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

/** Undefined when the bytes are not what was written: the module is made ready again. */
function parseOutcome(value: Uint8Array): DeviceImage | undefined {
  const at = value.indexOf(NEWLINE);
  try {
    const head = headSchema.parse(JSON.parse(Buffer.from(value.subarray(0, at)).toString()));
    const bytes = value.slice(at + 1);
    return sha256(bytes) === head.digest ? { bytes, ...head } : undefined;
  } catch {
    return undefined;
  }
}
