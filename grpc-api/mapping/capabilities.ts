import {
  type DomainCapabilities,
  NO_CAPABILITIES,
  NO_DOMAIN_CAPABILITIES,
  type NodeCapabilities,
  type PlacementNode,
} from "../../core/capabilities.js";
import type * as proto from "../generated/messages.js";
import { required, uuidField } from "./field.js";
import { fromFloat32, toUint32 } from "./number.js";

/** Writes `NodeCapabilities`. */
export function nodeCapabilitiesToMessage(capabilities: NodeCapabilities): proto.NodeCapabilities {
  return {
    ...capabilities,
    numCpus: toUint32(capabilities.numCpus),
    numCores: toUint32(capabilities.numCores),
    memSize: toUint32(capabilities.memSize),
    diskTotSpace: toUint32(capabilities.diskTotSpace),
    numGpus: toUint32(capabilities.numGpus),
    memSizeGpu: toUint32(capabilities.memSizeGpu),
  };
}

/** Reads `NodeCapabilities`; absent means none. */
export function nodeCapabilitiesFromMessage(message: proto.NodeCapabilities | undefined): NodeCapabilities {
  if (message === undefined) return NO_CAPABILITIES;
  return { ...message, clockFreqCpu: fromFloat32(message.clockFreqCpu) };
}

/** Writes `DomainCapabilities`. */
export function domainCapabilitiesToMessage(capabilities: DomainCapabilities): proto.DomainCapabilities {
  return {
    ...capabilities,
    numNodes: toUint32(capabilities.numNodes),
    numCpus: toUint32(capabilities.numCpus),
    numCores: toUint32(capabilities.numCores),
    memSize: toUint32(capabilities.memSize),
    numTee: toUint32(capabilities.numTee),
    numTpm: toUint32(capabilities.numTpm),
    diskTotSpace: toUint32(capabilities.diskTotSpace),
    numGpus: toUint32(capabilities.numGpus),
    memSizeGpu: toUint32(capabilities.memSizeGpu),
  };
}

/** Reads `DomainCapabilities`; absent means none. */
export function domainCapabilitiesFromMessage(
  message: proto.DomainCapabilities | undefined,
): DomainCapabilities {
  return message ?? NO_DOMAIN_CAPABILITIES;
}

/** Writes a `DomainCapabilitiesList`. */
export function domainsToMessage(
  domains: ReadonlyMap<string, DomainCapabilities>,
): proto.DomainCapabilitiesList {
  const entries = [...domains].map(([domainId, capabilities]) => ({
    domainId,
    domainCapabilities: domainCapabilitiesToMessage(capabilities),
  }));
  return { domainCapabilities: entries };
}

/** Reads a `DomainCapabilitiesList`, every entry of which must be complete. */
export function domainsFromMessage(
  message: proto.DomainCapabilitiesList,
): ReadonlyMap<string, DomainCapabilities> {
  const domains = new Map<string, DomainCapabilities>();
  for (const { domainId, domainCapabilities } of message.domainCapabilities) {
    domains.set(domainId, required(domainCapabilities, "DomainCapabilitiesEntry.domain_capabilities"));
  }
  return domains;
}

/** Writes a `PlacementNode`, an extension. */
export function placementNodeToMessage(node: PlacementNode): proto.PlacementNode {
  return { ...node };
}

/** Reads a `PlacementNode`, an extension. */
export function placementNodeFromMessage(message: proto.PlacementNode): PlacementNode {
  return { ...message, nodeId: uuidField(message.nodeId, "PlacementNode.node_id") };
}
