/** A timer that was set with {@link Clock.setTimer}. */
export interface Timer {
  /** Prevents the callback from running; harmless when it already ran. */
  cancel(): void;
}

/** Source of time; injected so that a test owns it. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with fraction; may jump when the host's clock is set. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, with fraction; never goes back. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs` milliseconds (0: as soon as possible, asynchronously). */
  setTimer(delayMs: number, callback: () => void): Timer;
}
