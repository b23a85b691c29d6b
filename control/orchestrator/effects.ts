import type { Result } from "../../core/api.js";
import type { Uuid } from "../../core/uuid.js";
import type { IssuedCommand } from "./commands.js";

/** What is to be done outside after a decision. */
export interface Effects {
  /** To be sent to agents, at once and independently of each other. */
  readonly commands: IssuedCommand[];
  /** Outcome of first starts, to be given once everything below is kept. */
  readonly answers: { readonly requestId: number; readonly result: Result<Uuid> }[];
  /** Invocation URLs whose ports should be looked at, each with the newest session that this is for. */
  readonly probes: Map<string, number>;
  /** Nodes that left: their connections can be closed. */
  readonly gone: Uuid[];
  /** Keys of the records to keep or to forget. */
  readonly nodes: Set<Uuid>;
  readonly components: Set<Uuid>;
  readonly stops: Set<Uuid>;
  isDomainChanged: boolean;
  /** Something that the ε-CON is told has changed. */
  isReportChanged: boolean;
}

export function noEffects(): Effects {
  return {
    commands: [],
    answers: [],
    probes: new Map(),
    gone: [],
    nodes: new Set(),
    components: new Set(),
    stops: new Set(),
    isDomainChanged: false,
    isReportChanged: false,
  };
}
