import type { NodeUpdate, Patch, Result } from "../../core/api.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { graceAfterStandstill } from "../../core/standstill.js";
import type { Uuid } from "../../core/uuid.js";
import { Agenda, type DecisionTimes } from "./agenda.js";
import type { IssuedCommand, Outcome, Spawn } from "./commands.js";
import { ComponentLifecycle } from "./component-lifecycle.js";
import { type ComponentRecord, NO_WIRING } from "./component-record.js";
import type { DomainTables } from "./domain-tables.js";
import { type Effects, noEffects } from "./effects.js";
import { nextCommand } from "./next-command.js";
import { NodeRegistry } from "./node-registry.js";
import type { Strategy } from "./node-selection.js";
import { Outcomes } from "./outcomes.js";
import { Placer } from "./placer.js";
import type { SavedState } from "./saved-state.js";
import { wiringOf } from "./wiring.js";

/** What a reconciler needs; no clock, no network, no storage. */
export interface ReconcilerOptions {
  readonly tables: DomainTables;
  readonly strategy: Strategy;
  readonly times: DecisionTimes;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Decides what an ε-ORC does. Every input takes the monotonic time and changes the tables; what follows from it is
 * collected as {@link Effects}. The same inputs with the same randomness give the same effects.
 */
export class Reconciler {
  readonly #agenda: Agenda;
  readonly #components: ComponentLifecycle;
  readonly #registry: NodeRegistry;
  readonly #outcomes: Outcomes;
  #token = 0;

  constructor({ tables, strategy, times, random, logger }: ReconcilerOptions) {
    this.#agenda = new Agenda(tables, times, random, logger);
    this.#components = new ComponentLifecycle(this.#agenda, new Placer(tables, strategy, random));
    this.#registry = new NodeRegistry(this.#agenda, this.#components);
    this.#outcomes = new Outcomes(this.#agenda, this.#components, this.#registry);
  }

  /** Grows with each start: tells components accepted before a moment from those after it. */
  get sequence(): number {
    return this.#components.sequence;
  }

  /** When {@link tick} is due; Infinity: nothing waits for time. */
  get wakeMs(): number {
    return this.#agenda.wakeMs;
  }

  /** Takes back what was kept over a restart. */
  restore(saved: SavedState, nowMs: number): void {
    const { tables } = this.#agenda;
    for (const nodeId of saved.cordoned) tables.cordoned.add(nodeId);
    for (const node of saved.nodes) this.#registry.restore(node, nowMs);
    for (const component of saved.components) this.#components.restore(component);
    for (const stop of saved.stops) {
      const node = tables.nodes.get(stop.instance.nodeId);
      if (node !== undefined) node.plan.stops.set(stop.instance.functionId, stop);
      else this.#agenda.effects.stops.add(stop.instance.functionId);
    }
    this.#settle(nowMs);
  }

  /** @param wallMs Unix milliseconds, to read the deadline of the node */
  updateNode(update: NodeUpdate, nowMs: number, wallMs: number): Result<void> {
    const result = this.#registry.update(update, nowMs, wallMs);
    this.#settle(nowMs);
    return result;
  }

  /** First start of a component; the answer is an effect under `requestId`. */
  start(requestId: number, spawn: Spawn, nowMs: number): void {
    this.#components.start(requestId, spawn, nowMs);
    this.#settle(nowMs);
  }

  stop(logicalId: Uuid, nowMs: number): void {
    this.#components.stop(logicalId);
    this.#settle(nowMs);
  }

  patch(patch: Patch<Uuid>, nowMs: number): void {
    this.#components.patch(patch);
    this.#settle(nowMs);
  }

  /** Ends every component accepted up to `sequence`. */
  reset(sequence: number, nowMs: number): void {
    this.#components.reset(sequence);
    this.#settle(nowMs);
  }

  /** Intent of a delegated orchestrator: move a component; the answer is the node it moves to. */
  migrate(logicalId: Uuid, targets: readonly Uuid[], nowMs: number): Result<Uuid> {
    const result = this.#components.migrate(logicalId, targets, nowMs);
    this.#settle(nowMs);
    return result;
  }

  /** Intent of a delegated orchestrator: a node takes nothing new, or takes again. */
  cordon(nodeId: Uuid, isCordoned: boolean, nowMs: number): Result<void> {
    const result = this.#registry.cordon(nodeId, isCordoned);
    this.#settle(nowMs);
    return result;
  }

  /** How a command ended; told a second time when an open call ends after its time. */
  settleCommand(issued: IssuedCommand, outcome: Outcome, nowMs: number): void {
    this.#outcomes.take(issued, outcome, nowMs);
    this.#settle(nowMs);
  }

  portOpen(url: string, session: number, nowMs: number): void {
    this.#registry.portOpen(url, session);
    this.#settle(nowMs);
  }

