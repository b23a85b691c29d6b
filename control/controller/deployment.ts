import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { NIL_UUID } from "../../core/uuid.js";
import { type ControllerStore, forgetDebt, keepDebt } from "./controller-store.js";
import type { Debt } from "./debt.js";
import { type Goal, type PatchStep, patchesOf, planDeployment, type StartStep } from "./deployment-plan.js";
import type { Domain } from "./domain.js";
import type { CallFailure, OrchestratorLink } from "./orchestrator-link.js";
import { isLive, mayRun, type Placement } from "./placement.js";
import type { StopLedger } from "./stop-ledger.js";
import { deployedWorkflow, type WorkflowRecord } from "./workflow-record.js";

/** What a deployment works with. */
export interface DeploymentContext {
  readonly store: ControllerStore;
  readonly ledger: StopLedger;
  readonly logger: Logger;
  /** The domains as they are at the moment of the call. */
  domains(): ReadonlyMap<string, Domain>;
  /** The link to a domain that is there now. */
  linkOf(domainId: string): OrchestratorLink | undefined;
}

/** How a deployment ended. */
export type Outcome =
  | { readonly ok: true; readonly record: WorkflowRecord }
  | { readonly ok: false; readonly failure: DeploymentFailure };

/** Why nothing changed. */
export interface DeploymentFailure {
  readonly domainId: string;
  /** One sentence that names the component. */
  readonly reason: string;
  /** True when nothing is wrong with the domain: it refused, or the deployment was called off. */
  readonly answered: boolean;
}

/**
 * Brings a workflow to its goal: starts what is missing there (functions, then resources, in the order of the
 * request), wires it, commits the new placements to the store, then has the former ones stopped. A failure before the
 * commit has everything stopped that was started; the former placements stay as they were.
 * @param calledOff asked between the steps; a sentence ends the deployment as a failure
 */
export async function deploy(
  record: WorkflowRecord,
  goal: Goal,
  context: DeploymentContext,
  calledOff: () => string | undefined,
): Promise<Outcome> {
  return await new Deployment(record, context, calledOff).run(goal);
}

class Deployment {
  readonly #record: WorkflowRecord;
  readonly #context: DeploymentContext;
  readonly #calledOff: () => string | undefined;
  readonly #started: Placement[] = [];
  readonly #held: Promise<void>[] = [];

  constructor(record: WorkflowRecord, context: DeploymentContext, calledOff: () => string | undefined) {
    this.#record = record;
    this.#context = context;
    this.#calledOff = calledOff;
  }

