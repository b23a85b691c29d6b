import type { NodeRegistrationApi, NodeUpdate } from "../../core/api.js";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { NodeHealth } from "../../core/health.js";
import { HEALTH_UNKNOWN } from "../../core/health-unknown.js";
import type { Logger } from "../../core/log.js";
import { type Random, uniform } from "../../core/random.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import type { PerformanceSamples } from "../../core/samples.js";
import type { InstanceStatus } from "../../core/status.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import { sameStatuses } from "./same-statuses.js";
import { SampleBacklog } from "./sample-backlog.js";

/** What a node says about itself in every update; an ε-ORC reads it only when the nonce is new to it. */
export type NodeIdentity = Pick<
  NodeUpdate,
  "nodeId" | "agentUrl" | "invocationUrl" | "resourceProviders" | "capabilities" | "nonce" | "gateway"
>;

/** What a {@link Registration} works with. */
export interface RegistrationParts {
  /** The ε-ORC; each of its calls ends by itself after a deadline. */
  readonly register: NodeRegistrationApi;
  readonly identity: NodeIdentity;
  readonly intervalMs: number;
  /** Factor on the interval, 1 or more, so that many nodes of one process do not flood their ε-ORC. 1 when absent. */
  readonly stretch?: () => number;
  /** Carries out a report when it is its turn among those of many nodes; at once when absent. */
  readonly inTurn?: (report: () => Promise<void>) => Promise<void>;
  readonly measureHealth: () => Promise<NodeHealth>;
  readonly drainSamples: () => PerformanceSamples;
  readonly statuses: () => readonly InstanceStatus[];
  /** False: a change of the statuses is not looked for, {@link Registration.changed} tells it. True when absent. */
  readonly watchesStatuses?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How often the state of the instances is compared with what was reported, so a change travels within this time. */
const STATUS_PERIOD_MS = 200;
const FIRST_RETRY_MS = 200;
/** Samples per instance and series that are kept while the ε-ORC can not be reached. */
const SAMPLES_KEPT = 1_000;
const HEALTH_LIMIT_MS = 500;
const LEAVE_LIMIT_MS = 1_000;
/** Nodes of one process report up to this part of the interval sooner, so that they do not go on all at the same time. */
const SPREAD = 0.1;
/** A deadline that has passed by any clock. */
const LONG_AGO = 0n;

type Standing = "new" | "registered" | "refused" | "unreachable";

/** Keeps a node registered with its ε-ORC: at once, at each interval, soon after an instance changed, and at the end. */
export class Registration {
  readonly #parts: RegistrationParts;
  readonly #retry: RetrySchedule;
  readonly #backlog = new SampleBacklog(SAMPLES_KEPT);
  #standing: Standing = "new";
  #refusedSinceMs: number | undefined;
  #reported: readonly InstanceStatus[] = [];
  #sending: Promise<void> | undefined;
  #nextTimer: Timer | undefined;
  #watchTimer: Timer | undefined;
  #known = false;
  #closed = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    const policy = { initialMs: FIRST_RETRY_MS, factor: 2, maximumMs: parts.intervalMs, jitter: 0.2 };
    this.#retry = new RetrySchedule(policy, parts.random);
  }

  /** Since when the ε-ORC refuses the node, monotonic milliseconds; undefined while it does not. */
  get refusedSinceMs(): number | undefined {
    return this.#refusedSinceMs;
  }

