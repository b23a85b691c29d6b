import { EdgelessError } from "../../../core/errors.js";
import { MemoryStore } from "../../../platform/store/memory-store.js";
import type { StoreChange } from "../../../platform/store/store.js";

/** A store on a disk that a test fills and empties. */
export class FillingStore extends MemoryStore {
  isFull = false;

  override async write(changes: readonly StoreChange[]): Promise<void> {
    if (this.isFull) throw new EdgelessError("EDGELESS_STORE_FULL", "No space left on device");
    await super.write(changes);
  }

  async keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const [key] of this.entries(prefix)) found.push(key);
    return found;
  }
}
