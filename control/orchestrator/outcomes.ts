import type { InstanceId } from "../../core/instance-id.js";
import type { Agenda } from "./agenda.js";
import type { Command, IssuedCommand, Outcome } from "./commands.js";
import type { ComponentLifecycle } from "./component-lifecycle.js";
import type { NodeRecord } from "./node-record.js";
import type { NodeRegistry } from "./node-registry.js";

type CommandOf<T extends Command["type"]> = Extract<Command, { readonly type: T }>;

/** What follows from the answers of nodes, and from their silence. */
export class Outcomes {
  readonly #agenda: Agenda;
  readonly #components: ComponentLifecycle;
  readonly #registry: NodeRegistry;

  constructor(agenda: Agenda, components: ComponentLifecycle, registry: NodeRegistry) {
    this.#agenda = agenda;
    this.#components = components;
    this.#registry = registry;
  }

  /** A command ended, or its time did. */
  take(issued: IssuedCommand, outcome: Outcome, nowMs: number): void {
    const node = this.#agenda.tables.nodes.get(issued.nodeId);
    if (node?.plan.current?.token !== issued.token) {
      if (node !== undefined) this.#takeStale(node, issued, outcome, nowMs);
      return;
    }
    const { plan } = node;
    plan.current = undefined;
    plan.uncertain.delete(issued.token);
    this.#agenda.ready.add(node.nodeId);
    if (outcome.type === "unanswered") this.#registry.suspect(node, outcome.reason, nowMs);
    else this.#registry.answered(node);
    const { command } = issued;
    if (command.type === "start") this.#started(node, issued, command, outcome, nowMs);
    else if (command.type === "patch") this.#patched(node, command, outcome, nowMs);
    else if (command.type === "stop") this.#stopped(node, command, outcome, nowMs);
    else if (command.type === "reset") this.#wasReset(node, outcome, nowMs);
    else this.#peerTold(node, command, outcome, nowMs);
    this.#agenda.wakeAt(plan.nextDueMs(nowMs));
  }

  /** The end of a call that had been given up, or that belongs to an earlier process of the node. */
  #takeStale(node: NodeRecord, issued: IssuedCommand, outcome: Outcome, nowMs: number): void {
    const { command } = issued;
    if (command.type === "stop" && outcome.type === "done") this.#stopped(node, command, outcome, nowMs);
    if (command.type !== "start") return;
    const uncertain = node.plan.uncertain.get(issued.token);
    if (outcome.type !== "unanswered" || !outcome.isOpen) node.plan.uncertain.delete(issued.token);
    const instance = outcome.type === "done" ? outcome.instance : undefined;
    const component = this.#agenda.tables.components.get(command.logicalId);
    if (instance !== undefined) {
      const isWanted =
        component !== undefined &&
        component.instance === undefined &&
        component.start === undefined &&
        issued.session === node.plan.session &&
        !node.plan.stops.has(instance.functionId);
      if (isWanted) this.#components.placed(component, node, this.#onNode(node, command, instance), nowMs);
      else this.#stopOrphan(node, command, instance, component?.classKey ?? uncertain ?? "");
    }
    this.#agenda.reviewClass(uncertain ?? "");
  }

  #started(
    node: NodeRecord,
    issued: IssuedCommand,
    command: CommandOf<"start">,
    outcome: Outcome,
    nowMs: number,
  ): void {
    const component = this.#agenda.tables.components.get(command.logicalId);
    const classKey = component?.classKey ?? "";
    if (outcome.type === "unanswered" && outcome.isOpen) node.plan.uncertain.set(issued.token, classKey);
    if (outcome.type !== "done") {
      if (component?.start?.nodeId === node.nodeId) {
        const reason = outcome.type === "refused" ? `refused: ${outcome.reason}` : outcome.reason;
        this.#components.notPlaced(component, node.nodeId, reason);
      }
      return;
    }
    if (outcome.instance === undefined) return;
    const isForeign = command.spawn.kind === "function" && outcome.instance.nodeId !== node.nodeId;
    if (component?.start?.nodeId !== node.nodeId || isForeign) {
      this.#stopOrphan(node, command, outcome.instance, classKey);
      if (component?.start?.nodeId === node.nodeId)
        this.#components.notPlaced(
          component,
          node.nodeId,
          `answered as another node, ${outcome.instance.nodeId}`,
        );
      return;
    }
    this.#components.placed(component, node, this.#onNode(node, command, outcome.instance), nowMs);
  }

  #patched(node: NodeRecord, command: CommandOf<"patch">, outcome: Outcome, nowMs: number): void {
    const component = this.#agenda.tables.components.get(command.logicalId);
    if (component?.instance?.functionId !== command.source) return;
    component.isPatching = false;
    this.#agenda.toWire.add(component.logicalId);
    component.wiring = outcome.type === "done" ? command.wiring : undefined;
    if (outcome.type === "refused") {
      component.refusedWiring = command.wiring;
      node.plan.delay(`patch:${command.logicalId}`, nowMs);
      this.#warn(node, "patch", outcome.reason);
    } else if (outcome.type === "done") {
      component.refusedWiring = undefined;
      node.plan.undelay(`patch:${command.logicalId}`);
    }
  }

  #stopped(node: NodeRecord, command: CommandOf<"stop">, outcome: Outcome, nowMs: number): void {
    const { functionId } = command.instance;
    if (outcome.type === "refused") {
      node.plan.delay(`stop:${functionId}`, nowMs);
      this.#warn(node, "stop", outcome.reason);
    }
    if (outcome.type !== "done") return;
    const planned = node.plan.stops.get(functionId);
    node.plan.stops.delete(functionId);
    node.plan.undelay(`stop:${functionId}`);
    this.#agenda.effects.stops.add(functionId);
    this.#agenda.reviewClass(planned?.classKey ?? "");
  }

  #wasReset(node: NodeRecord, outcome: Outcome, nowMs: number): void {
    if (outcome.type === "done") {
      node.plan.resetDue = false;
      this.#agenda.effects.nodes.add(node.nodeId);
      const classes = node.plan.untilReset;
      node.plan.untilReset = [];
      for (const classKey of classes) this.#agenda.reviewClass(classKey);
    }
    if (outcome.type === "refused") {
      node.plan.delay("reset:", nowMs);
      this.#warn(node, "reset", outcome.reason);
    }
  }

  #peerTold(node: NodeRecord, command: CommandOf<"peer">, outcome: Outcome, nowMs: number): void {
    const { update } = command;
    const { table, nodeId } = node;
    table.end(update, nodeId, outcome.type === "done");
    if (outcome.type === "refused") {
      table.delays.delay(update.nodeId, nowMs);
      this.#warn(node, "update of its peers", outcome.reason);
    }
    if (!table.isBehind) this.#registry.wake(table);
  }

  /** Nobody waits for this instance any more. */
  #stopOrphan(node: NodeRecord, command: CommandOf<"start">, instance: InstanceId, classKey: string): void {
    this.#agenda.planStop(node, { instance, kind: command.spawn.kind, classKey });
  }

  /** The reference overwrites the node id in the answer of a resource. */
  #onNode(node: NodeRecord, command: CommandOf<"start">, instance: InstanceId): InstanceId {
    return command.spawn.kind === "function" ? instance : { ...instance, nodeId: node.nodeId };
  }

  #warn(node: NodeRecord, what: string, reason: string): void {
    this.#agenda.logger.warn(`a node refused a ${what}; it will be repeated`, {
      nodeId: node.nodeId,
      reason,
    });
  }
}
