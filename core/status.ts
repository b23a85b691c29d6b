import type { InstanceId } from "./instance-id.js";
import type { Uuid } from "./uuid.js";

/**
 * Where a component stands.
 * `pending`: nothing fits, started as soon as something does; `starting`: accepted, not yet initialised; `running`;
 * `crashed`: ended by itself, started again after a back-off; `failed`: its code cannot run here, not tried again;
 * `unknown`: the peer reported a state that this version has no word for. The component exists, nothing more is known.
 */
export type ComponentState = "pending" | "starting" | "running" | "crashed" | "failed" | "unknown";

/** State of one instance on a node, reported with each refresh. An extension of this project. */
export interface InstanceStatus {
  readonly functionId: Uuid;
  readonly state: ComponentState;
  /** How often it was started again since it was placed. */
  readonly restarts: number;
  /** Why it is not running; empty when it is. */
  readonly reason: string;
}

/** State of one logical component, reported by an ε-ORC with each refresh. An extension of this project. */
export interface ComponentStatus {
  readonly logicalId: Uuid;
  readonly state: ComponentState;
  /** Where it runs; absent while pending. */
  readonly instance?: InstanceId;
  readonly restarts: number;
  readonly reason: string;
}
