import type { Patch, ResponseError, Result } from "../../core/api.js";
import { parseRequirements, type RequirementsResult } from "../../core/deployment-requirements.js";
import type { InstanceId } from "../../core/instance-id.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import type { Agenda } from "./agenda.js";
import type { Spawn } from "./commands.js";
import { type ComponentRecord, createComponent, describeSpawn, NO_WIRING } from "./component-record.js";
import type { NodeRecord } from "./node-record.js";
import type { Placer } from "./placer.js";
import { badRequirement, noNodeFor, tooManyInstances } from "./refusals.js";
import type { SavedComponent } from "./saved-state.js";

/** Any first report is newer than the placement. */
const BEFORE_ALL_REPORTS = -2;

/** Components from their start to their end: where each one goes and which instance stands for it. */
export class ComponentLifecycle {
  readonly #agenda: Agenda;
  readonly #placer: Placer;
  #sequence = 0;

  constructor(agenda: Agenda, placer: Placer) {
    this.#agenda = agenda;
    this.#placer = placer;
  }

  /** Grows with each accepted start. */
  get sequence(): number {
    return this.#sequence;
  }

  /** First start; the answer follows as an effect under `requestId`. */
  start(requestId: number, spawn: Spawn, nowMs: number): void {
    const { tables, effects, times, random } = this.#agenda;
    const refuse = (error: ResponseError) => {
      effects.answers.push({ requestId, result: { ok: false, error } });
    };
    const parsed = parseSpawn(spawn);
    if (!parsed.ok) {
      refuse(badRequirement(spawn, parsed.key, parsed.reason));
      return;
    }
    const component = createComponent(
      {
        logicalId: randomUuid(random),
        sequence: ++this.#sequence,
        spawn,
        requirements: parsed.requirements,
        waiter: { requestId, deadlineMs: nowMs + times.startTimeoutMs },
      },
      random,
    );
    tables.add(component);
    const limit = tables.limitOf(component.classKey);
    const members = tables.membersOf(component.classKey).size;
    if (members > limit) {
      tables.remove(component);
      refuse(tooManyInstances(spawn, limit, `${members - 1} already exist in this domain`));
      return;
    }
    this.#agenda.unplaced.add(component.logicalId);
    this.#agenda.toPlace.add(component.logicalId);
    this.#agenda.wakeAt(nowMs + times.startTimeoutMs);
  }

  /** Takes back a component that was kept over a restart of the ε-ORC. */
  restore(saved: SavedComponent): void {
    const { tables, random, unplaced, toPlace, toWire, logger } = this.#agenda;
    const { logicalId, spawn, instance } = saved;
    const parsed = parseSpawn(spawn);
    if (!parsed.ok) {
      logger.error("a kept component is not valid any more", { logicalId, reason: parsed.reason });
      return;
    }
    const { requirements } = parsed;
    const sequence = ++this.#sequence;
    const component = createComponent(
      { logicalId, sequence, spawn, requirements, waiter: undefined },
      random,
    );
    component.home = saved.home;
    tables.add(component);
    tables.setOutputs(component, saved.outputs);
    if (saved.retiring !== undefined) this.#endInstance(component, saved.retiring);
    const node = instance && tables.nodes.get(instance.nodeId);
    if (instance !== undefined && node !== undefined) {
      component.instance = instance;
      component.placedAtReport = BEFORE_ALL_REPORTS;
      node.instances.set(instance.functionId, logicalId);
      component.wiring = undefined;
      toWire.add(logicalId);
    } else {
      unplaced.add(logicalId);
      toPlace.add(logicalId);
    }
  }

  /** Ends a component; an unknown id is not an error. */
  stop(logicalId: Uuid): void {
    const component = this.#agenda.tables.components.get(logicalId);
    if (component === undefined) this.#agenda.logger.debug("stop of an unknown component", { logicalId });
    else this.#dismiss(component);
  }

