import type {
  NodeRegistrationApi,
  NodeUpdate,
  OrchestratorApi,
  Patch,
  ResponseError,
  Result,
} from "../../core/api.js";
import { NO_DOMAIN_CAPABILITIES } from "../../core/capabilities.js";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import type { Store } from "../../platform/store/store.js";
import { randomUint64 } from "../../platform/system-random.js";
import type { DecisionTimes } from "./agenda.js";
import { AgentCaller, type AgentConnection } from "./agent-caller.js";
import { AwaitedWirings } from "./awaited-wirings.js";
import { CodeLibrary } from "./code-library.js";
import type { Spawn } from "./commands.js";
import { isBeingWired, statusesOf } from "./component-status.js";
import { aggregateCapabilities } from "./domain-capabilities.js";
import type { DomainReport } from "./domain-report.js";
import { DomainTables } from "./domain-tables.js";
import type { Effects } from "./effects.js";
import { Journal } from "./journal.js";
import type { Strategy } from "./node-selection.js";
import type { Observer } from "./observer.js";
import { figuresOf } from "./orchestrator-figures.js";
import type { OrchestratorFigures, OrchestratorMeter } from "./orchestrator-metrics.js";
import { Reconciler } from "./reconciler.js";
import { loadState } from "./saved-state.js";

/** What an ε-ORC needs from outside. */
export interface OrchestratorOptions {
  readonly store: Store;
  /** See {@link AgentCaller}. */
  readonly connect: (agentUrl: string, sharedUrl: string | undefined) => AgentConnection;
  /** Tells whether a node can be connected to at its invocation URL. */
  readonly probe: (url: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly strategy: Strategy;
  /** Longest wait for one answer of a node, milliseconds. */
  readonly callTimeoutMs: number;
  readonly times: DecisionTimes;
  /** Called when something the ε-CON is told has changed. */
  readonly onChange: () => void;
  /** Told of every decision and of what nodes report. */
  readonly observers?: readonly Observer[];
  readonly meter: OrchestratorMeter;
}

/** What a domain offers under one counter. */
type Offer = Required<Pick<DomainReport, "counter" | "capabilities" | "nodes">>;

/**
 * An ε-ORC without its servers: takes requests, lets the {@link Reconciler} decide, and carries out what follows.
 * What it promises is kept before the promise is given.
 */
export class Orchestrator implements OrchestratorApi, NodeRegistrationApi {
  readonly #options: OrchestratorOptions;
  readonly #tables: DomainTables;
  readonly #reconciler: Reconciler;
  readonly #caller: AgentCaller;
  readonly #library = new CodeLibrary();
  readonly #journal: Journal;
  readonly #waiting = new Map<number, (result: Result<Uuid>) => void>();
  readonly #wirings: AwaitedWirings;
  #requestId = 0;
  #offer: Offer | undefined;
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  #isClosed = false;

