import { reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { SlotFile } from "../platform/slot-file.js";

/** A record: what an event is recognised by, and the same with all bits turned, which tells it from nothing. */
export const TAKEN_EVENT_BYTES = 8;

/**
 * The last event that was taken from each device. A device has one on its way at a time and repeats it until it is acknowledged: a
 * gateway that was killed before its acknowledgement arrived knows the repetition by this, and does not pass it on again.
 */
export class TakenEvents {
  #file: SlotFile | undefined;
  readonly #logger: Logger;
  #isBroken = false;

  /** @param file absent: nothing outlives the process */
  constructor(file: SlotFile | undefined, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /**
   * An event was taken and passed on.
   * @param location of the device, see `DeviceRecord`
   * @param key of its message, see `seenKey`
   */
  add(location: number, key: number): void {
    const record = Buffer.alloc(TAKEN_EVENT_BYTES);
    record.writeInt32LE(key, 0);
    record.writeInt32LE(~key, 4);
    try {
      this.#file?.write(location, record);
      this.#isBroken = false;
    } catch (error) {
      // The event was passed on: all that is lost is the knowledge of it.
      if (!this.#isBroken)
        this.#logger.error("the last events of devices cannot be written down", { reason: reasonOf(error) });
      this.#isBroken = true;
    }
  }

  /** The key of the last event; undefined when it is not known. */
  lastOf(location: number): number | undefined {
    const record = this.#file?.read(location);
    if (record === undefined) return undefined;
    const bytes = Buffer.from(record);
    const key = bytes.readInt32LE(0);
    return bytes.readInt32LE(4) === ~key ? key : undefined;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
