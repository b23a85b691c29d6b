import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { LogFields, LogLevel } from "../../core/log.js";
import type { Uuid } from "../../core/uuid.js";
import type { FunctionSettings } from "./function-settings.js";
import type { InstanceEnd, InstanceStart } from "./instance-environment.js";
import type { TelemetryRecord } from "./telemetry-record.js";

/** From the node's thread to a worker thread. */
export type ToWorker =
  | { readonly type: "start"; readonly start: InstanceStart }
  | { readonly type: "stop"; readonly functionId: Uuid }
  | { readonly type: "patch"; readonly functionId: Uuid; readonly outputs: ReadonlyMap<string, InstanceId> }
  | { readonly type: "event"; readonly event: Event };

/** From a worker thread to the node's thread. */
export type FromWorker =
  | { readonly type: "initialised"; readonly functionId: Uuid }
  | { readonly type: "ended"; readonly end: InstanceEnd }
  | { readonly type: "event"; readonly event: Event }
  | { readonly type: "telemetry"; readonly record: TelemetryRecord }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string; readonly fields: LogFields };

/** What a worker thread is given at its start. */
export interface WorkerData {
  readonly nodeId: Uuid;
  readonly settings: FunctionSettings;
  readonly stateFolder: string;
  /** 16 bytes, written by the worker: the instance that has the processor, or zeros. */
  readonly running: SharedArrayBuffer;
}
