import type { ComponentStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import type { ComponentRecord } from "./component-record.js";
import type { DomainTables } from "./domain-tables.js";

/** State of a component as its ε-CON is told. */
export function statusOf(component: ComponentRecord, tables: DomainTables): ComponentStatus {
  const { logicalId, instance, start, reason } = component;
  if (instance === undefined) {
    const state = start === undefined ? "pending" : "starting";
    return { logicalId, state, restarts: 0, reason: state === "pending" ? reason : "" };
  }
  const node = tables.nodes.get(instance.nodeId);
  const reported = node?.statuses.get(instance.functionId);
  if (reported !== undefined) {
    const { state, restarts } = reported;
    return { logicalId, state, instance, restarts, reason: reported.reason };
  }
  const isAwaited = node?.reportsInstances === true && component.spawn.kind === "function";
  return { logicalId, state: isAwaited ? "starting" : "running", instance, restarts: 0, reason: "" };
}

/** State of every component that was accepted. */
export function statusesOf(tables: DomainTables): ComponentStatus[] {
  const statuses: ComponentStatus[] = [];
  for (const component of tables.components.values())
    if (component.waiter === undefined) statuses.push(statusOf(component, tables));
  return statuses;
}

/** Whether the instance of a component is about to get outputs that it has not yet. */
export function isBeingWired(logicalId: Uuid, tables: DomainTables): boolean {
  const component = tables.components.get(logicalId);
  if (component?.instance === undefined || component.refusedWiring !== undefined) return false;
  return (
    component.isPatching || tables.nodes.get(component.instance.nodeId)?.plan.patches.has(logicalId) === true
  );
}
