import type {
  CallOutcome,
  GuestBoot,
  GuestDelayedOutput,
  GuestInit,
  GuestInput,
  GuestLog,
  GuestOutput,
  GuestRawOutput,
  GuestState,
} from "../../core/guest-api.js";
import type { LogLevel } from "../../core/log.js";
import * as proto from "../generated/messages.js";
import { metadataFromMessage, metadataToMessage } from "./event.js";
import { badField } from "./field.js";
import { instanceIdFromMessage, instanceIdToMessage } from "./identifiers.js";

const NO_BYTES = new Uint8Array(0);

/** Never emits ill-formed UTF-8: a Rust node ends on it. */
function textToBytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Ill-formed sequences arrive as U+FFFD. */
function textFromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** Writes `BootData`. */
export function bootToMessage(boot: GuestBoot): proto.BootData {
  return { guestApiHostEndpoint: boot.hostUrl, instanceId: instanceIdToMessage(boot.instance) };
}

/** Reads `BootData`. */
export function bootFromMessage(message: proto.BootData): GuestBoot {
  return {
    hostUrl: message.guestApiHostEndpoint,
    instance: instanceIdFromMessage(message.instanceId, "BootData.instance_id"),
  };
}

/** Writes a `FunctionInstanceInit`. */
export function initToMessage(init: GuestInit): proto.FunctionInstanceInit {
  return { initPayload: init.payload, serializedState: init.state ?? NO_BYTES };
}

/** Reads a `FunctionInstanceInit`; an empty state means none. */
export function initFromMessage(message: proto.FunctionInstanceInit): GuestInit {
  const { initPayload: payload, serializedState: state } = message;
  return state.length > 0 ? { payload, state } : { payload };
}

/** Writes `InputEventData`. */
export function inputToMessage(input: GuestInput): proto.InputEventData {
  return { src: instanceIdToMessage(input.source), msg: textToBytes(input.payload) };
}

/** Reads `InputEventData`. */
export function inputFromMessage(message: proto.InputEventData): GuestInput {
  return {
    source: instanceIdFromMessage(message.src, "InputEventData.src"),
    payload: textFromBytes(message.msg),
  };
}

/** Writes a `CallReturn`. */
export function outcomeToMessage(outcome: CallOutcome): proto.CallReturn {
  switch (outcome.type) {
    case "reply":
      return { type: proto.CallRetType.CALL_RET_REPLY, msg: textToBytes(outcome.payload) };
    case "no-reply":
      return { type: proto.CallRetType.CALL_RET_NO_REPLY, msg: NO_BYTES };
    case "err":
      return { type: proto.CallRetType.CALL_RET_ERR, msg: NO_BYTES };
  }
}

/** Reads a `CallReturn`. */
export function outcomeFromMessage(message: proto.CallReturn): CallOutcome {
  switch (message.type) {
    case proto.CallRetType.CALL_RET_REPLY:
      return { type: "reply", payload: textFromBytes(message.msg) };
    case proto.CallRetType.CALL_RET_NO_REPLY:
      return { type: "no-reply" };
    case proto.CallRetType.CALL_RET_ERR:
      return { type: "err" };
    default:
      throw badField("CallReturn.type", `is unknown: ${String(message.type)}`);
  }
}

/** Writes `OutputEventData`. */
export function outputToMessage(output: GuestOutput): proto.OutputEventData {
  return {
    originator: instanceIdToMessage(output.originator),
    alias: output.channel,
    msg: textToBytes(output.payload),
  };
}

/** Reads `OutputEventData`. */
export function outputFromMessage(message: proto.OutputEventData): GuestOutput {
  return {
    originator: instanceIdFromMessage(message.originator, "OutputEventData.originator"),
    channel: message.alias,
    payload: textFromBytes(message.msg),
  };
}

/** Writes `OutputEventDataRaw`. */
export function rawOutputToMessage(output: GuestRawOutput): proto.OutputEventDataRaw {
  return {
    originator: instanceIdToMessage(output.originator),
    dst: instanceIdToMessage(output.target),
    msg: textToBytes(output.payload),
  };
}

/** Reads `OutputEventDataRaw`. */
export function rawOutputFromMessage(message: proto.OutputEventDataRaw): GuestRawOutput {
  return {
    originator: instanceIdFromMessage(message.originator, "OutputEventDataRaw.originator"),
    target: instanceIdFromMessage(message.dst, "OutputEventDataRaw.dst"),
    payload: textFromBytes(message.msg),
  };
}

/** Writes `DelayedEventData`. */
export function delayedOutputToMessage(output: GuestDelayedOutput): proto.DelayedEventData {
  return {
    originator: instanceIdToMessage(output.originator),
    alias: output.channel,
    msg: textToBytes(output.payload),
    delay: BigInt(Math.round(output.delayMs)),
    metadata: metadataToMessage(output.metadata),
  };
}

/** Reads `DelayedEventData`. */
export function delayedOutputFromMessage(message: proto.DelayedEventData): GuestDelayedOutput {
  const delayMs = Number(message.delay);
  if (!Number.isSafeInteger(delayMs)) throw badField("DelayedEventData.delay", "is too long");
  return {
    originator: instanceIdFromMessage(message.originator, "DelayedEventData.originator"),
    channel: message.alias,
    payload: textFromBytes(message.msg),
    delayMs,
    metadata: metadataFromMessage(message.metadata, "DelayedEventData.metadata"),
  };
}

const LEVEL_TO_PROTO: Readonly<Record<LogLevel, proto.TelemetryLogLevel>> = {
  error: proto.TelemetryLogLevel.LOG_ERROR,
  warn: proto.TelemetryLogLevel.LOG_WARN,
  info: proto.TelemetryLogLevel.LOG_INFO,
  debug: proto.TelemetryLogLevel.LOG_DEBUG,
  trace: proto.TelemetryLogLevel.LOG_TRACE,
};

const LEVEL_FROM_PROTO: ReadonlyMap<proto.TelemetryLogLevel, LogLevel> = new Map(
  (Object.keys(LEVEL_TO_PROTO) as LogLevel[]).map((level) => [LEVEL_TO_PROTO[level], level]),
);

/** Writes a `TelemetryLogEvent`. */
export function logToMessage(log: GuestLog): proto.TelemetryLogEvent {
  return {
    originator: instanceIdToMessage(log.originator),
    logLevel: LEVEL_TO_PROTO[log.level],
    target: log.target,
    msg: log.message,
  };
}

/** Reads a `TelemetryLogEvent`; the level must be one of the five. */
export function logFromMessage(message: proto.TelemetryLogEvent): GuestLog {
  const level = LEVEL_FROM_PROTO.get(message.logLevel);
  if (level === undefined) throw badField("TelemetryLogEvent.log_level", `is unknown: ${message.logLevel}`);
  return {
    originator: instanceIdFromMessage(message.originator, "TelemetryLogEvent.originator"),
    level,
    target: message.target,
    message: message.msg,
  };
}

/** Writes `SyncData`. */
export function stateToMessage(state: GuestState): proto.SyncData {
  return { originator: instanceIdToMessage(state.originator), serializedState: state.state };
}

/** Reads `SyncData`. */
export function stateFromMessage(message: proto.SyncData): GuestState {
  return {
    originator: instanceIdFromMessage(message.originator, "SyncData.originator"),
    state: message.serializedState,
  };
}
