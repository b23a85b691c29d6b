import type { Clock } from "../../core/clock.js";
import type { ErrorCode } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { StateSpecification } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import type { FuelMeter } from "../../toolchain/engine/fuel-meter.js";
import type { GuestImports } from "../../toolchain/engine/guest-imports.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import type { FunctionSettings } from "./function-settings.js";
import type { Guest } from "./guest.js";
import type { StateStore } from "./state-store.js";
import type { TextBudget } from "./text-budget.js";

/** Everything an instance needs to begin. */
export interface InstanceStart {
  readonly functionId: Uuid;
  /** Prepared module. */
  readonly module: WebAssembly.Module;
  readonly initPayload: string | undefined;
  readonly state: StateSpecification;
  /** Undefined when it was never wired: then what it sends waits for the first wiring. */
  readonly outputs: ReadonlyMap<string, InstanceId> | undefined;
}

/** Why an instance ended by itself. */
export interface InstanceFault {
  readonly code: ErrorCode;
  readonly reason: string;
  /** False when it ended before its module was instantiated. */
  readonly instantiated: boolean;
}

/** The end of an instance. */
export interface InstanceEnd {
  readonly functionId: Uuid;
  /** Undefined: it was stopped. */
  readonly fault: InstanceFault | undefined;
  /** Casts that had arrived and were not handled; empty when it was stopped. */
  readonly unhandled: readonly Event[];
}

/** Makes a guest of a prepared module; whatever it throws means that the module cannot be instantiated. */
export type Instantiate = (module: WebAssembly.Module, imports: GuestImports, fuel: FuelMeter) => Guest;

/** What an instance of a function uses of the host that owns it. */
export interface InstanceEnvironment {
  readonly nodeId: Uuid;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly settings: FunctionSettings;
  readonly states: StateStore;
  readonly instantiate: Instantiate;
  /** Bounds the text in the mailboxes of the host. */
  readonly budget: TextBudget;
  /** Sends an event to any instance. */
  route(event: Event): void;
  /** A number that no other call of this node uses. */
  nextStreamId(): bigint;
  /** Runs `send` later; false when too many casts of `sender`, or too much text, wait already. */
  delay(sender: Uuid, payload: string, delayMs: number, send: () => void): boolean;
  /** The instance has something to do. */
  wake(functionId: Uuid): void;
  initialised(functionId: Uuid): void;
  ended(end: InstanceEnd): void;
}
