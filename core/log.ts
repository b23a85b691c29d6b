/** Severity of a log record, in the order of the EDGELESS telemetry levels 1 to 5. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** What a record is about, beside its sentence. Never put secrets here. */
export type LogFields = { readonly [name: string]: unknown };

/** Destination of log records. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

function ignore(): void {}

/** A logger that keeps nothing. */
export const SILENT: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore, trace: ignore };
