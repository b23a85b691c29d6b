import type {
  DomainRegistrationApi,
  DomainUpdate,
  DomainUpdateAnswer,
  Migration,
  Result,
  WorkflowApi,
} from "../../core/api.js";
import type { DomainCapabilities } from "../../core/capabilities.js";
import type { Clock, Timer } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { graceAfterStandstill } from "../../core/standstill.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import {
  componentNames,
  type Workflow,
  type WorkflowInfo,
  type WorkflowInstance,
} from "../../core/workflow.js";
import { describeFaults, validateWorkflow } from "../../core/workflow-validation.js";
import { countBy } from "../../platform/count-by.js";
import type { ControllerFigures, ControllerMeter } from "./controller-metrics.js";
import { type ControllerStore, forgetDebt, keepDebt } from "./controller-store.js";
import type { Debt } from "./debt.js";
import { completeUpdate, type Domain, leaseOf } from "./domain.js";
import { whyUnsuitable } from "./domain-choice.js";
import { DomainRegistry } from "./domain-registry.js";
import { describeInstance, withoutCode } from "./inspection.js";
import { KeyedQueue } from "./keyed-queue.js";
import type { CallDeadlines, OrchestratorConnection } from "./orchestrator-link.js";
import { isLive, mayRun } from "./placement.js";
import type { PlacementContext } from "./placement-context.js";
import { describeRefusals, type PlacementResult, placeIn, placeSomewhere } from "./placer.js";
import { findPortal } from "./portal.js";
import { PortalIds } from "./portal-ids.js";
import { ReportWatch } from "./report-watch.js";
import { placeAcross } from "./spread.js";
import { StopLedger } from "./stop-ledger.js";
import { WaitingList } from "./waiting-list.js";
import { deployedWorkflow, type WorkflowRecord } from "./workflow-record.js";

/** What a controller works with. */
export interface ControllerOptions {
  readonly store: ControllerStore;
  /** Connects to the ε-ORC at a URL; must not wait for it. */
  readonly connect: (url: string) => OrchestratorConnection;
  readonly deadlines: CallDeadlines;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: ControllerMeter;
}

const TICK_MS = 1_000;
/** How long a stop waits for the ε-ORCs; what is not done by then is done in the background. */
const STOP_WAIT_MS = 2_000;
/** Domains named in the summary of a refusal; the detail has all. */
const DOMAINS_IN_SUMMARY = 3;

/**
 * The ε-CON: keeps the domains and the accepted workflows, and sees to it that each workflow runs in one domain.
 *
 * Whether a workflow needs work is never noted down: it does when one of its components is not alive, that is, not
 * placed, placed under a former nonce, in a domain that is away, or missing in its domain's report. Work on one
 * workflow is done in turn; workflows and domains do not wait for each other.
 */
export class Controller implements WorkflowApi, DomainRegistrationApi {
  readonly #options: ControllerOptions;
  readonly #store: ControllerStore;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #domains: DomainRegistry;
  readonly #ledger: StopLedger;
  readonly #context: PlacementContext;
  readonly #portalIds: PortalIds;
  /** Ordered by id when listed; committed workflows only. */
  readonly #workflows = new Map<Uuid, WorkflowRecord>();
  readonly #waiting: WaitingList;
  /** Workflows that a client wants to be stopped: work on them is called off. */
  readonly #stopping = new Set<Uuid>();
  readonly #reports: ReportWatch;
  readonly #workflowQueue = new KeyedQueue<Uuid>();
  readonly #domainQueue = new KeyedQueue<string>();
  /** How often the domains changed so that waiting workflows may find a place. */
  #changes = 0;
  #timer: Timer | undefined;
  #tickDueMs = Number.POSITIVE_INFINITY;
  #graceUntilMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: ControllerOptions) {
    const { store, clock, random, logger } = options;
    this.#options = options;
    this.#store = store;
    this.#logger = logger;
    this.#clock = clock;
    this.#domains = new DomainRegistry(store, options.connect, options.deadlines, options, options.meter);
    this.#waiting = new WaitingList(clock, random);
    this.#reports = new ReportWatch(clock);
    const linkOf = (domainId: string) => this.#domains.linkOf(domainId);
    this.#ledger = new StopLedger(store, linkOf, options);
    const domains = () => this.#domains.all;
    this.#portalIds = new PortalIds(store);
    const [portalIds, ledger] = [this.#portalIds, this.#ledger];
    this.#context = { store, ledger, logger, clock, random, domains, linkOf, portalIds };
  }