  async run({ assignment, crossings }: Goal): Promise<Outcome> {
    const { placements: before } = this.#record;
    const workflow = deployedWorkflow({ ...this.#record, crossings });
    const runs = (placement: Placement) => isLive(placement, this.#context.domains());
    const plan = planDeployment(workflow, assignment, before, runs);
    for (const step of plan.starts) {
      const failure = await this.#start(step);
      if (failure !== undefined) return await this.#rollBack(failure);
    }
    const placements = new Map(plan.kept);
    for (const placement of this.#started) placements.set(placement.component, placement);
    const patches = patchesOf(workflow, placements, plan.kept);
    const unpatched = await this.#patchAll(patches);
    const record = { ...this.#record, crossings, placements };
    const failure = unpatched ?? (await this.#commit(record, plan.obsolete));
    if (failure === undefined) return { ok: true, record };
    const outcome = await this.#rollBack(failure);
    await this.#restoreWiring(plan.kept, placements);
    return outcome;
  }

  async #start(step: StartStep): Promise<DeploymentFailure | undefined> {
    const { kind, domainId } = step;
    const { name } = step.item;
    const fail = (reason: string, answered: boolean) => ({
      domainId,
      answered,
      reason: `component ${name}: ${reason}`,
    });
    const off = this.#calledOff();
    if (off !== undefined) return fail(off, true);
    const domain = this.#context.domains().get(domainId);
    const link = this.#context.linkOf(domainId);
    if (domain === undefined || link === undefined) return fail("the domain went away", false);
    const stateId = this.#record.stateIds.get(name) ?? NIL_UUID;
    const state = { stateId, policy: "node-local" } as const;
    const result = await link.start(step, state, this.#record.workflowId);
    if (!result.ok) {
      this.#warnOfUnknownOutcome(result.failure, name, domain);
      return fail(result.failure.reason, result.failure.answered);
    }
    const placement = { component: name, kind, domainId, nonce: domain.nonce, logicalId: result.value };
    this.#started.push(placement);
    const held = this.#context.ledger.hold(placement);
    // Awaited before the commit; until then a failure must not count as unhandled.
    held.catch(() => undefined);
    this.#held.push(held);
    if (!mayRun(placement, this.#context.domains())) return fail("the domain restarted meanwhile", false);
    return undefined;
  }

  async #patchAll(steps: readonly PatchStep[]): Promise<DeploymentFailure | undefined> {
    const failures = await Promise.all(steps.map((step) => this.#patch(step)));
    return failures.find((failure) => failure !== undefined);
  }

  async #patch({ domainId, kind, patch }: PatchStep): Promise<DeploymentFailure | undefined> {
    const off = this.#calledOff();
    if (off !== undefined) return { domainId, reason: off, answered: true };
    const link = this.#context.linkOf(domainId);
    if (link === undefined) return { domainId, reason: "the domain went away", answered: false };
    const result = await link.patch(kind, patch);
    if (result.ok) return undefined;
    return {
      domainId,
      reason: `wiring the outputs failed: ${result.failure.reason}`,
      answered: result.failure.answered,
    };
  }

  async #commit(
    record: WorkflowRecord,
    obsolete: readonly Placement[],
  ): Promise<DeploymentFailure | undefined> {
    const { store, ledger } = this.#context;
    const domains = this.#context.domains();
    const toStop: readonly Debt[] = obsolete.filter((placement) => mayRun(placement, domains));
    try {
      await Promise.all(this.#held);
      await store.saveWorkflow(record, [...this.#started.map(forgetDebt), ...toStop.map(keepDebt)]);
    } catch (error) {
      return { domainId: "", reason: reasonOf(error), answered: true };
    }
    ledger.settle(this.#started);
    ledger.enter(toStop);
    for (const domainId of new Set(toStop.map((debt) => debt.domainId))) void ledger.pay(domainId);
    return undefined;
  }

  /** Waits for the stops only where the domain answers: a hung one must not hold up whoever waits for the outcome. */
  async #rollBack(failure: DeploymentFailure): Promise<Outcome> {
    const { ledger } = this.#context;
    ledger.release(this.#started);
    const domains = [...new Set(this.#started.map(({ domainId }) => domainId))];
    const payments = domains.map((domainId) => ({ domainId, payment: ledger.pay(domainId) }));
    for (const { domainId, payment } of payments)
      if (this.#context.linkOf(domainId)?.responsive) await payment;
    return { ok: false, failure };
  }

  async #restoreWiring(
    kept: ReadonlyMap<string, Placement>,
    attempted: ReadonlyMap<string, Placement>,
  ): Promise<void> {
    const ids = new Set([...kept.values()].map(({ logicalId }) => logicalId));
    const former = patchesOf(deployedWorkflow(this.#record), this.#record.placements, attempted);
    await this.#patchAll(former.filter(({ patch }) => ids.has(patch.source)));
  }

  #warnOfUnknownOutcome(failure: CallFailure, component: string, domain: Domain): void {
    if (failure.answered || domain.components !== undefined) return;
    const { logger } = this.#context;
    logger.warn("a start without an answer: the ε-ORC does not report what runs, so it may be left there", {
      workflow: this.#record.workflowId,
      component,
      domain: domain.domainId,
      reason: failure.reason,
    });
  }
}
