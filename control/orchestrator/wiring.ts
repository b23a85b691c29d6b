import type { InstanceId } from "../../core/instance-id.js";
import type { ComponentRecord } from "./component-record.js";
import type { DomainTables } from "./domain-tables.js";

/** The outputs of a component in the ids of the nodes. */
export interface Wiring {
  readonly outputs: ReadonlyMap<string, InstanceId>;
  /** Canonical text, equal for equal outputs. */
  readonly text: string;
  /** A target is just being placed, so this wiring is about to change. */
  readonly isPassing: boolean;
}

/** The wiring a component should have now; channels whose target has no instance are left out. */
export function wiringOf(component: ComponentRecord, tables: DomainTables): Wiring {
  const outputs = new Map<string, InstanceId>();
  let text = "";
  let isPassing = false;
  for (const channel of [...component.outputs.keys()].sort()) {
    const logicalId = component.outputs.get(channel);
    const target = logicalId === undefined ? undefined : tables.components.get(logicalId);
    if (target === undefined) continue;
    if (target.instance === undefined) {
      if (target.start !== undefined || target.preferred !== undefined) isPassing = true;
      continue;
    }
    outputs.set(channel, target.instance);
    text += `${JSON.stringify(channel)}${target.instance.nodeId}/${target.instance.functionId};`;
  }
  return { outputs, text, isPassing };
}
