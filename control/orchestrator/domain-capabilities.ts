import type { DomainCapabilities, PlacementNode } from "../../core/capabilities.js";
import type { NodeRecord } from "./node-record.js";

/** What counts of a node. */
interface OfferingNode {
  readonly facts: Pick<NodeRecord["facts"], "capabilities">;
  readonly placement: PlacementNode;
}

/** The largest value of the fields on the wire. */
const UINT32_MAX = 0xffffffff;

/**
 * Characters of the labels, and of the provider ids, that are told. They are shown to people; where a component goes follows
 * from the run-times and classes, and from what single nodes have.
 */
const MOST_NAME_CHARACTERS = 128 * 1024;
/** Labels that an ε-CON needs to find its portals. */
const PORTAL_LABEL = "portal-";

/**
 * What a domain offers: sums that saturate and unions over its nodes. Run-times and resource classes are offered only
 * by nodes that take new components, because they decide whether workflows come at all. Of thousands of labels and provider
 * ids only the first are told.
 */
export function aggregateCapabilities(nodes: Iterable<OfferingNode>): DomainCapabilities {
  const sums = { numNodes: 0, numCpus: 0, numCores: 0, memSize: 0, numTee: 0, numTpm: 0 };
  const more = { diskTotSpace: 0, numGpus: 0, memSizeGpu: 0 };
  const labels = new BoundedNames();
  const runtimes = new Set<string>();
  const resourceProviders = new BoundedNames();
  const resourceClasses = new Set<string>();
  const add = (a: number, b: number) => Math.min(UINT32_MAX, a + b);
  for (const { facts, placement } of nodes) {
    const { capabilities } = facts;
    sums.numNodes = add(sums.numNodes, 1);
    sums.numCpus = add(sums.numCpus, capabilities.numCpus);
    sums.numCores = add(sums.numCores, capabilities.numCores);
    sums.memSize = add(sums.memSize, capabilities.memSize);
    sums.numTee = add(sums.numTee, capabilities.isTeeRunning ? 1 : 0);
    sums.numTpm = add(sums.numTpm, capabilities.hasTpm ? 1 : 0);
    more.diskTotSpace = add(more.diskTotSpace, capabilities.diskTotSpace);
    more.numGpus = add(more.numGpus, capabilities.numGpus);
    more.memSizeGpu = add(more.memSizeGpu, capabilities.memSizeGpu);
    for (const label of placement.labels) labels.add(label);
    if (placement.acceptsFunctions) for (const runtime of placement.runtimes) runtimes.add(runtime);
    if (!placement.acceptsResources) continue;
    for (const { providerId, classType } of placement.providers) {
      resourceProviders.add(providerId);
      resourceClasses.add(classType);
    }
  }
  const sorted = (names: Iterable<string>) => [...names].sort();
  return {
    ...sums,
    ...more,
    labels: sorted(labels.names),
    runtimes: sorted(runtimes),
    resourceProviders: sorted(resourceProviders.names),
    resourceClasses: sorted(resourceClasses),
  };
}

/** The first of many names, and those of portals. */
class BoundedNames {
  readonly names = new Set<string>();
  #characters = 0;

  add(name: string): void {
    if (this.#characters > MOST_NAME_CHARACTERS && !name.startsWith(PORTAL_LABEL)) return;
    if (this.names.has(name)) return;
    this.names.add(name);
    this.#characters += name.length;
  }
}
