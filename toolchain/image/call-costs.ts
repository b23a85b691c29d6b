import type { ModuleAnalysis } from "./analyse-module.js";
import type { FunctionScan, LoopScan, RegionCalls } from "./scan-function.js";

/** Cost up to which a function is paid for by its callers. */
const SMALL_COST = 64;

/** What a function charges outside of its loops. */
export interface EntryCharge {
  readonly cost: number;
  /** Offset of the call before which it is charged; undefined: at the entry. */
  readonly before: number | undefined;
}

/**
 * Who pays for what: a small function is paid for by those who call it, so that it charges nothing when it calls nobody, and
 * else only when it does. Every recursion charges, because whoever calls a small function pays for it.
 */
export class CallCosts {
  readonly #scans: readonly FunctionScan[];
  readonly #imported: number;
  /** Of a call through a table: the largest of the small functions that are in one. */
  readonly #indirect: number;

  constructor({ module, scans }: ModuleAnalysis) {
    this.#scans = scans;
    this.#imported = module.importedFunctions;
    let largest = 0;
    for (const { functions } of module.elements) {
      for (const index of functions) {
        largest = Math.max(largest, index === undefined ? 0 : this.#prepaid(index));
      }
    }
    this.#indirect = largest;
  }

  /** Cost of one turn of a loop, with the small functions that it calls. */
  turn(loop: Readonly<LoopScan>): number {
    return loop.cost + this.#of(loop.calls);
  }

  /** What a function charges outside of its loops; undefined when its callers have paid for everything. */
  entry(scan: FunctionScan): EntryCharge | undefined {
    const called = this.#of(scan.outside);
    if (scan.cost > SMALL_COST) {
      return { cost: scan.cost + called, before: undefined };
    }
    return called === 0 ? undefined : { cost: called, before: scan.firstCall };
  }

  #of({ direct, indirect }: RegionCalls): number {
    return direct.reduce((sum, index) => sum + this.#prepaid(index), indirect * this.#indirect);
  }

  /** What callers pay for a function. */
  #prepaid(index: number): number {
    const cost = this.#scans[index - this.#imported]?.cost ?? 0;
    return cost > SMALL_COST ? 0 : cost;
  }
}