  /** What follows from the passing of time. */
  tick(nowMs: number): void {
    const { tables, unplaced, ready, wakeMs } = this.#agenda;
    const graceMs = graceAfterStandstill(Number.isFinite(wakeMs) ? nowMs - wakeMs : 0);
    for (const node of [...tables.nodes.values()]) {
      if (graceMs > 0) node.expiresAtMs = Math.max(node.expiresAtMs, nowMs + graceMs);
      if (node.expiresAtMs <= nowMs) this.#registry.remove(node, "did not refresh in time");
      else ready.add(node.nodeId);
    }
    for (const logicalId of [...unplaced]) {
      const component = tables.components.get(logicalId);
      if (component !== undefined) this.#components.checkTimes(component, nowMs);
    }
    this.#agenda.reviewUnplaced();
    this.#settle(nowMs);
    this.#agenda.wakeMs = this.#nextDueMs(nowMs);
  }

  /** Hands over what is to be done; each effect is handed over once. */
  takeEffects(nowMs: number): Effects {
    const { effects, ready, tables } = this.#agenda;
    for (const nodeId of ready) {
      const node = tables.nodes.get(nodeId);
      if (node === undefined || !node.seen) continue;
      const { plan } = node;
      if (plan.current !== undefined) continue;
      if (plan.retryAtMs > nowMs) {
        this.#agenda.wakeAt(plan.retryAtMs);
        continue;
      }
      const command = nextCommand(node, tables, nowMs);
      if (command === undefined) {
        this.#agenda.wakeAt(Math.min(plan.nextDueMs(nowMs), node.table.delays.nextDueMs(nowMs)));
        continue;
      }
      const { facts, sharedAgentUrl } = node;
      const { agentUrl } = facts;
      const { session } = plan;
      plan.current = { token: ++this.#token, nodeId, session, agentUrl, sharedAgentUrl, command };
      this.#markIssued(plan.current);
      effects.commands.push(plan.current);
    }
    ready.clear();
    this.#agenda.effects = noEffects();
    return effects;
  }

  #markIssued({ nodeId, command }: IssuedCommand): void {
    const node = this.#agenda.tables.nodes.get(nodeId);
    if (command.type === "peer") node?.table.begin(command.update.nodeId, nodeId);
    if (command.type !== "start" && command.type !== "patch") return;
    const component = this.#agenda.tables.components.get(command.logicalId);
    const plan = node?.plan;
    if (command.type === "start") {
      plan?.starts.delete(command.logicalId);
      if (component?.start !== undefined) component.start.issued = true;
    } else {
      plan?.patches.delete(command.logicalId);
      if (component !== undefined) component.isPatching = true;
    }
  }

  /** Carries a change to its end: places, then wires, then ends what was replaced. */
  #settle(nowMs: number): void {
    const { tables, toPlace, toWire, retiring } = this.#agenda;
    while (toPlace.size > 0) {
      for (const logicalId of toPlace) {
        toPlace.delete(logicalId);
        const component = tables.components.get(logicalId);
        if (component !== undefined) this.#components.place(component, nowMs);
      }
    }
    for (const logicalId of toWire) {
      const component = tables.components.get(logicalId);
      if (component !== undefined) this.#wire(component);
    }
    toWire.clear();
    for (const logicalId of [...retiring]) {
      const component = tables.components.get(logicalId);
      if (component !== undefined) this.#components.checkRetiring(component, nowMs);
      else retiring.delete(logicalId);
    }
  }

  /** Plans a patch when the wiring of an instance is not the wanted one. */
  #wire(component: ComponentRecord): void {
    const { instance, logicalId } = component;
    const node = instance && this.#agenda.tables.nodes.get(instance.nodeId);
    if (node === undefined || component.isPatching) return;
    const { plan } = node;
    const wanted = wiringOf(component, this.#agenda.tables);
    const isFirst = component.wiring === NO_WIRING && wanted.text !== NO_WIRING;
    if (wanted.text === component.wiring || (wanted.isPassing && !isFirst)) {
      plan.patches.delete(logicalId);
      return;
    }
    if (component.refusedWiring !== wanted.text) plan.undelay(`patch:${logicalId}`);
    plan.patches.add(logicalId);
    this.#agenda.ready.add(node.nodeId);
  }

  #nextDueMs(nowMs: number): number {
    const { tables, unplaced, retiring } = this.#agenda;
    let due = Number.POSITIVE_INFINITY;
    const sooner = (ms: number) => {
      if (ms < due) due = ms;
    };
    for (const { expiresAtMs, plan } of tables.nodes.values()) {
      sooner(expiresAtMs);
      sooner(plan.nextDueMs(nowMs));
    }
    for (const { delays } of tables.peerTables) sooner(delays.nextDueMs(nowMs));
    for (const logicalId of unplaced) {
      const component = tables.components.get(logicalId);
      if (component === undefined || component.start?.issued === true) continue;
      if (component.waiter !== undefined) sooner(component.waiter.deadlineMs);
      if (component.start === undefined && component.retryAtMs > 0) sooner(component.retryAtMs);
    }
    for (const logicalId of retiring)
      sooner(tables.components.get(logicalId)?.retiring?.deadlineMs ?? Number.POSITIVE_INFINITY);
    return Math.max(due, nowMs + 1);
  }
}
