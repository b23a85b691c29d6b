import { pino } from "pino";
import type { LogFields, Logger } from "../core/log.js";

/**
 * A logger that writes JSON lines to standard error.
 * @param component name of the part of the system that speaks
 * @param level lowest severity that is written; `silent` writes nothing
 */
export function createLogger(component: string, level: string): Logger {
  const sink = pino({ level, base: { component } }, pino.destination({ fd: 2, sync: true }));
  return {
    error: (message: string, fields?: LogFields) => sink.error(fields ?? {}, message),
    warn: (message: string, fields?: LogFields) => sink.warn(fields ?? {}, message),
    info: (message: string, fields?: LogFields) => sink.info(fields ?? {}, message),
    debug: (message: string, fields?: LogFields) => sink.debug(fields ?? {}, message),
    trace: (message: string, fields?: LogFields) => sink.trace(fields ?? {}, message),
  };
}
