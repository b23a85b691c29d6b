import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { StateSpecification } from "../../core/specification.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import type { StateStore } from "./state-store.js";

/**
 * Keeps the state of functions in one file per state id, as EDGELESS 1.2 does: only the policy node-local keeps
 * anything. They are deleted by a `StateSweeper`. A file that cannot be read or written is an error in the log, and the function goes on without.
 */
export class StateFolder implements StateStore {
  readonly #folder: string;
  readonly #logger: Logger;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  read(state: StateSpecification): string | undefined {
    if (state.policy !== "node-local") return undefined;
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return decoder.decode(readFileSync(join(this.#folder, state.stateId)));
    } catch (error) {
      if (!isMissing(error))
        this.#report("the state of a function cannot be read; it starts without", state, error);
      return undefined;
    }
  }

  write(state: StateSpecification, text: string): void {
    if (state.policy !== "node-local") return;
    try {
      writeFileAtomically(join(this.#folder, state.stateId), text);
    } catch (error) {
      this.#report("the state of a function cannot be stored", state, error);
    }
  }

  #report(message: string, state: StateSpecification, error: unknown): void {
    this.#logger.error(message, { stateId: state.stateId, reason: reasonOf(error) });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
