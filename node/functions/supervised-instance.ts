import type { Timer } from "../../core/clock.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { RetrySchedule } from "../../core/retry-schedule.js";
import type { StateSpecification } from "../../core/specification.js";
import type { ComponentState } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import type { EventQueue } from "./event-queue.js";
import type { HostPort } from "./host-port.js";

/** A host and how many instances it has. */
export interface HostSlot {
  readonly port: HostPort;
  /** True: for instances that misbehaved. */
  readonly isPenalty: boolean;
  instances: number;
}

/** What an {@link InstanceSupervisor} knows of one instance, through all its lives. */
export interface SupervisedInstance {
  readonly functionId: Uuid;
  /** Undefined while it is being prepared. */
  module: WebAssembly.Module | undefined;
  readonly initPayload: string | undefined;
  readonly state: StateSpecification;
  readonly schedule: RetrySchedule;
  /** Casts that wait for the next life. */
  readonly waiting: EventQueue;
  /** Undefined until it is wired for the first time. */
  outputs: ReadonlyMap<string, InstanceId> | undefined;
  /** Where it lives; undefined between two lives. */
  host: HostSlot | undefined;
  status: ComponentState;
  reason: string;
  restarts: number;
  /** Failed instantiations in a row. */
  failedStarts: number;
  misbehaved: boolean;
  /** Since when it is initialised in this life, on the monotonic clock. */
  runningSinceMs: number | undefined;
  restart: Timer | undefined;
  /** Called when it is gone; present while it is being stopped. */
  onGone: (() => void)[] | undefined;
}
