import type { Clock, Timer } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import { FailureLog } from "./failure-log.js";

/** What a {@link LastingConnection} works with. */
export interface LastingConnectionParts<T> {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What is at the other end, for log lines and errors: never with a password. */
  readonly peer: string;
  /** How long an event may wait for an interrupted connection, counted from the interruption, milliseconds. */
  readonly patienceMs: number;
  /** How long one try to connect may take, milliseconds. */
  readonly openTimeoutMs: number;
  open(): Promise<T>;
  close(connection: T): Promise<void>;
  /** Whether an error means that the connection cannot be used any more. */
  isLost(error: unknown): boolean;
}

const BACK_OFF = { initialMs: 50, factor: 2, maximumMs: 5_000, jitter: 0.3 };

/**
 * A connection that is made again, with back-off, whenever it breaks. Short interruptions only delay its users; once one
 * has lasted longer than their patience they fail at once until the peer is back.
 */
export class LastingConnection<T> {
  readonly #parts: LastingConnectionParts<T>;
  readonly #schedule: RetrySchedule;
  readonly #failures: FailureLog;
  readonly #waiting = new Set<() => void>();
  #connection: T | undefined;
  /** When the connection was found missing; meaningless while there is one. */
  #interruptedMs = 0;
  #reconnecting = false;
  #pause: Timer | undefined;
  #reason = "there is no connection yet";
  #closed = false;

  constructor(parts: LastingConnectionParts<T>) {
    this.#parts = parts;
    this.#schedule = new RetrySchedule(BACK_OFF, parts.random);
    this.#failures = new FailureLog(parts.clock, parts.logger);
  }

  /** Connects with a single try, for a start that fails when the peer is not there; rejects with the error of `open`. */
  async connect(): Promise<void> {
    this.#adopt(await this.#open());
  }

  /**
   * Runs `work` on the connection.
   * @param isRepeatable whether it may run again on a new connection when its own breaks under it
   * @throws EdgelessError EDGELESS_UNREACHABLE, or whatever `work` threw
   */
  async use<R>(work: (connection: T) => Promise<R>, isRepeatable: boolean): Promise<R> {
    const connection = await this.#connected();
    try {
      return await work(connection);
    } catch (error) {
      if (!this.#parts.isLost(error)) throw error;
      this.lose(connection, error);
      // A peer that let a deadline pass has had its time.
      const isLate = error instanceof EdgelessError && error.code === "EDGELESS_TIMEOUT";
      if (!isRepeatable || isLate) throw error;
    }
    const next = await this.#connected();
    try {
      return await work(next);
    } catch (error) {
      if (this.#parts.isLost(error)) this.lose(next, error);
      throw error;
    }
  }

  /** Begins to connect again; called when a connection turned out to be broken. An older connection is ignored. */
  lose(connection: T, error: unknown): void {
    if (this.#closed || this.#connection !== connection) return;
    this.#connection = undefined;
    this.#release(connection);
    this.#interrupted(error);
  }

  /** Ends the connection; whoever waits for it fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.cancel();
    this.#wake();
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) await this.#parts.close(connection);
  }

  async #connected(): Promise<T> {
    if (this.#connection === undefined && !this.#closed && !this.#reconnecting) {
      this.#interruptedMs = this.#parts.clock.monotonicMs();
      this.#try();
    }
    if (this.#connection === undefined && !this.#closed) await this.#wait();
    if (this.#connection !== undefined) return this.#connection;
    throw new EdgelessError("EDGELESS_UNREACHABLE", `${this.#parts.peer} cannot be reached: ${this.#reason}`);
  }

  /** Waits until there is a connection, or until patience ends. */
  async #wait(): Promise<void> {
    const { clock, patienceMs } = this.#parts;
    const leftMs = this.#interruptedMs + patienceMs - clock.monotonicMs();
    if (leftMs <= 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const timer = clock.setTimer(leftMs, done);
      this.#waiting.add(done);
    });
  }

  #interrupted(error: unknown): void {
    this.#interruptedMs = this.#parts.clock.monotonicMs();
    this.#reason = reasonOf(error);
    this.#failures.add(`the connection to ${this.#parts.peer} is interrupted`, error);
    this.#try();
  }

  /** Tries to connect, for ever, with pauses that grow. */
  #try(): void {
    this.#reconnecting = true;
    this.#open().then(
      (connection) => {
        this.#reconnecting = false;
        if (this.#schedule.failures > 0) this.#parts.logger.info(`${this.#parts.peer} is reached again`);
        this.#adopt(connection);
      },
      (error: unknown) => {
        if (this.#closed) return;
        this.#reason = reasonOf(error);
        this.#failures.add(`${this.#parts.peer} cannot be reached`, error);
        this.#pause = this.#parts.clock.setTimer(this.#schedule.nextMs(), () => this.#try());
      },
    );
  }

  #adopt(connection: T): void {
    if (this.#closed) {
      this.#release(connection);
      return;
    }
    this.#schedule.reset();
    this.#connection = connection;
    this.#wake();
  }

  async #open(): Promise<T> {
    const { clock, openTimeoutMs, peer } = this.#parts;
    const opening = this.#parts.open();
    const outcome = await withDeadline(clock, openTimeoutMs, opening);
    if (outcome !== LATE) return outcome;
    opening.then(
      (connection) => this.#release(connection),
      () => {},
    );
    throw new EdgelessError("EDGELESS_TIMEOUT", `${peer} did not answer within ${openTimeoutMs} ms`);
  }

  /** Frees a connection that nobody needs any more. */
  #release(connection: T): void {
    this.#parts.close(connection).catch(() => {});
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
