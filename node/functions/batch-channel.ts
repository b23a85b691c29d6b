import type { Clock, Timer } from "../../core/clock.js";

/** What travels between two threads: a batch, or the sign that the last one was taken. */
export type Frame<T> = { readonly type: "batch"; readonly items: readonly T[] } | { readonly type: "taken" };

/** How long, in milliseconds, what is not urgent may wait for company. */
const LAZY_MS = 50;

/**
 * One end of a link between two threads. What is sent within one turn of the event loop travels as one message, and
 * the next message waits until the other side has taken the last: a slow side slows the link instead of being buried.
 */
export class BatchChannel<Out, In> {
  readonly #post: (frame: Frame<Out>) => void;
  readonly #receive: (item: In) => void;
  readonly #clock: Clock;
  readonly #maxText: number;
  #outbox: Out[] = [];
  #events = 0;
  #reports = 0;
  #text = 0;
  #inFlight: readonly Out[] | undefined;
  #flushTimer: Timer | undefined;
  #isUrgent = false;

  /** @param maxText most characters of text that may wait on this side */
  constructor(post: (frame: Frame<Out>) => void, receive: (item: In) => void, clock: Clock, maxText: number) {
    this.#maxText = maxText;
    this.#post = post;
    this.#receive = receive;
    this.#clock = clock;
  }

  /** What the other side has not taken yet. */
  get untaken(): readonly Out[] {
    return [...(this.#inFlight ?? []), ...this.#outbox];
  }

  /** True while a batch is on its way. */
  get isWaiting(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Sends what must not be lost. */
  send(item: Out): void {
    this.#outbox.push(item);
    if (this.#isUrgent) return;
    this.#isUrgent = true;
    this.#schedule();
  }

  /**
   * Sends an event, which may be lost.
   * @param capacity refused when as many events wait already
   * @param text characters of text in it
   * @returns false when it was refused
   */
  offerEvent(item: Out, capacity: number, text: number): boolean {
    if (this.#events >= capacity || !this.#hasRoom(text)) return false;
    this.#events++;
    this.#text += text;
    this.send(item);
    return true;
  }

  /** Sends a measurement or a remark, which may be lost and need not be sent at once; otherwise as {@link offerEvent}. */
  offerReport(item: Out, capacity: number, text: number): boolean {
    if (this.#reports >= capacity || !this.#hasRoom(text)) return false;
    this.#reports++;
    this.#text += text;
    this.#outbox.push(item);
    if (this.#flushTimer === undefined) this.#schedule();
    return true;
  }

  /** Makes the other side give a sign of life. */
  ping(): void {
    if (this.#inFlight === undefined) this.#flush();
  }

  /** Takes a message of the other side. */
  take(frame: Frame<In>): void {
    if (frame.type === "taken") {
      this.#inFlight = undefined;
      if (this.#isUrgent) this.#flush();
      else if (this.#outbox.length > 0) this.#schedule();
      return;
    }
    for (const item of frame.items) this.#receive(item);
    this.#post({ type: "taken" });
  }

  #hasRoom(text: number): boolean {
    return this.#text === 0 || this.#text + text <= this.#maxText;
  }

  #schedule(): void {
    if (this.#inFlight !== undefined) return;
    this.#flushTimer?.cancel();
    this.#flushTimer = this.#clock.setTimer(this.#isUrgent ? 0 : LAZY_MS, () => {
      this.#flushTimer = undefined;
      if (this.#inFlight === undefined && this.#outbox.length > 0) this.#flush();
    });
  }

  #flush(): void {
    const items = this.#outbox;
    this.#outbox = [];
    this.#events = 0;
    this.#reports = 0;
    this.#text = 0;
    this.#isUrgent = false;
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    this.#inFlight = items;
    this.#post({ type: "batch", items });
  }
}
