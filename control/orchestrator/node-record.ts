import type { NodeCapabilities, PlacementNode } from "../../core/capabilities.js";
import type { ResourceProvider } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import type { NodePlan } from "./node-plan.js";
import type { PeerTable } from "./peer-table.js";

/** What a node announced about itself; may change while it runs. */
export interface NodeFacts {
  readonly agentUrl: string;
  readonly invocationUrl: string;
  readonly capabilities: NodeCapabilities;
  readonly resourceProviders: readonly ResourceProvider[];
}

/** A registered node. */
export interface NodeRecord {
  readonly nodeId: Uuid;
  nonce: bigint;
  /** Nonce of the process before: its late messages are refused. */
  formerNonce: bigint | undefined;
  facts: NodeFacts;
  /** What placement may use of it; follows from the facts, the cordon and the owners of provider ids. */
  placement: PlacementNode;
  /** How long one refresh lasts, milliseconds. */
  lifetimeMs: number;
  /** Monotonic time at which it counts as lost. */
  expiresAtMs: number;
  /** False: known from before a restart of the ε-ORC, not heard of since. */
  seen: boolean;
  /** True for the nodes of this project, which tell their instances. */
  reportsInstances: boolean;
  /** Why it is avoided although registered; undefined when it is not. */
  suspicion: string | undefined;
  /** What its process is to be told about peers. */
  table: PeerTable;
  /** Where a gateway serves its agent beside those of others; undefined: it speaks for itself. */
  sharedAgentUrl: string | undefined;
  /** Reports received. */
  reports: number;
  /** Logical ids of the components placed on it, by instance. */
  readonly instances: Map<Uuid, Uuid>;
  /** Last reported state of instances. */
  statuses: ReadonlyMap<Uuid, InstanceStatus>;
  /** Instances in the last report that nobody knows. */
  strangers: ReadonlySet<Uuid>;
  plan: NodePlan;
}

/** True when new components may be placed on it, as far as its reachability is concerned. */
export function isUsable(node: NodeRecord, nowMs: number): boolean {
  return node.seen && node.suspicion === undefined && node.plan.retryAtMs <= nowMs;
}

/** True when both describe the same node. */
export function sameFacts(a: NodeFacts, b: NodeFacts): boolean {
  return (
    a.agentUrl === b.agentUrl &&
    a.invocationUrl === b.invocationUrl &&
    JSON.stringify([a.capabilities, a.resourceProviders]) ===
      JSON.stringify([b.capabilities, b.resourceProviders])
  );
}

/** What placement may use of a node. */
export function placementOf(
  nodeId: Uuid,
  facts: NodeFacts,
  isCordoned: boolean,
  ownedProviders: readonly ResourceProvider[],
): PlacementNode {
  const { capabilities } = facts;
  return {
    nodeId,
    labels: capabilities.labels,
    runtimes: capabilities.runtimes,
    isTeeRunning: capabilities.isTeeRunning,
    hasTpm: capabilities.hasTpm,
    acceptsFunctions: !isCordoned && capabilities.numCpus > 0 && capabilities.numCores > 0,
    acceptsResources: !isCordoned,
    providers: ownedProviders.map(({ providerId, classType }) => ({ providerId, classType })),
  };
}
