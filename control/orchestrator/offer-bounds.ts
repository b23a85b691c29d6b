import type { DomainReport } from "./domain-report.js";

/** Bytes of an update that any ε-CON takes, whatever it reads of it: one of the reference takes messages of 4 MiB. */
const SMALL_BYTES = 1024 * 1024;
/** Bytes of a node beside its names, and of a component. */
const NODE_BYTES = 100;
const COMPONENT_BYTES = 500;

/** True when an update is small enough for any ε-CON. */
export function isSmall({ nodes = [], components = [] }: DomainReport): boolean {
  let bytes = COMPONENT_BYTES * components.length;
  for (const { labels, providers } of nodes) {
    bytes += NODE_BYTES;
    for (const label of labels) bytes += label.length;
    for (const { providerId, classType } of providers) bytes += providerId.length + classType.length;
  }
  return bytes < SMALL_BYTES;
}

/** What an ε-CON of the reference reads of an update. */
export function readByReference(report: DomainReport): DomainReport {
  const { nodes: _nodes, components: _components, ...rest } = report;
  return rest;
}
