import type { Clock } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import type { Uuid } from "../../core/uuid.js";
import type { ContainerInfo } from "./engine/engine-answers.js";
import type { EngineClient } from "./engine/engine-client.js";
import { WakeUp } from "./wake-up.js";

/** What a {@link ContainerWatch} works with. */
export interface ContainerWatchParts {
  readonly engine: EngineClient;
  readonly containerId: string;
  /** Named in the log. */
  readonly functionId: Uuid;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const LOOK: RetryPolicy = { initialMs: 200, factor: 2, maximumMs: 5_000, jitter: 0.2 };

/** Copies what a container writes into the node's log, and learns from the end of it that the container is gone. */
export class ContainerWatch {
  readonly #parts: ContainerWatchParts;
  readonly #abort = new AbortController();
  readonly #wake = new WakeUp();

  constructor(parts: ContainerWatchParts) {
    this.#parts = parts;
  }

  /** Goes on until the container is gone, and then gives the reason, or until {@link close}. */
  async run(): Promise<string | undefined> {
    const { engine, containerId, functionId, clock, random, logger } = this.#parts;
    const schedule = new RetrySchedule(LOOK, random);
    let warned = false;
    const warn = (message: string, error: unknown) => {
      if (!warned && !this.#abort.signal.aborted)
        logger.warn(message, { functionId, reason: reasonOf(error) });
      warned = true;
    };
    for (let fromStart = true; !this.#abort.signal.aborted; ) {
      try {
        await engine.followLogs(
          containerId,
          fromStart,
          ({ stream, text }) => {
            fromStart = false;
            schedule.reset();
            logger.info(text, { functionId, stream });
          },
          this.#abort.signal,
        );
      } catch (error) {
        warn("the log of a container cannot be followed", error);
      }
      if (this.#abort.signal.aborted) break;
      try {
        const info = await engine.inspect(containerId);
        if (info?.running !== true) return endOf(info);
      } catch (error) {
        warn("the container engine says nothing about a container", error);
      }
      await this.#wake.wait(clock, schedule.nextMs());
    }
    return undefined;
  }

  close(): void {
    this.#abort.abort();
    this.#wake.notify();
  }
}

/** Why a container does not run. */
export function endOf(info: ContainerInfo | undefined): string {
  if (info === undefined) return "the container was removed";
  const memory = info.outOfMemory ? ", out of memory" : "";
  const error = info.error === "" ? "" : `: ${info.error.slice(0, 300)}`;
  return `the container ended with exit status ${info.exitStatus}${memory}${error}`;
}