  /**
   * Takes over what the store holds and begins to work.
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  async open(): Promise<void> {
    const { domains, workflows, debts, portalIds } = await this.#store.load();
    this.#portalIds.load(portalIds);
    this.#domains.load(domains);
    for (const record of workflows) this.#workflows.set(record.workflowId, record);
    this.#ledger.enter(debts);
    if (workflows.length > 0)
      this.#logger.info("workflows taken over from the store", { workflows: workflows.length });
    this.#tick();
  }

  /** Ends all work; what is under way is taken up again at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#domains.close();
    await this.#domainQueue.idle();
    await this.#workflowQueue.idle();
    await this.#ledger.idle();
    await this.#store.close();
  }

  async start(workflow: Workflow): Promise<Result<WorkflowInstance>> {
    const faults = validateWorkflow(workflow);
    if (faults.length > 0) {
      const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
      return refusal(
        `Invalid workflow creation request: ${describeFaults(faults.slice(0, 1))}${more}`,
        describeFaults(faults),
      );
    }
    const { random } = this.#options;
    const record: WorkflowRecord = {
      workflowId: randomUuid(random),
      workflow,
      stateIds: new Map(workflow.functions.map(({ name }) => [name, randomUuid(random)])),
      crossings: [],
      placements: new Map(),
    };
    return await this.#workflowQueue.run(record.workflowId, async () => {
      const result = await this.#place(record);
      if (!result.ok) {
        return refusal(
          `Workflow creation failed: ${describeRefusals(result.refusals, DOMAINS_IN_SUMMARY)}`,
          describeRefusals(result.refusals, Number.POSITIVE_INFINITY),
        );
      }
      this.#adopt(result.record);
      return { ok: true, value: this.#describe(result.record) };
    });
  }

  async stop(workflowId: Uuid): Promise<void> {
    if (!this.#workflows.has(workflowId)) return;
    this.#stopping.add(workflowId);
    let debts: readonly Debt[];
    try {
      debts = await this.#workflowQueue.run(workflowId, () => this.#remove(workflowId));
    } finally {
      this.#stopping.delete(workflowId);
    }
    const domains = new Set(debts.map(({ domainId }) => domainId));
    await this.#atMost(STOP_WAIT_MS, Promise.all([...domains].map((domainId) => this.#ledger.pay(domainId))));
  }

  list(): Promise<readonly Uuid[]> {
    const running: Uuid[] = [];
    const waiting: Uuid[] = [];
    for (const record of this.#workflows.values())
      (this.#isRunning(record) ? running : waiting).push(record.workflowId);
    return Promise.resolve([...running.sort(), ...waiting.sort()]);
  }

  /** What there is now, for the metrics page. */
  figures(): ControllerFigures {
    const domains = [...this.#domains.all.values()];
    const workflows = [...this.#workflows.values()];
    const stateOf = (record: WorkflowRecord) => (this.#isRunning(record) ? "running" : "waiting");
    return {
      domains: countBy(domains, ({ presence }) => presence, ["present", "expected", "away"]),
      workflows: countBy(workflows, stateOf, ["running", "waiting"]),
      components: workflows.reduce((sum, { placements }) => sum + placements.size, 0),
      stopsDue: domains.reduce((sum, { domainId }) => sum + this.#ledger.debtsOf(domainId).length, 0),
    };
  }

  async inspect(workflowId: Uuid): Promise<WorkflowInfo> {
    const record = this.#workflows.get(workflowId);
    if (record === undefined)
      throw new EdgelessError("EDGELESS_UNKNOWN_WORKFLOW", `there is no workflow ${workflowId}`);
    return { workflow: withoutCode(record.workflow), instance: this.#describe(record) };
  }

  domains(domainId: string): Promise<ReadonlyMap<string, DomainCapabilities>> {
    const present = [...this.#domains.all.values()].filter(
      (domain) => domain.presence === "present" && (domainId === "" || domain.domainId === domainId),
    );
    return Promise.resolve(new Map(present.map((domain) => [domain.domainId, domain.capabilities])));
  }

  async migrate(migration: Migration): Promise<Result<WorkflowInstance>> {
    const { workflowId } = migration;
    if (!this.#workflows.has(workflowId)) return refusal("Unknown workflow id", workflowId);
    return await this.#workflowQueue.run(workflowId, () => this.#migrate(migration));
  }

  async updateDomain(update: DomainUpdate): Promise<Result<DomainUpdateAnswer>> {
    if (update.domainId === "") return refusal("Empty domain identifier");
    return await this.#domainQueue.run(update.domainId, () => this.#updateDomain(update));
  }

  async #updateDomain(sent: DomainUpdate): Promise<Result<DomainUpdateAnswer>> {
    const { domainId } = sent;
    const known = this.#domains.all.get(domainId);
    const update = completeUpdate(known, sent);
    if (update === undefined) return { ok: true, value: { reset: false } };
    const leaseMs = leaseOf(update, this.#clock.wallMs());
    if (leaseMs <= 0) {
      const late = `its refresh deadline is ${Math.round(-leaseMs / 1000)} s in the past`;
      if (known === undefined)
        return refusal(`Domain ${domainId} not registered: ${late}, compare the clocks`);
      this.#domains.withdraw(domainId, update.refreshDeadline === 0n ? "it left" : `it left, or ${late}`);
      this.#attendAll(true);
      return { ok: true, value: { reset: false } };
    }
    try {
      const { scheme } = parseEndpoint(update.orchestratorUrl, "orchestrator_url");
      if (scheme === "coap") return refusal("orchestrator_url must begin with http:// or https://");
      if (known === undefined) await this.#disown(domainId, update.nonce);
      const obsolete = this.#ledger.obsoleteFor(domainId, update.nonce);
      const { domain, reset, change } = await this.#domains.accept(update, leaseMs, obsolete.map(forgetDebt));
      this.#ledger.settle(obsolete);
      this.#checkReport(domain, reset);
      if (change !== "none") {
        void this.#ledger.pay(domainId);
        this.#attendAll(true);
      }
      return { ok: true, value: { reset, keepsOffer: true } };
    } catch (error) {
      return refusal(`Domain ${domainId} not registered: ${reasonOf(error)}`);
    }
  }

  /** Acts on what a domain reports about its components; a report from before a reset says nothing. */
  #checkReport(domain: Domain, reset: boolean): void {
    const { domainId, nonce } = domain;
    if (reset) {
      this.#reports.forget(domainId);
      return;
    }
    const { missing, leftovers } = this.#reports.compare(
      domain,
      this.#workflows.values(),
      this.#ledger.debtsOf(domainId).map(({ logicalId }) => logicalId),
      this.#domains.linkOf(domainId)?.startsInFlight ?? [],
    );
    for (const [workflowId, ids] of missing) {
      this.#logger.warn("the domain lost components of a workflow", {
        workflow: workflowId,
        domain: domainId,
      });
      void this.#background(workflowId, () => this.#dropPlacements(workflowId, ids));
    }
    if (leftovers.length > 0) {
      this.#logger.warn("components that belong to no workflow are stopped", { domain: domainId, leftovers });
      // Not stored: after a restart of the controller the reports show them again.
      this.#ledger.enter(leftovers.map((logicalId) => ({ logicalId, kind: "unknown", domainId, nonce })));
      void this.#ledger.pay(domainId);
    }
  }

  async #migrate({ workflowId, domainId, component }: Migration): Promise<Result<WorkflowInstance>> {
    const record = this.#workflows.get(workflowId);
    if (record === undefined) return refusal("Unknown workflow id", workflowId);
    const names = componentNames(record.workflow);
    if (component !== "") {
      if (!this.#isRunning(record))
        return refusal("Cannot migrate a single component of an orphan workflow", workflowId);
      if (!names.includes(component))
        return refusal("Invalid component name specified in migration request", component);
      if (record.placements.get(component)?.domainId === domainId)
        return refusal("Ignoring request to migrate component to the same domain", domainId);
    }
    const cannot = (reason: string) =>
      refusal<WorkflowInstance>(`Migration request cannot be satisfied: ${reason}`, workflowId);
    const staying = names.filter((name) => record.placements.get(name)?.domainId !== domainId);
    const domain = this.#domains.all.get(domainId);
    if (domain?.presence !== "present") return cannot(`there is no domain ${domainId}`);
    const isSpread = component !== "" && staying.some((name) => name !== component);
    const faults = whyUnsuitable(record.workflow, domain, isSpread ? new Set([component]) : undefined);
    if (faults.length > 0) return cannot(`${domainId} cannot host ${describeFaults(faults)}`);
    const why = isSpread ? this.#whyNotConnected(record, component, domainId) : undefined;
    if (why !== undefined) return cannot(why);
    const calledOff = this.#calledOff(workflowId);
    const outcome = isSpread
      ? await placeAcross(record, domainsAfter(record, component, domainId), this.#context, calledOff)
      : await placeIn(domain, record, this.#context, calledOff);
    if (outcome === undefined) return cannot("the portal went away");
    if (!outcome.ok) {
      const rest = this.#isRunning(record) ? "it goes on where it was" : "it waits for a domain";
      return refusal(`Error when migrating the workflow: ${outcome.failure.reason}; ${rest}`, workflowId);
    }
    this.#adopt(outcome.record);
    return { ok: true, value: this.#describe(outcome.record) };
  }

  /** Tells why a workflow cannot be spread as a migration of one component wants. */
  #whyNotConnected(record: WorkflowRecord, component: string, domainId: string): string | undefined {
    const portal = findPortal(this.#domains.all);
    if (portal === undefined)
      return "the workflow would be spread over several domains, and there is no portal between them";
    const domains = new Set(domainsAfter(record, component, domainId).values());
    const apart = [...domains].find((id) => !portal.connected.has(id));
    return apart === undefined ? undefined : `${apart} is not connected to the portal ${portal.domainId}`;
  }

  /** Forgets a workflow and returns what has to be stopped. */
  async #remove(workflowId: Uuid): Promise<readonly Debt[]> {
    const record = this.#workflows.get(workflowId);
    if (record === undefined) return [];
    const debts: Debt[] = [...record.placements.values()].filter((placement) =>
      mayRun(placement, this.#domains.all),
    );
    await this.#store.removeWorkflow(record, debts.map(keepDebt));
    this.#workflows.delete(workflowId);
    this.#waiting.remove(workflowId);
    this.#ledger.enter(debts);
    return debts;
  }

  /** Makes a committed record the current one. */
  #adopt(record: WorkflowRecord): void {
    this.#workflows.set(record.workflowId, record);
    this.#waiting.remove(record.workflowId);
    this.#logger.info("workflow placed", {
      workflow: record.workflowId,
      domains: [...new Set([...record.placements.values()].map(({ domainId }) => domainId))],
    });
  }

  /** Takes components out of a record that no longer exist; the workflow is then placed again where needed. */
  async #dropPlacements(workflowId: Uuid, gone: ReadonlySet<Uuid>): Promise<void> {
    const record = this.#workflows.get(workflowId);
    if (record === undefined) return;
    const left = [...record.placements].filter(([, { logicalId }]) => !gone.has(logicalId));
    if (left.length === record.placements.size) return;
    const changed = { ...record, placements: new Map(left) };
    await this.#store.saveWorkflow(changed, []);
    this.#workflows.set(workflowId, changed);
    await this.#placeAgain(workflowId);
  }

  /** Drops all placements made in a domain under a nonce: what it ran then is gone or will be reset. */
  async #disown(domainId: string, nonce: bigint): Promise<void> {
    const affected = [...this.#workflows.values()].filter(({ placements }) =>
      [...placements.values()].some((item) => item.domainId === domainId && item.nonce === nonce),
    );
    await Promise.all(
      affected.map(({ workflowId }) =>
        this.#workflowQueue.run(workflowId, async () => {
          const record = this.#workflows.get(workflowId);
          if (record === undefined) return;
          const left = [...record.placements].filter(
            ([, item]) => item.domainId !== domainId || item.nonce !== nonce,
          );
          const changed = { ...record, placements: new Map(left) };
          await this.#store.saveWorkflow(changed, []);
          this.#workflows.set(workflowId, changed);
        }),
      ),
    );
  }

  async #forget({ domainId, nonce }: Domain): Promise<void> {
    await this.#disown(domainId, nonce);
    if (this.#domains.all.get(domainId)?.presence !== "away") return;
    const debts = this.#ledger.debtsOf(domainId);
    await this.#domains.forget(domainId, debts.map(forgetDebt));
    this.#ledger.settle(debts);
    this.#reports.forget(domainId);
  }

  #tick(): void {
    if (this.#closed) return;
    const nowMs = this.#clock.monotonicMs();
    const graceMs = graceAfterStandstill(nowMs - this.#tickDueMs);
    if (graceMs > 0) this.#graceUntilMs = nowMs + graceMs;
    const lost = nowMs < this.#graceUntilMs ? [] : this.#domains.expire();
    this.#attendAll(lost.length > 0);
    this.#ledger.tick();
    for (const domain of this.#domains.forgettable()) {
      this.#domainQueue
        .run(domain.domainId, () => this.#forget(domain))
        .catch((error: unknown) => this.#logger.error("a domain could not be forgotten", { error }));
    }
    this.#tickDueMs = nowMs + TICK_MS;
    this.#timer = this.#clock.setTimer(TICK_MS, () => this.#tick());
  }

  /** Places each workflow that does not run, in the order of their ids. @param atOnce do not wait for the next try */
  #attendAll(atOnce: boolean): void {
    if (this.#closed) return;
    if (atOnce) this.#changes++;
    const due = [...this.#workflows.values()].filter(
      (record) =>
        !this.#isRunning(record) &&
        this.#workflowQueue.isIdle(record.workflowId) &&
        (atOnce || this.#waiting.isDue(record.workflowId)),
    );
    due.sort((a, b) => (a.workflowId < b.workflowId ? -1 : 1));
    for (const { workflowId } of due) void this.#background(workflowId, () => this.#placeAgain(workflowId));
  }

  async #place(record: WorkflowRecord): Promise<PlacementResult> {
    const startedMs = this.#clock.monotonicMs();
    const result = await placeSomewhere(record, this.#context, this.#calledOff(record.workflowId));
    this.#options.meter.deployed(result.ok, (this.#clock.monotonicMs() - startedMs) / 1000);
    return result;
  }

  async #placeAgain(workflowId: Uuid): Promise<void> {
    const record = this.#workflows.get(workflowId);
    if (record === undefined || this.#isRunning(record)) return;
    const changes = this.#changes;
    const result = await this.#place(record);
    if (result.ok) {
      this.#adopt(result.record);
      return;
    }
    const reason = describeRefusals(result.refusals, DOMAINS_IN_SUMMARY);
    if (this.#waiting.failed(workflowId, reason, changes !== this.#changes))
      this.#logger.warn("workflow waits for a domain", { workflow: workflowId, reason });
  }

  async #background(workflowId: Uuid, task: () => Promise<void>): Promise<void> {
    try {
      await this.#workflowQueue.run(workflowId, task);
    } catch (error) {
      this.#logger.error("work on a workflow failed", { workflow: workflowId, reason: reasonOf(error) });
    }
  }

  #describe(record: WorkflowRecord): WorkflowInstance {
    return describeInstance(record, this.#domains.all, this.#waiting.reasonOf(record.workflowId));
  }

  #isRunning(record: WorkflowRecord): boolean {
    return componentNames(deployedWorkflow(record)).every((name) => {
      const placement = record.placements.get(name);
      return placement !== undefined && isLive(placement, this.#domains.all);
    });
  }

  #calledOff(workflowId: Uuid): () => string | undefined {
    return () => {
      if (this.#closed) return "the controller is stopping";
      return this.#stopping.has(workflowId) ? "the workflow is being stopped" : undefined;
    };
  }

  #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(ms, resolve);
      work.then(() => resolve(), reject).finally(() => timer.cancel());
    });
  }
}

/** Where the components of a workflow should be once one of them has moved. */
function domainsAfter({ workflow, placements }: WorkflowRecord, component: string, domainId: string) {
  const domains = new Map<string, string>();
  for (const name of componentNames(workflow)) {
    const now = placements.get(name)?.domainId;
    if (now !== undefined) domains.set(name, now);
  }
  return domains.set(component, domainId);
}

function refusal<T>(summary: string, detail?: string): Result<T> {
  return { ok: false, error: detail === undefined ? { summary } : { summary, detail } };
}
