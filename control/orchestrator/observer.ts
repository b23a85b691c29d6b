import type { NodeUpdate } from "../../core/api.js";
import type { DomainTables } from "./domain-tables.js";
import type { Effects } from "./effects.js";

/** What is changed by decisions, as far as somebody who watches them cares. */
export type Changes = Pick<Effects, "components" | "nodes" | "isDomainChanged">;

/** Somebody who is told what an ε-ORC does; takes note only, never waits, never throws. */
export interface Observer {
  /** After a decision, and once at the beginning. */
  decided(changes: Changes, tables: DomainTables): void;
  /** A registered node reported. */
  reported(update: NodeUpdate): void;
}
