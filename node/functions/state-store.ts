import type { StateSpecification } from "../../core/specification.js";

/** Keeps what functions hand over with `sync`: one text per state id. */
export interface StateStore {
  /** The last text stored, or undefined when there is none or the policy keeps nothing. Never throws. */
  read(state: StateSpecification): string | undefined;
  /** Replaces the text; when this returns the text survives the end of the process. Never throws. */
  write(state: StateSpecification, text: string): void;
}
