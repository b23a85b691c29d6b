import type { LogLevel } from "../../core/log.js";
import type { Uuid } from "../../core/uuid.js";
import type { LossReason } from "../../grpc-api/data-plane/loss-reason.js";

/** How an instance ended. */
export type ExitStatus = "ok" | "internal-error" | "code-error";

/** Why an event was lost. */
export type DropReason =
  | LossReason
  | "mailbox-full"
  | "unmapped-output"
  | "worker-queue-full"
  | "timers-full"
  | "instance-stopped"
  | "handler-failed";

/**
 * What instances report about themselves (EDGELESS telemetry events). `kind` is the function_type of a function or the
 * class_type of a resource; durations are in seconds.
 */
export interface Telemetry {
  /** An instance is to live on the node; `className` is the id of its function class, or its class_type. */
  accepted(id: Uuid, kind: string, className: string): void;
  /** The instance is gone for good: nothing more is reported of it. */
  released(id: Uuid): void;
  instantiated(id: Uuid, kind: string, seconds: number): void;
  initialised(id: Uuid, kind: string, seconds: number): void;
  /** From the creation of an event at its sender to the start of its handling; never negative. */
  transferred(id: Uuid, kind: string, seconds: number): void;
  executed(id: Uuid, kind: string, event: "cast" | "call", seconds: number): void;
  stopped(id: Uuid, kind: string, seconds: number): void;
  exited(id: Uuid, kind: string, status: ExitStatus): void;
  /** Events, answers included, that the instance sent since it last reported them. */
  sent(id: Uuid, count: number): void;
  /** A log line of a function. */
  logged(id: Uuid, level: LogLevel, target: string, message: string): void;
  /** Events that were lost, and why. @param id the instance that they were for, or that could not send them */
  dropped(reason: DropReason, count: number, id?: Uuid): void;
}
