import type { DomainCapabilities, NodeCapabilities, PlacementNode } from "./capabilities.js";
import type { Event } from "./event.js";
import type { NodeHealth } from "./health.js";
import type { InstanceId } from "./instance-id.js";
import type { PerformanceSamples } from "./samples.js";
import type { ResourceProvider, ResourceSpecification, SpawnFunctionRequest } from "./specification.js";
import type { ComponentStatus, InstanceStatus } from "./status.js";
import type { Uuid } from "./uuid.js";
import type { Workflow, WorkflowInfo, WorkflowInstance } from "./workflow.js";

/*
 * The services of the EDGELESS API as interfaces. A component implements those it serves; `grpc-api` carries them
 * over the network in both directions. A refusal by logic is a value; a failure to reach or understand the other
 * side is a thrown EdgelessError.
 */

/** A refusal, in words for a person. Proto message `ResponseError`. */
export interface ResponseError {
  readonly summary: string;
  readonly detail?: string;
}

/** Outcome of a request that can be refused. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ResponseError };

/** Complete output wiring of one component; it replaces the former one. Proto message `PatchRequest`. */
export interface Patch<Id> {
  readonly source: Uuid;
  /** Output channel to target. */
  readonly outputs: ReadonlyMap<string, Id>;
}

/** Starting, stopping and wiring of functions and resources, with the ids of a node or of an ε-ORC. */
export interface ComponentApi<Id> {
  startFunction(request: SpawnFunctionRequest): Promise<Result<Id>>;
  /** Idempotent: an unknown id is not an error. */
  stopFunction(id: Id): Promise<void>;
  patchFunction(patch: Patch<Id>): Promise<void>;
  startResource(specification: ResourceSpecification): Promise<Result<Id>>;
  stopResource(id: Id): Promise<void>;
  patchResource(patch: Patch<Id>): Promise<void>;
}

/** A change of a node's table of peers. Proto message `UpdatePeersRequest`. */
export type PeerUpdate =
  | { readonly type: "add"; readonly nodeId: Uuid; readonly invocationUrl: string }
  | { readonly type: "delete"; readonly nodeId: Uuid }
  | { readonly type: "clear" };

/** What an ε-ORC can ask of a node, be it a full node or the gateway's stand-in for a device. */
export interface Agent extends ComponentApi<InstanceId> {
  updatePeers(update: PeerUpdate): Promise<void>;
  /** Stops all functions and resources; keeps the peers. */
  reset(): Promise<void>;
}

/** What an ε-CON can ask of an ε-ORC; ids are logical. */
export type OrchestratorApi = ComponentApi<Uuid>;

/** Registration, keep-alive and report of a node. Proto message `UpdateNodeRequest`. */
export interface NodeUpdate {
  readonly nodeId: Uuid;
  readonly agentUrl: string;
  readonly invocationUrl: string;
  readonly resourceProviders: readonly ResourceProvider[];
  readonly capabilities: NodeCapabilities;
  /** Unix seconds, unsigned 64 bits; in the past: the node leaves. */
  readonly refreshDeadline: bigint;
  /** Unsigned 64 bits, drawn once per process start. */
  readonly nonce: bigint;
  readonly health: NodeHealth;
  readonly samples: PerformanceSamples;
  /** Every instance on the node; absent from a Rust node, which does not report them. */
  readonly instances?: readonly InstanceStatus[];
  /** Absent from a node that speaks for itself. */
  readonly gateway?: NodeGateway;
}

/** A process that stands for many nodes, with one table of peers for all of them. Proto message `NodeGateway`. */
export interface NodeGateway {
  /** Unsigned 64 bits; another one means that it lost its peers. */
  readonly nonce: bigint;
  /** Where the agents of all its nodes are reached too, told apart by the authority of the agent URL that is meant. */
  readonly agentUrl: string;
}

/** Served by an ε-ORC for nodes. */
export interface NodeRegistrationApi {
  updateNode(update: NodeUpdate): Promise<Result<void>>;
}

/** Registration and keep-alive of a domain. Proto message `UpdateDomainRequest`. */
export interface DomainUpdate {
  readonly domainId: string;
  readonly orchestratorUrl: string;
  readonly capabilities: DomainCapabilities;
  /** Unix seconds, unsigned 64 bits; in the past: the domain leaves. */
  readonly refreshDeadline: bigint;
  /** Unsigned 64 bits, one more at each change of the capabilities. */
  readonly counter: bigint;
  /** Unsigned 64 bits; another one means that the ε-ORC lost its components. */
  readonly nonce: bigint;
  /** The nodes behind the aggregate; absent from a Rust ε-ORC. */
  readonly nodes?: readonly PlacementNode[];
  /** State of every component; absent from a Rust ε-ORC. */
  readonly components?: readonly ComponentStatus[];
  /** Capabilities and nodes are left out: they are those that the ε-CON keeps under the same counter and nonce. */
  readonly isSameOffer?: boolean;
}

/** Answer to a {@link DomainUpdate}. */
export interface DomainUpdateAnswer {
  /** True: drop every component you manage. */
  readonly reset: boolean;
  /**
   * True: the ε-CON reads nodes and components, and keeps what is offered. Not true after an update with the same offer: it
   * was not taken, because the offer is not known. Absent from a Rust ε-CON.
   */
  readonly keepsOffer?: boolean;
}

/** Served by an ε-CON for ε-ORCs. */
export interface DomainRegistrationApi {
  updateDomain(update: DomainUpdate): Promise<Result<DomainUpdateAnswer>>;
}

/** Moves a workflow, or one component of it, to a domain. Proto message `MigrateWorkflowRequest`. */
export interface Migration {
  readonly workflowId: Uuid;
  readonly domainId: string;
  /** Empty: the whole workflow. */
  readonly component: string;
}

/** Served by an ε-CON for clients. */
export interface WorkflowApi {
  start(workflow: Workflow): Promise<Result<WorkflowInstance>>;
  /** Idempotent: an unknown id is not an error. */
  stop(workflowId: Uuid): Promise<void>;
  list(): Promise<readonly Uuid[]>;
  /** @throws EdgelessError EDGELESS_UNKNOWN_WORKFLOW */
  inspect(workflowId: Uuid): Promise<WorkflowInfo>;
  /** All domains when `domainId` is empty; an unknown one gives an empty map. */
  domains(domainId: string): Promise<ReadonlyMap<string, DomainCapabilities>>;
  migrate(migration: Migration): Promise<Result<WorkflowInstance>>;
}

/** Served by a node for its peers. */
export interface InvocationApi {
  /**
   * Takes an event for an instance on this node; only enqueues, never waits for the instance.
   * @throws EdgelessError EDGELESS_UNKNOWN_INSTANCE when the event is for another node
   */
  handle(event: Event): void;
}