  private constructor(options: OrchestratorOptions, tables: DomainTables) {
    const { random, logger, clock, strategy, times, connect, meter } = options;
    this.#options = options;
    this.#tables = tables;
    this.#reconciler = new Reconciler({ tables, strategy, times, random, logger });
    this.#journal = new Journal(options.store, tables, this.#library);
    this.#wirings = new AwaitedWirings(clock, (logicalId) => isBeingWired(logicalId, tables));
    this.#caller = new AgentCaller({
      connect,
      clock,
      meter,
      timeoutMs: options.callTimeoutMs,
      settle: (issued, outcome) => {
        this.#reconciler.settleCommand(issued, outcome, this.#nowMs());
        this.#carryOut();
      },
    });
  }

  /**
   * Goes on with what the store holds; a fresh nonce tells the ε-CON when it holds nothing.
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  static async open(options: OrchestratorOptions): Promise<Orchestrator> {
    const saved = await loadState(options.store);
    const nonce = saved?.nonce ?? randomUint64(options.random);
    const orchestrator = new Orchestrator(options, new DomainTables(nonce, (saved?.counter ?? 0n) + 1n));
    if (saved !== undefined) {
      orchestrator.#reconciler.restore(saved, options.clock.monotonicMs());
      for (const { logicalId, spawn } of saved.components) {
        if (spawn.kind === "function" && spawn.request.code.binary !== undefined)
          orchestrator.#library.intern(spawn.request.code.binary);
        orchestrator.#journal.holds(logicalId);
      }
    }
    orchestrator.#journal.noteDomain();
    await orchestrator.#journal.flush();
    orchestrator.#carryOut();
    return orchestrator;
  }

  /** Grows with each accepted start. */
  get sequence(): number {
    return this.#reconciler.sequence;
  }

  /** What there is now, for the metrics page. */
  figures(): OrchestratorFigures {
    return figuresOf(this.#tables);
  }

  /**
   * What the ε-CON is told, apart from who tells it.
   * @param hasOffer false: without what the domain offers
   */
  report(hasOffer = true): Omit<DomainReport, "domainId" | "orchestratorUrl"> {
    const { counter, nonce } = this.#tables;
    const offer = hasOffer ? this.#offered() : { capabilities: NO_DOMAIN_CAPABILITIES };
    return { ...offer, counter, nonce, components: statusesOf(this.#tables) };
  }

  /** What the domain offers; worked out once for each counter. */
  #offered(): Offer {
    const { counter, nodes } = this.#tables;
    if (this.#offer?.counter !== counter) {
      const all = [...nodes.values()];
      const placements = all.map(({ placement }) => placement);
      this.#offer = { counter, capabilities: aggregateCapabilities(all), nodes: placements };
    }
    return this.#offer;
  }

  startFunction(request: SpawnFunctionRequest): Promise<Result<Uuid>> {
    const { binary, ...rest } = request.code;
    if (binary === undefined) return this.#start({ kind: "function", request });
    const code = { ...rest, binary: this.#library.intern(binary) };
    return this.#start({ kind: "function", request: { ...request, code } });
  }

  startResource(specification: ResourceSpecification): Promise<Result<Uuid>> {
    return this.#start({ kind: "resource", specification });
  }

  async stopFunction(logicalId: Uuid): Promise<void> {
    this.#reconciler.stop(logicalId, this.#nowMs());
    this.#carryOut();
    await this.#journal.flush();
  }

  /** The kind of a component is known here: both ways to stop are one. */
  stopResource(logicalId: Uuid): Promise<void> {
    return this.stopFunction(logicalId);
  }

  /** Resolves when the instance has its outputs, so that events sent after that find their way; or after a while. */
  async patchFunction(patch: Patch<Uuid>): Promise<void> {
    this.#reconciler.patch(patch, this.#nowMs());
    this.#carryOut();
    await this.#journal.flush();
    await this.#wirings.settled(patch.source);
  }

  patchResource(patch: Patch<Uuid>): Promise<void> {
    return this.patchFunction(patch);
  }

  async updateNode(update: NodeUpdate): Promise<Result<void>> {
    const result = this.#reconciler.updateNode(update, this.#nowMs(), this.#options.clock.wallMs());
    this.#carryOut();
    if (result.ok && this.#tables.nodes.has(update.nodeId))
      for (const observer of this.#options.observers ?? []) observer.reported(update);
    await this.#journal.flush();
    return result;
  }

  /** Intent: moves a component to the first of the nodes that fits. */
  async migrate(logicalId: Uuid, targets: readonly Uuid[]): Promise<Result<Uuid>> {
    const result = this.#reconciler.migrate(logicalId, targets, this.#nowMs());
    this.#carryOut();
    await this.#journal.flush();
    return result;
  }

  /** Intent: a node takes nothing new, or takes again. */
  async cordon(nodeId: Uuid, isCordoned: boolean): Promise<Result<void>> {
    const result = this.#reconciler.cordon(nodeId, isCordoned, this.#nowMs());
    this.#carryOut();
    await this.#journal.flush();
    return result;
  }

  /** Order of the ε-CON: ends every component accepted up to `sequence`. */
  reset(sequence: number): void {
    this.#options.logger.info("the controller resets this domain");
    this.#reconciler.reset(sequence, this.#nowMs());
    this.#carryOut();
  }

  /** Stops working; what is kept stays in the store, what runs on the nodes goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.timer.cancel();
    this.#caller.close();
    this.#wirings.close();
    for (const answer of this.#waiting.values())
      answer({ ok: false, error: { summary: "the orchestrator is shutting down" } });
    this.#waiting.clear();
    await this.#journal.flush().catch((error: unknown) => this.#warnUnkept(error));
    await this.#options.store.close();
  }

  #start(spawn: Spawn): Promise<Result<Uuid>> {
    if (this.#isClosed)
      return Promise.resolve({ ok: false, error: { summary: "the orchestrator is shutting down" } });
    return new Promise((resolve) => {
      const requestId = ++this.#requestId;
      this.#waiting.set(requestId, resolve);
      this.#reconciler.start(requestId, spawn, this.#nowMs());
      this.#carryOut();
    });
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #carryOut(): void {
    if (this.#isClosed) return;
    const effects = this.#reconciler.takeEffects(this.#nowMs());
    this.#journal.note(effects);
    for (const observer of this.#options.observers ?? []) observer.decided(effects, this.#tables);
    for (const issued of effects.commands) this.#caller.run(issued);
    for (const nodeId of effects.gone) this.#caller.forget(nodeId);
    for (const [url, session] of effects.probes) this.#probe(url, session);
    this.#keepAndAnswer(effects.answers);
    this.#wirings.review();
    if (effects.isReportChanged) this.#options.onChange();
    this.#armTimer();
  }

  #keepAndAnswer(answers: Effects["answers"]): void {
    this.#journal.flush().then(
      () => {
        for (const { requestId, result } of answers) this.#answer(requestId, result);
      },
      (error: unknown) => {
        this.#warnUnkept(error);
        for (const { requestId, result } of answers) this.#takeBack(requestId, result, error);
      },
    );
  }

  #answer(requestId: number, result: Result<Uuid>): void {
    this.#waiting.get(requestId)?.(result);
    this.#waiting.delete(requestId);
  }

  /** What cannot be kept is not promised. */
  #takeBack(requestId: number, result: Result<Uuid>, error: unknown): void {
    const refusal: ResponseError = {
      summary: "the orchestrator cannot keep its state",
      detail: reasonOf(error),
    };
    if (result.ok && !this.#isClosed) {
      this.#reconciler.stop(result.value, this.#nowMs());
      this.#carryOut();
    }
    this.#answer(requestId, result.ok ? { ok: false, error: refusal } : result);
  }

  #probe(url: string, session: number): void {
    this.#options.probe(url).then(
      (isOpen) => {
        if (!isOpen || this.#isClosed) return;
        this.#reconciler.portOpen(url, session, this.#nowMs());
        this.#carryOut();
      },
      (error: unknown) =>
        this.#options.logger.warn("cannot look at an invocation port", { url, reason: reasonOf(error) }),
    );
  }

  #armTimer(): void {
    const dueMs = this.#reconciler.wakeMs;
    if (this.#timer?.dueMs === dueMs) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const timer = this.#options.clock.setTimer(Math.max(1, dueMs - this.#nowMs()), () => {
      this.#timer = undefined;
      this.#reconciler.tick(this.#nowMs());
      this.#carryOut();
    });
    this.#timer = { dueMs, timer };
  }

  #warnUnkept(error: unknown): void {
    this.#options.logger.error("the state cannot be kept", { reason: reasonOf(error) });
  }
}
