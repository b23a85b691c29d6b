import type { InstanceId } from "../../core/instance-id.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import type { KnownPeer } from "./peer-table.js";

/** The two kinds of components of a workflow. */
export type ComponentKind = "function" | "resource";

/** Which stop an instance needs; `any`: only its id is known. */
export type StopKind = ComponentKind | "any";

/** What a component is started with; never changes. */
export type Spawn =
  | { readonly kind: "function"; readonly request: SpawnFunctionRequest }
  | { readonly kind: "resource"; readonly specification: ResourceSpecification };

/** One request to the agent of a node. */
export type Command =
  | { readonly type: "reset" }
  | { readonly type: "peer"; readonly update: KnownPeer }
  | { readonly type: "stop"; readonly kind: StopKind; readonly instance: InstanceId }
  | { readonly type: "start"; readonly logicalId: Uuid; readonly spawn: Spawn }
  | {
      readonly type: "patch";
      readonly logicalId: Uuid;
      readonly kind: ComponentKind;
      readonly source: Uuid;
      readonly outputs: ReadonlyMap<string, InstanceId>;
      /** Canonical text of the outputs, to compare wirings. */
      readonly wiring: string;
    };

/** A command under way; every one is settled exactly once with an {@link Outcome}. */
export interface IssuedCommand {
  readonly token: number;
  readonly nodeId: Uuid;
  /** Registration of the node that the command belongs to; another one means that the node lost its state since. */
  readonly session: number;
  readonly agentUrl: string;
  /** Where the agent is reached over a connection that others use too. */
  readonly sharedAgentUrl: string | undefined;
  readonly command: Command;
}

/** How a command ended. */
export type Outcome =
  | { readonly type: "done"; readonly instance?: InstanceId }
  /** The node answered and said no. */
  | { readonly type: "refused"; readonly reason: string }
  /** The node could not be reached or did not answer in time; the command may have been carried out. */
  | {
      readonly type: "unanswered";
      readonly reason: string;
      /** The answer may still come; how the call really ended will be told later. */
      readonly isOpen: boolean;
    };
