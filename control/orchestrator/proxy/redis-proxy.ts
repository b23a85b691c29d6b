import type { NodeUpdate } from "../../../core/api.js";
import type { Clock, Timer } from "../../../core/clock.js";
import { reasonOf } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import type { Random } from "../../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../../core/retry-schedule.js";
import { withDeadline } from "../../../platform/deadline.js";
import type { RedisCommand, RedisSession } from "../../../platform/redis/redis-session.js";
import type { DomainTables } from "../domain-tables.js";
import type { Changes, Observer } from "../observer.js";
import { decimal } from "./decimal.js";
import { type IntentExecutor, IntentTaker } from "./intent-taker.js";
import { Measurements } from "./measurements.js";
import { decodeProvider } from "./proxy-json.js";
import { isMirrorKey, MEASUREMENT_PATTERNS, MIRROR_PATTERNS, PROXY_KEYS } from "./proxy-keys.js";
import { StateMirror } from "./state-mirror.js";

/** What a {@link RedisProxy} works with. */
export interface RedisProxyOptions {
  readonly domainId: string;
  readonly open: () => Promise<RedisSession>;
  /** Both the period of the purge and the age beyond which measurements go, milliseconds; 0: never. */
  readonly gcPeriodMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Pause between two rounds: how late the mirror may be, and how long an intent may wait. */
const ROUND_MS = 200;
/** Pauses between attempts to reach Redis. */
const RECONNECT: RetryPolicy = { initialMs: 200, factor: 2, maximumMs: 5_000, jitter: 0.2 };
/** Measurements that wait while Redis is away or slow. */
const MOST_MEASUREMENTS = 50_000;
const COMMANDS_AT_ONCE = 256;
/** How long the end waits for a last round. */
const FAREWELL_MS = 1_000;

/**
 * Mirrors the state of a domain to Redis and takes intents from there. All of it happens beside the ε-ORC, in one round
 * after the other: decisions only leave a note, so a Redis that is slow, hung or gone delays nothing. After each
 * connection the mirror is compared with what is there and completed.
 */
export class RedisProxy implements Observer {
  readonly #options: RedisProxyOptions;
  readonly #mirror = new StateMirror();
  readonly #measurements = new Measurements(MOST_MEASUREMENTS);
  readonly #schedule: RetrySchedule;
  #session: RedisSession | undefined;
  #isFirst = true;
  #purgeDueMs: number;
  #droppedTold = 0;
  #closed = false;
  #wake: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RedisProxyOptions) {
    const { clock, random, gcPeriodMs } = options;
    this.#options = options;
    this.#schedule = new RetrySchedule(RECONNECT, random);
    this.#purgeDueMs = clock.monotonicMs() + gcPeriodMs;
  }

  /** Begins to work in the background. */
  start(executor: IntentExecutor): void {
    const { clock, logger } = this.#options;
    this.#running = this.#run(new IntentTaker(executor, clock, logger));
  }

  decided(changes: Changes, tables: DomainTables): void {
    this.#mirror.note(changes, tables);
  }

  reported(update: NodeUpdate): void {
    this.#measurements.add(update, this.#options.clock.wallMs());
  }

