import type { Uuid } from "./uuid.js";

/** What a node can do. Proto message `NodeCapabilities`. */
export interface NodeCapabilities {
  /** Logical CPUs. */
  readonly numCpus: number;
  readonly modelNameCpu: string;
  /** CPU frequency in MHz. */
  readonly clockFreqCpu: number;
  /** Physical cores. */
  readonly numCores: number;
  /** MiB. */
  readonly memSize: number;
  readonly labels: readonly string[];
  readonly isTeeRunning: boolean;
  readonly hasTpm: boolean;
  /** Run-times, compared with {@link FunctionClass.functionType}. */
  readonly runtimes: readonly string[];
  /** MiB. */
  readonly diskTotSpace: number;
  readonly numGpus: number;
  readonly modelNameGpu: string;
  /** MiB. */
  readonly memSizeGpu: number;
}

/** What a missing capabilities message means: nothing at all, so no functions are placed there. */
export const NO_CAPABILITIES: NodeCapabilities = {
  numCpus: 0,
  modelNameCpu: "",
  clockFreqCpu: 0,
  numCores: 0,
  memSize: 0,
  labels: [],
  isTeeRunning: false,
  hasTpm: false,
  runtimes: [],
  diskTotSpace: 0,
  numGpus: 0,
  modelNameGpu: "",
  memSizeGpu: 0,
};

/** Aggregate of the nodes of a domain. Proto message `DomainCapabilities`. */
export interface DomainCapabilities {
  readonly numNodes: number;
  readonly numCpus: number;
  readonly numCores: number;
  /** MiB. */
  readonly memSize: number;
  readonly labels: readonly string[];
  /** Nodes with a trusted execution environment. */
  readonly numTee: number;
  readonly numTpm: number;
  readonly runtimes: readonly string[];
  /** MiB. */
  readonly diskTotSpace: number;
  readonly numGpus: number;
  /** MiB. */
  readonly memSizeGpu: number;
  readonly resourceProviders: readonly string[];
  readonly resourceClasses: readonly string[];
}

/** A domain without nodes. */
export const NO_DOMAIN_CAPABILITIES: DomainCapabilities = {
  numNodes: 0,
  numCpus: 0,
  numCores: 0,
  memSize: 0,
  labels: [],
  numTee: 0,
  numTpm: 0,
  runtimes: [],
  diskTotSpace: 0,
  numGpus: 0,
  memSizeGpu: 0,
  resourceProviders: [],
  resourceClasses: [],
};

/**
 * One node as a placement decision sees it: all that deployment requirements can ask for.
 * An ε-ORC of this project reports these to its ε-CON; the Rust one reports only the aggregate.
 */
export interface PlacementNode {
  readonly nodeId: Uuid;
  readonly labels: readonly string[];
  readonly runtimes: readonly string[];
  readonly isTeeRunning: boolean;
  readonly hasTpm: boolean;
  /** False when it has no CPU to run functions or is cordoned. */
  readonly acceptsFunctions: boolean;
  /** False when it is cordoned. */
  readonly acceptsResources: boolean;
  readonly providers: readonly ResourceOffer[];
}

/** A resource provider on a node, as placement sees it. */
export interface ResourceOffer {
  readonly providerId: string;
  readonly classType: string;
}
