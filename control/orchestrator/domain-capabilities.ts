import type { DomainCapabilities } from "../../core/capabilities.js";
import type { NodeRecord } from "./node-record.js";

/** The largest value of the fields on the wire. */
const UINT32_MAX = 0xffffffff;

/**
 * What a domain offers: sums that saturate and unions over its nodes. Run-times and resource classes are offered only
 * by nodes that take new components, because they decide whether workflows come at all.
 */
export function aggregateCapabilities(nodes: Iterable<NodeRecord>): DomainCapabilities {
  const sums = { numNodes: 0, numCpus: 0, numCores: 0, memSize: 0, numTee: 0, numTpm: 0 };
  const more = { diskTotSpace: 0, numGpus: 0, memSizeGpu: 0 };
  const labels = new Set<string>();
  const runtimes = new Set<string>();
  const resourceProviders = new Set<string>();
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
  const sorted = (names: Set<string>) => [...names].sort();
  return {
    ...sums,
    ...more,
    labels: sorted(labels),
    runtimes: sorted(runtimes),
    resourceProviders: sorted(resourceProviders),
    resourceClasses: sorted(resourceClasses),
  };
}
