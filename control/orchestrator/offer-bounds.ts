import type { DomainCapabilities } from "../../core/capabilities.js";
import type { DomainReport } from "./domain-subscriber.js";

/** Bytes of the names that an ε-CON is told which may take messages of 4 MiB only, as the reference does. */
const MOST_NAME_BYTES = 1024 * 1024;
/** Bytes that a name takes beside its text. */
const NAME_FRAME_BYTES = 4;
/** Labels that an ε-CON needs to find its portals. */
const PORTAL_LABEL = "portal-";

/** True when an update is small enough for any ε-CON, whatever it reads of it. */
export function isSmall({ capabilities, nodes = [], components = [] }: DomainReport): boolean {
  const names = bytesOf(capabilities.labels) + bytesOf(capabilities.resourceProviders);
  // A node is told with its labels and providers again, a component with a few ids and a reason.
  return 3 * names + 100 * nodes.length + 500 * components.length < MOST_NAME_BYTES;
}

/**
 * What an ε-CON of the reference reads of an update, and no more of the labels and providers than fit its messages: they are
 * shown to people there, but decide nothing.
 */
export function boundedReport(report: DomainReport): DomainReport {
  const { nodes: _nodes, components: _components, ...rest } = report;
  const { labels, resourceProviders } = report.capabilities;
  const portals = labels.filter((label) => label.startsWith(PORTAL_LABEL));
  const others = labels.filter((label) => !label.startsWith(PORTAL_LABEL));
  const capabilities: DomainCapabilities = {
    ...report.capabilities,
    labels: firstOf([...portals, ...others]).sort(),
    resourceProviders: firstOf(resourceProviders),
  };
  return { ...rest, capabilities };
}

function bytesOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length + NAME_FRAME_BYTES, 0);
}

function firstOf(names: readonly string[]): string[] {
  let bytes = 0;
  return names.filter((name) => {
    // At most three bytes for each UTF-16 unit.
    bytes += 3 * name.length + NAME_FRAME_BYTES;
    return bytes <= MOST_NAME_BYTES;
  });
}
