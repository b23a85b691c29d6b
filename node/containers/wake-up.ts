import type { Clock, Timer } from "../../core/clock.js";

/** Lets one loop sleep until it is woken; a call for waking that comes while it is awake is kept. */
export class WakeUp {
  #wanted = false;
  #resolve: (() => void) | undefined;

  notify(): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (resolve === undefined) this.#wanted = true;
    else resolve();
  }

  /** @param longestMs how long to sleep at most; absent: without limit */
  async wait(clock: Clock, longestMs?: number): Promise<void> {
    if (this.#wanted) {
      this.#wanted = false;
      return;
    }
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      if (longestMs !== undefined) timer = clock.setTimer(longestMs, () => this.notify());
    });
    timer?.cancel();
  }

  /** Sleeps `durationMs` milliseconds (it may be infinite), however often it is woken, or until `interrupted` is true. */
  async sleep(clock: Clock, durationMs: number, interrupted: () => boolean): Promise<void> {
    const endMs = clock.monotonicMs() + durationMs;
    for (;;) {
      const restMs = endMs - clock.monotonicMs();
      if (interrupted() || restMs <= 0) return;
      await this.wait(clock, Number.isFinite(restMs) ? restMs : undefined);
    }
  }
}
