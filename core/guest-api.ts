import type { EventMetadata } from "./event.js";
import type { InstanceId } from "./instance-id.js";
import type { LogLevel } from "./log.js";

/*
 * The two services between a node and a function that runs outside it, in a container. Messages are text, as in
 * events; what is not valid UTF-8 on the wire arrives with U+FFFD in its place. States are bytes.
 */

/** What came of a call. Proto message `CallReturn`. */
export type CallOutcome =
  | { readonly type: "reply"; readonly payload: string }
  | { readonly type: "no-reply" }
  | { readonly type: "err" };

/** First message to a function. Proto message `BootData`. */
export interface GuestBoot {
  /** URL of the node's {@link GuestHostApi}. */
  readonly hostUrl: string;
  /** The function's own id; it names itself with it. */
  readonly instance: InstanceId;
}

/** Proto message `FunctionInstanceInit`. */
export interface GuestInit {
  readonly payload: string;
  /** What the function handed over with `sync` in a former life; absent when there is nothing. */
  readonly state?: Uint8Array;
}

/** An event for a function. Proto message `InputEventData`. */
export interface GuestInput {
  readonly source: InstanceId;
  readonly payload: string;
}

/** Served by a function in a container. Proto service `GuestAPIFunction`. */
export interface GuestFunctionApi {
  boot(boot: GuestBoot): Promise<void>;
  init(init: GuestInit): Promise<void>;
  cast(input: GuestInput): Promise<void>;
  call(input: GuestInput): Promise<CallOutcome>;
  /** Clean up; the function ends afterwards. */
  stop(): Promise<void>;
}

/** An event that a function emits on an output channel. Proto message `OutputEventData`. */
export interface GuestOutput {
  readonly originator: InstanceId;
  /** Output channel, or `self`. */
  readonly channel: string;
  readonly payload: string;
}

/** An event that a function emits to an instance. Proto message `OutputEventDataRaw`. */
export interface GuestRawOutput {
  readonly originator: InstanceId;
  readonly target: InstanceId;
  readonly payload: string;
}

/** Proto message `DelayedEventData`. */
export interface GuestDelayedOutput extends GuestOutput {
  /** Milliseconds. */
  readonly delayMs: number;
  /** Carried, but not used by a Rust node. */
  readonly metadata: EventMetadata;
}

/** Proto message `TelemetryLogEvent`. */
export interface GuestLog {
  readonly originator: InstanceId;
  readonly level: LogLevel;
  readonly target: string;
  readonly message: string;
}

/** Proto message `SyncData`. */
export interface GuestState {
  readonly originator: InstanceId;
  readonly state: Uint8Array;
}

/** Served by a node for its functions in containers. Proto service `GuestAPIHost`. */
export interface GuestHostApi {
  cast(output: GuestOutput): Promise<void>;
  castRaw(output: GuestRawOutput): Promise<void>;
  call(output: GuestOutput): Promise<CallOutcome>;
  callRaw(output: GuestRawOutput): Promise<CallOutcome>;
  telemetryLog(log: GuestLog): Promise<void>;
  /** A Rust node always answers the none instance: a function knows its id from boot. */
  slf(): Promise<InstanceId>;
  delayedCast(output: GuestDelayedOutput): Promise<void>;
  sync(state: GuestState): Promise<void>;
}
