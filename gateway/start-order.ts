import type { Uuid } from "../core/uuid.js";
import type { InstanceRecord } from "./instance-record.js";

/**
 * The order in which the instances of a device are started: receivers before those that send to them, so that nothing is
 * sent to what is not there yet. A circle is cut at its oldest member.
 */
export function startOrder<T extends Pick<InstanceRecord, "functionId" | "outputs">>(
  nodeId: Uuid,
  instances: readonly T[],
): T[] {
  const byId = new Map(instances.map((instance) => [instance.functionId, instance]));
  const visited = new Set<T>();
  const ordered: T[] = [];
  const visit = (instance: T) => {
    if (visited.has(instance)) return;
    visited.add(instance);
    for (const { target } of instance.outputs) {
      const receiver = target.nodeId === nodeId ? byId.get(target.functionId) : undefined;
      if (receiver !== undefined) visit(receiver);
    }
    ordered.push(instance);
  };
  for (const instance of instances) visit(instance);
  return ordered;
}
