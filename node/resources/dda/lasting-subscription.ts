import type { Clock, Timer } from "../../../core/clock.js";
import { EdgelessError } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import type { Random } from "../../../core/random.js";
import { RetrySchedule } from "../../../core/retry-schedule.js";
import type { OpenStream } from "../../../grpc-api/index.js";
import { FailureLog } from "../failure-log.js";

/** What a {@link LastingSubscription} works with. */
export interface LastingSubscriptionParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What is listened to, for log lines. */
  readonly what: string;
  /** Begins to listen; `gotItem` is to be called for every item, `ended` once. */
  open(gotItem: () => void, ended: (reason: EdgelessError | undefined) => void): OpenStream | undefined;
}

const BACK_OFF = { initialMs: 100, factor: 2, maximumMs: 5_000, jitter: 0.3 };

/** A stream that is opened again, with back-off, whenever it ends. */
export class LastingSubscription {
  readonly #parts: LastingSubscriptionParts;
  readonly #schedule: RetrySchedule;
  readonly #failures: FailureLog;
  #stream: OpenStream | undefined;
  #pause: Timer | undefined;
  #isClosed = false;

  constructor(parts: LastingSubscriptionParts) {
    this.#parts = parts;
    this.#schedule = new RetrySchedule(BACK_OFF, parts.random);
    this.#failures = new FailureLog(parts.clock, parts.logger);
    this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#pause?.cancel();
    this.#stream?.cancel();
  }

  #open(): void {
    const { clock, what } = this.#parts;
    this.#stream = this.#parts.open(
      () => this.#schedule.reset(),
      (reason) => {
        if (this.#isClosed) return;
        const error = reason ?? new EdgelessError("EDGELESS_UNREACHABLE", "the peer ended it");
        this.#failures.add(`the subscription to ${what} is interrupted`, error);
        this.#pause = clock.setTimer(this.#schedule.nextMs(), () => this.#open());
      },
    );
  }
}