  /** Sends the first update now. The agent and the data plane must listen already: the ε-ORC calls back at once. */
  start(): void {
    this.#send();
    if (this.#parts.watchesStatuses !== false) this.#watch();
  }

  /** The state of an instance changed: the ε-ORC is told soon. */
  changed(): void {
    if (this.#closed || this.#watchTimer !== undefined) return;
    this.#watchTimer = this.#parts.clock.setTimer(STATUS_PERIOD_MS, () => {
      this.#watchTimer = undefined;
      if (this.#isReportDue()) this.#send();
      else if (this.#sending !== undefined) this.changed();
    });
  }

  /** Stops without a word: the node goes on, another process will report for it. */
  abandon(): void {
    this.#closed = true;
    this.#nextTimer?.cancel();
    this.#watchTimer?.cancel();
  }

  /** Stops and tells the ε-ORC that the node leaves; takes at most about two seconds. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#nextTimer?.cancel();
    this.#watchTimer?.cancel();
    const { clock, register, logger } = this.#parts;
    if (this.#sending !== undefined) await withDeadline(clock, LEAVE_LIMIT_MS, this.#sending);
    if (!this.#known) return;
    try {
      const farewell = this.#inTurn(async () => {
        const samples = this.#backlog.take(this.#parts.drainSamples());
        const update = await this.#update(this.#parts.statuses(), samples);
        await register.updateNode({ ...update, refreshDeadline: LONG_AGO });
      });
      await withDeadline(clock, LEAVE_LIMIT_MS, farewell);
    } catch (error) {
      logger.warn("the orchestrator was not told that the node leaves", { reason: reasonOf(error) });
    }
  }

  #send(): void {
    this.#nextTimer?.cancel();
    this.#nextTimer = undefined;
    this.#sending = this.#inTurn(() => this.#report()).finally(() => {
      this.#sending = undefined;
    });
  }

  #inTurn(report: () => Promise<void>): Promise<void> {
    const { inTurn } = this.#parts;
    return inTurn === undefined ? report() : inTurn(report);
  }

  /** The deadline that is told holds from now on, however long the report had to wait for its turn. */
  async #report(): Promise<void> {
    if (this.#closed) return;
    const { clock, random, stretch, register, drainSamples } = this.#parts;
    const intervalMs = this.#intervalMs();
    const startedMs = clock.monotonicMs();
    const statuses = this.#parts.statuses();
    const samples = this.#backlog.take(drainSamples());
    let delayMs = intervalMs;
    try {
      const result = await register.updateNode(await this.#update(statuses, samples));
      if (result.ok) {
        this.#known = true;
        this.#reported = statuses;
        this.#retry.reset();
        this.#note("registered", "");
      } else {
        this.#backlog.back(samples);
        delayMs = this.#retryMs();
        this.#note("refused", [result.error.summary, result.error.detail].filter(Boolean).join(": "));
      }
    } catch (error) {
      this.#backlog.back(samples);
      delayMs = this.#retryMs();
      this.#note("unreachable", reasonOf(error));
    }
    if (this.#closed) return;
    const nowMs = clock.monotonicMs();
    const sooner = stretch === undefined ? 0 : SPREAD * uniform(random);
    const nextMs = Math.min(startedMs + intervalMs * (1 - sooner), nowMs + delayMs);
    this.#nextTimer = clock.setTimer(Math.max(0, nextMs - nowMs), () => this.#send());
  }

  async #update(statuses: readonly InstanceStatus[], samples: PerformanceSamples): Promise<NodeUpdate> {
    const { identity, clock } = this.#parts;
    const health = await this.#measureHealth();
    const refreshDeadline = BigInt(Math.floor((clock.wallMs() + 2 * this.#intervalMs()) / 1000));
    return { ...identity, refreshDeadline, health, samples, instances: statuses };
  }

  /** A host that does not answer (a dead network disk) must not cost the registration. */
  async #measureHealth(): Promise<NodeHealth> {
    const { clock, measureHealth, logger } = this.#parts;
    try {
      const health = await withDeadline(clock, HEALTH_LIMIT_MS, measureHealth());
      if (health !== LATE) return health;
    } catch (error) {
      logger.debug("health could not be measured", { reason: reasonOf(error) });
    }
    return HEALTH_UNKNOWN;
  }

  #watch(): void {
    this.#watchTimer = this.#parts.clock.setTimer(STATUS_PERIOD_MS, () => {
      if (this.#isReportDue()) this.#send();
      this.#watch();
    });
  }

  #intervalMs(): number {
    const { intervalMs, stretch } = this.#parts;
    return intervalMs * (stretch?.() ?? 1);
  }

  #retryMs(): number {
    return this.#retry.nextMs() * (this.#parts.stretch?.() ?? 1);
  }

  #isReportDue(): boolean {
    const idle = this.#sending === undefined && this.#standing === "registered";
    return idle && !sameStatuses(this.#reported, this.#parts.statuses());
  }

  #note(standing: Standing, reason: string): void {
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#refusedSinceMs = standing === "refused" ? this.#parts.clock.monotonicMs() : undefined;
    const { logger, identity } = this.#parts;
    if (standing === "registered")
      logger.info("registered with the orchestrator", { nodeId: identity.nodeId });
    else if (standing === "refused") logger.error("the orchestrator refuses this node", { reason });
    else logger.warn("the orchestrator cannot be reached; trying again", { reason });
  }
}
