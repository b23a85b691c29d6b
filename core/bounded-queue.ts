/** A first-in first-out queue with a bound; what does not fit is refused and counted. */
export class BoundedQueue<T> {
  readonly #capacity: number;
  #items: (T | undefined)[] = [];
  #head = 0;
  #dropped = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** How many items were refused so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Appends `item`; false, and counted, when the queue is full. */
  push(item: T): boolean {
    if (this.length >= this.#capacity) {
      this.#dropped++;
      return false;
    }
    this.#items.push(item);
    return true;
  }

  /** Takes the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head > 32 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Forgets all items and returns how many there were. */
  clear(): number {
    const count = this.length;
    this.#items = [];
    this.#head = 0;
    return count;
  }
}
