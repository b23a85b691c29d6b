import type { EventData, EventMetadata } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
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
  /** Sends a call and waits for its answer; `err` when the callee is gone or does not answer in time. */
  call(target: InstanceId, payload: string, metadata: EventMetadata): Promise<EventData>;
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

/** One running resource. */
export interface ResourceInstance {
  /**
   * Handles one event. The host awaits it before the next one unless the class is concurrent. The answer is ignored for
   * casts. A rejection is logged and answered with `err`.
   */
  handle(event: ResourceEvent): Promise<ResourceAnswer>;
  /**
   * Replaces the output wiring.
   * @throws EdgelessError EDGELESS_REJECTED when a channel that the class needs is missing
   */
  patch(outputs: ReadonlyMap<string, InstanceId>): void;
  stop(): Promise<void>;
}

/** Makes instances of one resource class on a node. */
export interface ResourceProviderHost {
  readonly providerId: string;
  readonly resourceClass: ResourceClass;
  /** True: the host may hand over the next event before the last one is handled. */
  readonly concurrent: boolean;
  /** @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG naming the key and the reason */
  start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance>;
  close(): Promise<void>;
}
