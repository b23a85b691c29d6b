import type { EdgelessError } from "../core/errors.js";
import type { DeviceImage } from "./device-image.js";
import type { KeptOutcomes } from "./kept-outcomes.js";

/** What came of a module: what a device is sent, or why there is nothing to send. */
export type ImageOutcome =
  | { readonly image: DeviceImage; readonly error?: undefined }
  | { readonly error: EdgelessError; readonly image?: undefined };

/** What an entry counts beside its bytes. */
const ENTRY_BYTES = 256;

interface Entry {
  readonly outcome: ImageOutcome;
  readonly bytes: number;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/** What came of modules lately, refusals too; beyond its bound the least recently used ones are forgotten. */
export class OutcomeCache {
  readonly #capacityBytes: number;
  readonly #kept: KeptOutcomes | undefined;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** @param kept where images outlive the process; absent: nowhere */
  constructor(capacityBytes: number, kept?: KeptOutcomes) {
    this.#capacityBytes = capacityBytes;
    this.#kept = kept;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string, nowMs: number): ImageOutcome | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#remove(key, entry);
    if (entry.untilMs <= nowMs) return undefined;
    this.#add(key, entry);
    return entry.outcome;
  }

  /** Takes back what was kept in a former life. */
  restore(images: ReadonlyMap<string, DeviceImage>): void {
    for (const [key, image] of images) this.#put(key, { image }, Number.POSITIVE_INFINITY);
  }

  /** @param untilMs monotonic milliseconds; infinity: while there is room */
  set(key: string, outcome: ImageOutcome, untilMs: number): void {
    if (outcome.image !== undefined) this.#kept?.put(key, outcome.image);
    this.#put(key, outcome, untilMs);
  }

  #put(key: string, outcome: ImageOutcome, untilMs: number): void {
    const former = this.#entries.get(key);
    if (former !== undefined) this.#remove(key, former);
    const bytes = ENTRY_BYTES + (outcome.image?.bytes.length ?? 0);
    this.#add(key, { outcome, bytes, untilMs });
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#capacityBytes) break;
      this.#remove(oldest, entry);
      if (entry.outcome.image !== undefined) this.#kept?.remove(oldest);
    }
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
