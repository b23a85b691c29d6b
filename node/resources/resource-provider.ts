import type { Clock } from "../../core/clock.js";
import type { EventMetadata } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { StringMap } from "../../core/specification.js";

/** What describes a resource class to a user: printed by `edgeless node --available-resources`. */
export interface ResourceClass {
  readonly classType: string;
  readonly version: string;
  readonly outputs: readonly string[];
  /** Run-time configuration keys and what they mean. */
  readonly configurations: ReadonlyMap<string, string>;
  readonly description: string;
}

/** What an instance of a resource may use. */
export interface ResourceContext {
  readonly id: InstanceId;
  readonly workflowId: string;
  readonly logger: Logger;
  /** Sends a cast; never waits. Events without a cause carry {@link METADATA_NONE}. */
  cast(target: InstanceId, payload: string, metadata: EventMetadata): void;
  /** Sends a call and waits for its outcome; never rejects. */
  call(target: InstanceId, payload: string, metadata: EventMetadata): Promise<CallOutcome>;
}

/** A cast or call as a resource sees it. */
export interface ResourceEvent {
  readonly type: "cast" | "call";
  readonly payload: string;
  readonly source: InstanceId;
  readonly metadata: EventMetadata;
}

/** The answer to a call: a text, nothing, or an error. */
export type ResourceAnswer =
  | { readonly type: "call-ret"; readonly payload: string }
  | { readonly type: "call-no-ret" }
  | { readonly type: "err" };

/** How an outgoing call ended: with an answer (`err` also when the callee or the caller is gone) or without one in time. */
export type CallOutcome = ResourceAnswer | { readonly type: "timeout" };

/** One running resource. */
export interface ResourceInstance {
  /**
   * Handles one event; called in the order of arrival. The answer is ignored for casts. A rejection is logged, counted
   * and, for a call, answered with `err`.
   */
  handle(event: ResourceEvent): Promise<ResourceAnswer>;
  /**
   * Replaces the output wiring.
   * @throws EdgelessError EDGELESS_REJECTED when a channel that the class needs is missing
   */
  patch(outputs: ReadonlyMap<string, InstanceId>): void;
  /** Frees everything; events still being handled may end in a rejection. */
  stop(): Promise<void>;
}

/** What a provider of connections to servers works with. */
export interface ConnectingProviderParts {
  readonly providerId: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The same, of one whose events wait while a connection is interrupted. */
export interface PatientProviderParts extends ConnectingProviderParts {
  /** How long they wait, milliseconds; the class has a default. */
  readonly patienceMs?: number;
}

/** Makes instances of one resource class on a node. */
export interface ResourceProviderHost {
  readonly providerId: string;
  readonly resourceClass: ResourceClass;
  /** How many events of one instance may be handled at a time; 1: strictly one after the other. */
  readonly concurrency: number;
  /** @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG naming the key and the reason */
  start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance>;
  /** Frees what the instances share; all of them are stopped already. */
  close(): Promise<void>;
}
