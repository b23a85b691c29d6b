import type { Telemetry } from "../telemetry/telemetry.js";

/** One report to a {@link Telemetry} on another thread: the name of the method and its arguments. */
export type TelemetryRecord = {
  [Method in keyof Telemetry]: readonly [Method, ...Parameters<Telemetry[Method]>];
}[keyof Telemetry];

/** A telemetry that turns each report into a record. */
export function recordTelemetry(keep: (record: TelemetryRecord) => void): Telemetry {
  return {
    accepted: (...args) => keep(["accepted", ...args]),
    released: (...args) => keep(["released", ...args]),
    instantiated: (...args) => keep(["instantiated", ...args]),
    initialised: (...args) => keep(["initialised", ...args]),
    transferred: (...args) => keep(["transferred", ...args]),
    executed: (...args) => keep(["executed", ...args]),
    stopped: (...args) => keep(["stopped", ...args]),
    exited: (...args) => keep(["exited", ...args]),
    sent: (...args) => keep(["sent", ...args]),
    logged: (...args) => keep(["logged", ...args]),
    dropped: (...args) => keep(["dropped", ...args]),
  };
}

/** Makes the report that a record stands for. */
export function replayTelemetry(record: TelemetryRecord, telemetry: Telemetry): void {
  switch (record[0]) {
    case "accepted":
      telemetry.accepted(record[1], record[2], record[3]);
      break;
    case "released":
      telemetry.released(record[1]);
      break;
    case "instantiated":
      telemetry.instantiated(record[1], record[2], record[3]);
      break;
    case "initialised":
      telemetry.initialised(record[1], record[2], record[3]);
      break;
    case "transferred":
      telemetry.transferred(record[1], record[2], record[3]);
      break;
    case "executed":
      telemetry.executed(record[1], record[2], record[3], record[4]);
      break;
    case "stopped":
      telemetry.stopped(record[1], record[2], record[3]);
      break;
    case "exited":
      telemetry.exited(record[1], record[2], record[3]);
      break;
    case "sent":
      telemetry.sent(record[1], record[2]);
      break;
    case "logged":
      telemetry.logged(record[1], record[2], record[3], record[4]);
      break;
    case "dropped":
      telemetry.dropped(record[1], record[2], record[3]);
      break;
  }
}

/** True for reports of which some may be missing under load; the others count instances or losses. */
export function isOptional([method]: TelemetryRecord): boolean {
  return method === "transferred" || method === "executed" || method === "sent" || method === "logged";
}

/** Characters of text of unbounded length in a record. */
export function textOf(record: TelemetryRecord): number {
  return record[0] === "logged" ? record[3].length + record[4].length : 0;
}
