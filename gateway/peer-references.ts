import { type InstanceId, sameInstance } from "../core/instance-id.js";
import { NODE_ID_NONE } from "../core/uuid.js";

/** Numbers that were given out but may not have reached the disk before the process ended. */
const UNSAVED = 64;
/** Largest number: with 16 bits an event stays small; then numbering starts again at 1. */
const LARGEST = 0xffff;

/**
 * The numbers under which a device knows foreign instances that sent it events; 0 is nobody. The least recently used one
 * is forgotten when there are too many, and its number is not given to another one soon.
 */
export class PeerReferences {
  readonly #capacity: number;
  readonly #byNumber = new Map<number, InstanceId>();
  readonly #byInstance = new Map<string, number>();
  #last = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes back what {@link entries} gave before a restart. */
  restore(entries: Iterable<readonly [number: number, instance: InstanceId]>): void {
    for (const [number, instance] of entries) {
      this.#put(number, instance);
      this.#last = Math.max(this.#last, number);
    }
    if (this.#last > 0) this.#last = (this.#last + UNSAVED) % LARGEST;
  }

  /** All numbers in use, the least recently used one first. */
  entries(): [number, InstanceId][] {
    return [...this.#byNumber];
  }

  /** The number of an instance. `isNew` when it was given just now. */
  numberOf(instance: InstanceId): { readonly number: number; readonly isNew: boolean } {
    if (instance.nodeId === NODE_ID_NONE) return { number: 0, isNew: false };
    const known = this.#byInstance.get(keyOf(instance));
    if (known !== undefined) {
      this.#put(known, instance);
      return { number: known, isNew: false };
    }
    do this.#last = (this.#last % LARGEST) + 1;
    while (this.#byNumber.has(this.#last));
    this.#put(this.#last, instance);
    return { number: this.#last, isNew: true };
  }

  /** The instance with a number; undefined when it is nobody or was forgotten. */
  instanceOf(number: number): InstanceId | undefined {
    const instance = this.#byNumber.get(number);
    if (instance !== undefined) this.#put(number, instance);
    return instance;
  }

  #put(number: number, instance: InstanceId): void {
    const former = this.#byNumber.get(number);
    if (former !== undefined && !sameInstance(former, instance)) this.#byInstance.delete(keyOf(former));
    this.#byNumber.delete(number);
    this.#byNumber.set(number, instance);
    this.#byInstance.set(keyOf(instance), number);
    for (const [oldest, victim] of this.#byNumber) {
      if (this.#byNumber.size <= this.#capacity) return;
      this.#byNumber.delete(oldest);
      this.#byInstance.delete(keyOf(victim));
    }
  }
}

function keyOf({ nodeId, functionId }: InstanceId): string {
  return nodeId + functionId;
}