  /** Ends every component accepted up to `sequence`. */
  reset(sequence: number): void {
    const doomed = [...this.#agenda.tables.components.values()].filter((c) => c.sequence <= sequence);
    for (const component of doomed) {
      if (component.waiter !== undefined)
        this.#refuse(component, { summary: "the controller reset this domain" });
      else this.#dismiss(component);
    }
  }

  /** Replaces the outputs of a component. */
  patch({ source, outputs }: Patch<Uuid>): void {
    const component = this.#agenda.tables.components.get(source);
    if (component === undefined) {
      this.#agenda.logger.debug("patch of an unknown component", { logicalId: source });
      return;
    }
    this.#agenda.tables.setOutputs(component, new Map(outputs));
    this.#agenda.touch(component);
  }

  /** Moves a component to the first of the target nodes that fits; the refusal tells why nothing changes. */
  migrate(logicalId: Uuid, targets: readonly Uuid[], nowMs: number): Result<Uuid> {
    const { tables } = this.#agenda;
    const decline = (detail: string): Result<Uuid> => ({
      ok: false,
      error: { summary: "migration declined", detail },
    });
    const component = tables.components.get(logicalId);
    if (component === undefined) return decline(`component ${logicalId} is unknown`);
    if (targets.length === 0) return decline("no target is given");
    const source = component.instance?.nodeId;
    if (targets.every((target) => target === source)) return decline("it already runs there");
    if (component.start !== undefined || component.retiring !== undefined)
      return decline("it is just being started or moved");
    const reasons: string[] = [];
    for (const target of targets) {
      const node = tables.nodes.get(target);
      const why = node === undefined ? "is unknown" : this.#placer.whyNot(component, node, nowMs);
      if (node !== undefined && why === undefined && target !== source) {
        this.#move(component, node);
        return { ok: true, value: target };
      }
      reasons.push(`node ${target} ${why ?? "already hosts it"}`);
    }
    return decline(reasons.join("; "));
  }

  /** Looks for a node for a component without an instance. */
  place(component: ComponentRecord, nowMs: number): void {
    if (component.instance !== undefined || component.start !== undefined) return;
    if (component.retryAtMs > 0 && component.retryAtMs <= nowMs) {
      component.tried.clear();
      component.retryAtMs = 0;
    }
    if (this.#isClassFull(component)) {
      this.#setReason(component, "waits until an earlier instance of its class has ended (max_instances)");
      return;
    }
    const choice = this.#placer.choose(component, nowMs);
    if (choice.type === "node") {
      const node = this.#agenda.tables.nodes.get(choice.nodeId);
      if (node !== undefined) this.#queueStart(component, node);
      return;
    }
    const error = noNodeFor(component.spawn, this.#agenda.tables, choice.reasons);
    this.#setReason(component, error.detail ?? error.summary);
    if (component.waiter !== undefined) {
      if (!choice.isWaiting) this.#refuse(component, error);
      return;
    }
    component.preferred = undefined;
    for (const dependent of this.#agenda.tables.dependentsOf(component.logicalId))
      this.#agenda.toWire.add(dependent);
    if (component.tried.size > 0 && component.retryAtMs === 0) {
      component.retryAtMs = nowMs + component.retry.nextMs();
      this.#agenda.wakeAt(component.retryAtMs);
    }
  }

  /** What depends on time alone: the end of a first start's patience, the next round of a refused component. */
  checkTimes(component: ComponentRecord, nowMs: number): void {
    const { waiter, start } = component;
    if (waiter !== undefined && waiter.deadlineMs <= nowMs && start?.issued !== true) {
      const reasons = [component.reason === "" ? "no node answered in time" : component.reason];
      this.#refuse(component, noNodeFor(component.spawn, this.#agenda.tables, reasons));
    } else if (component.retryAtMs > 0 && component.retryAtMs <= nowMs) {
      this.#agenda.toPlace.add(component.logicalId);
    }
  }

  /** A node started an instance of a component. */
  placed(component: ComponentRecord, node: NodeRecord, instance: InstanceId, nowMs: number): void {
    const former = component.instance;
    if (former !== undefined) this.#retire(component, former, nowMs);
    component.instance = instance;
    component.placedAtReport = node.reports;
    node.instances.set(instance.functionId, component.logicalId);
    component.start = undefined;
    component.wiring = NO_WIRING;
    component.refusedWiring = undefined;
    component.isPatching = false;
    component.preferred = undefined;
    component.reason = "";
    component.tried.clear();
    component.retryAtMs = 0;
    component.retry.reset();
    if (component.spawn.kind === "function" && component.spawn.request.state.policy === "node-local")
      component.home = node.nodeId;
    this.#agenda.unplaced.delete(component.logicalId);
    if (component.waiter !== undefined) {
      const { requestId } = component.waiter;
      this.#agenda.effects.answers.push({ requestId, result: { ok: true, value: component.logicalId } });
      component.waiter = undefined;
    }
    this.#agenda.touch(component);
  }

  /** A start ended without an instance; another node is tried, or the former instance stays. */
  notPlaced(component: ComponentRecord, nodeId: Uuid, reason: string): void {
    component.start = undefined;
    if (component.instance !== undefined) {
      this.#agenda.logger.warn("migration failed; the component stays", {
        logicalId: component.logicalId,
        nodeId,
        reason,
      });
      component.tried.clear();
      this.#agenda.effects.isReportChanged = true;
      return;
    }
    component.tried.set(nodeId, reason);
    this.#agenda.logger.warn("a node did not start a component", {
      logicalId: component.logicalId,
      nodeId,
      reason,
    });
    this.#agenda.toPlace.add(component.logicalId);
  }

  /** A queued start will not be sent. */
  unqueue(component: ComponentRecord): void {
    component.start = undefined;
    if (component.instance === undefined) this.#agenda.toPlace.add(component.logicalId);
  }

  /** The instance of a component is gone; a new one is needed. */
  lost(component: ComponentRecord): void {
    const { instance } = component;
    if (instance === undefined) return;
    this.#agenda.tables.nodes.get(instance.nodeId)?.instances.delete(instance.functionId);
    component.instance = undefined;
    component.wiring = NO_WIRING;
    component.refusedWiring = undefined;
    component.isPatching = false;
    this.#agenda.unplaced.add(component.logicalId);
    this.#agenda.toPlace.add(component.logicalId);
    this.#agenda.touch(component);
  }

  /** Ends the former instance of a moved component once nobody sends to it any more. */
  checkRetiring(component: ComponentRecord, nowMs: number): void {
    const { retiring } = component;
    if (retiring === undefined) {
      this.#agenda.retiring.delete(component.logicalId);
      return;
    }
    const { tables } = this.#agenda;
    const senders = [...tables.dependentsOf(component.logicalId), component.logicalId];
    const isSentTo = senders.some((sender) => {
      const source = tables.components.get(sender);
      if (source?.instance === undefined) return false;
      const node = tables.nodes.get(source.instance.nodeId);
      return source.isPatching || node?.plan.patches.has(sender) === true;
    });
    if (isSentTo && nowMs < retiring.deadlineMs) return;
    this.#endRetiring(component);
  }

  /** A node that takes a component as soon as its turn comes. */
  #queueStart(component: ComponentRecord, node: NodeRecord): void {
    component.start = { nodeId: node.nodeId, issued: false };
    component.reason = "";
    node.plan.starts.add(component.logicalId);
    this.#agenda.ready.add(node.nodeId);
    this.#agenda.effects.isReportChanged = true;
  }

  #move(component: ComponentRecord, target: NodeRecord): void {
    const { tables } = this.#agenda;
    component.tried.clear();
    if (component.instance === undefined) {
      component.preferred = target.nodeId;
      this.#agenda.toPlace.add(component.logicalId);
    } else if (tables.liveOf(component.classKey) < tables.limitOf(component.classKey)) {
      this.#queueStart(component, target);
    } else {
      component.preferred = target.nodeId;
      const { instance } = component;
      this.lost(component);
      this.#endInstance(component, instance);
    }
  }

  #isClassFull(component: ComponentRecord): boolean {
    if (component.classKey === "") return false;
    const limit = this.#agenda.tables.limitOf(component.classKey);
    return limit !== Number.POSITIVE_INFINITY && this.#agenda.tables.liveOf(component.classKey) >= limit;
  }

  #retire(component: ComponentRecord, former: InstanceId, nowMs: number): void {
    this.#agenda.tables.nodes.get(former.nodeId)?.instances.delete(former.functionId);
    const deadlineMs = nowMs + this.#agenda.times.retireTimeoutMs;
    component.retiring = { instance: former, deadlineMs };
    this.#agenda.retiring.add(component.logicalId);
    this.#agenda.wakeAt(deadlineMs);
  }

  #endRetiring(component: ComponentRecord): void {
    const { retiring } = component;
    component.retiring = undefined;
    this.#agenda.retiring.delete(component.logicalId);
    if (retiring !== undefined) this.#endInstance(component, retiring.instance);
    this.#agenda.effects.components.add(component.logicalId);
  }

  #endInstance(component: ComponentRecord, instance: InstanceId): void {
    const node = this.#agenda.tables.nodes.get(instance.nodeId);
    node?.instances.delete(instance.functionId);
    const { kind } = component.spawn;
    if (node !== undefined) this.#agenda.planStop(node, { instance, kind, classKey: component.classKey });
    else this.#agenda.reviewClass(component.classKey);
  }

  #setReason(component: ComponentRecord, reason: string): void {
    if (component.reason === reason) return;
    component.reason = reason;
    this.#agenda.effects.isReportChanged = true;
    this.#agenda.logger.info(`${describeSpawn(component.spawn)} is pending`, {
      logicalId: component.logicalId,
      reason,
    });
  }

  #refuse(component: ComponentRecord, error: ResponseError): void {
    if (component.waiter !== undefined) {
      const { requestId } = component.waiter;
      this.#agenda.effects.answers.push({ requestId, result: { ok: false, error } });
    }
    this.#dismiss(component);
  }

  #dismiss(component: ComponentRecord): void {
    const { tables, unplaced, toPlace, toWire, effects } = this.#agenda;
    const { logicalId, start, instance } = component;
    for (const dependent of tables.dependentsOf(logicalId)) toWire.add(dependent);
    tables.remove(component);
    if (start !== undefined) {
      // A start under way is not recalled: its instance is stopped when the answer comes.
      const plan = tables.nodes.get(start.nodeId)?.plan;
      plan?.starts.delete(logicalId);
      if (start.issued && plan?.current !== undefined)
        plan.uncertain.set(plan.current.token, component.classKey);
    }
    this.#endRetiring(component);
    if (instance !== undefined) {
      tables.nodes.get(instance.nodeId)?.plan.patches.delete(logicalId);
      this.#endInstance(component, instance);
    }
    unplaced.delete(logicalId);
    toPlace.delete(logicalId);
    toWire.delete(logicalId);
    effects.components.add(logicalId);
    effects.isReportChanged = true;
    this.#agenda.reviewClass(component.classKey);
  }
}

function parseSpawn(spawn: Spawn): RequirementsResult {
  return parseRequirements(
    spawn.kind === "function" ? spawn.request.annotations : spawn.specification.configuration,
  );
}
