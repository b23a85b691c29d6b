import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Uuid } from "../../core/uuid.js";
import type { InstanceEnd, InstanceStart } from "./instance-environment.js";

/** A host of instances, on this thread or on another one. Requests take effect in the order they are made. */
export interface HostPort {
  start(start: InstanceStart): void;
  /** The end is reported; an unknown instance is ignored. */
  stop(functionId: Uuid): void;
  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void;
  /** Takes an event for one of the host's instances; a call that cannot be delivered is answered with `err`. */
  deliver(event: Event): void;
  /** Ends all instances at once, without their stop handlers, and frees what the host holds. */
  close(): Promise<void>;
}

/** What a host reports to its owner. */
export interface HostReports {
  /** The instance is initialised and handles events. */
  initialised(functionId: Uuid): void;
  ended(end: InstanceEnd): void;
  /** An event for an instance that is not on this host; never throws. */
  send(event: Event): void;
}
