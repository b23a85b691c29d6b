import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Random } from "../core/random.js";
import { readTls, type Tls } from "../grpc-api/index.js";
import { createLogger } from "../platform/logger.js";
import { systemClock } from "../platform/system-clock.js";
import { systemRandom } from "../platform/system-random.js";

/** What a component of the system takes from its host. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** From `tls_config.toml` in the working directory; without it everything is plaintext. */
  readonly tls: Tls;
}

const LEVELS = ["silent", "error", "warn", "info", "debug", "trace"];

/**
 * The real surroundings of a component.
 * @throws EdgelessError when `tls_config.toml` or a file it names cannot be used
 * @param component its name in the log
 * @param defaultLevel used unless EDGELESS_LOG, or RUST_LOG as the reference has it, names a level
 */
export function systemEnvironment(component: string, defaultLevel: string): Environment {
  const wanted = (process.env.EDGELESS_LOG ?? process.env.RUST_LOG ?? "").toLowerCase();
  const level = LEVELS.includes(wanted) ? wanted : defaultLevel;
  return { clock: systemClock, random: systemRandom, logger: createLogger(component, level), tls: readTls() };
}