  /** Ends after a last round, within about a second. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await withDeadline(this.#options.clock, FAREWELL_MS, this.#running);
    this.#session?.close();
  }

  async #run(intents: IntentTaker): Promise<void> {
    while (!this.#closed) {
      try {
        this.#session = await this.#options.open();
        await this.#work(this.#session, intents);
      } catch (error) {
        this.#noteFailure(error);
      } finally {
        this.#session?.close();
        this.#session = undefined;
      }
      if (!this.#closed) await this.#pause(this.#schedule.nextMs());
    }
  }

  async #work(session: RedisSession, intents: IntentTaker): Promise<void> {
    await this.#takeOver(session);
    await this.#flush(session);
    this.#schedule.reset();
    this.#options.logger.info("the state of the domain is mirrored to Redis");
    while (!this.#closed) {
      await intents.takeAll(session);
      await this.#flush(session);
      await this.#purge(session);
      await this.#pause(ROUND_MS);
    }
    await this.#flush(session);
  }

  /** Removes what an earlier process or an earlier connection left behind; keys of others stay. */
  async #takeOver(session: RedisSession): Promise<void> {
    const wanted = this.#isFirst ? new Set<string>() : this.#mirror.keys();
    for (const pattern of MIRROR_PATTERNS) {
      for await (const keys of session.scan(pattern)) {
        const doomed = keys.filter((key) => !wanted.has(key) && this.#isObsolete(key));
        const own = await this.#withoutForeign(session, doomed);
        await this.#send(
          session,
          own.map((key) => ["DEL", key]),
        );
      }
    }
    await session.send("SET", PROXY_KEYS.domainId, this.#options.domainId);
    this.#isFirst = false;
    this.#mirror.forget();
  }

  /** At the first connection everything is of another time; later, measurements of what is still there are kept. */
  #isObsolete(key: string): boolean {
    if (isMirrorKey(key) === false) return false;
    if (this.#isFirst) return true;
    if (key.startsWith("performance:")) return false;
    const [, nodeId] = /^node:health:(.*)$/.exec(key) ?? [];
    return nodeId === undefined ? !key.endsWith(":last_update") : !this.#mirror.hasNode(nodeId);
  }

  async #withoutForeign(session: RedisSession, keys: readonly string[]): Promise<string[]> {
    const doubtful = keys.filter((key) => isMirrorKey(key) !== true);
    const values = await session.pipeline(doubtful.map((key) => ["GET", key]));
    const foreign = new Set(
      doubtful.filter((_, i) => {
        const value = values[i];
        return typeof value !== "string" || decodeProvider(value) === undefined;
      }),
    );
    return keys.filter((key) => !foreign.has(key));
  }

  /** Measurements first: those of a node that is gone go with it. */
  async #flush(session: RedisSession): Promise<void> {
    while (this.#measurements.waiting > 0)
      await this.#send(session, this.#measurements.takeCommands(COMMANDS_AT_ONCE));
    const time = decimal(this.#options.clock.wallMs() / 1000);
    await this.#send(session, this.#mirror.takeCommands(time));
  }

  async #purge(session: RedisSession): Promise<void> {
    const { gcPeriodMs, clock } = this.#options;
    if (gcPeriodMs === 0 || clock.monotonicMs() < this.#purgeDueMs) return;
    this.#purgeDueMs = clock.monotonicMs() + gcPeriodMs;
    const oldest = `(${decimal((clock.wallMs() - gcPeriodMs) / 1000)}`;
    for (const pattern of MEASUREMENT_PATTERNS) {
      for await (const keys of session.scan(pattern)) {
        const own = keys.filter((key) => isMirrorKey(key) === true);
        await this.#send(
          session,
          own.map((key) => ["ZREMRANGEBYSCORE", key, "-inf", oldest]),
        );
      }
    }
  }

  async #send(session: RedisSession, commands: readonly RedisCommand[]): Promise<void> {
    for (let i = 0; i < commands.length; i += COMMANDS_AT_ONCE)
      await session.pipeline(commands.slice(i, i + COMMANDS_AT_ONCE));
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer: Timer = this.#options.clock.setTimer(ms, end);
      this.#wake = end;
    });
  }

  #noteFailure(error: unknown): void {
    const { logger } = this.#options;
    const dropped = this.#measurements.dropped;
    if (this.#schedule.failures === 0)
      logger.error("the proxy is interrupted; trying again", { reason: reasonOf(error) });
    if (dropped > this.#droppedTold)
      logger.warn("measurements were dropped while Redis was away", { dropped: dropped - this.#droppedTold });
    this.#droppedTold = dropped;
  }
}
