interface Waiting {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Most messages in one batch. */
const MOST_MESSAGES = 500;
/** A batch is closed above this size, UTF-16 units. */
const MOST_TEXT = 256 * 1024;

/** Sends what waits together, in order, one batch after the other. */
export class MessageBatches {
  readonly #send: (texts: readonly string[]) => Promise<void>;
  #waiting: Waiting[] = [];
  #sending = false;

  constructor(send: (texts: readonly string[]) => Promise<void>) {
    this.#send = send;
  }

  /** Resolves when the message is sent; rejects with the error of its batch. How many may wait is the caller's business. */
  add(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    // A turn later, so that messages of the same moment share a batch.
    await null;
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#send(batch.map(({ text }) => text));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = false;
  }

  #take(): Waiting[] {
    let count = 0;
    let length = 0;
    for (const { text } of this.#waiting) {
      if (count > 0 && (count >= MOST_MESSAGES || length + text.length > MOST_TEXT)) break;
      count++;
      length += text.length;
    }
    return this.#waiting.splice(0, count);
  }
}
