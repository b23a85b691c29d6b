import { DeviceFault, OUT_OF_TIME, TRAPPED } from "./device-fault.js";
import { type Guest, type GuestImports, SUSPEND } from "./engine.js";

/** Where a function that can wait gives the setter of its state, after the exports. */
const SET_STATE = 8;

/** Traps by the number that the function gives; the numbers after them ask for something. */
const TRAPS = [
  "unreachable",
  "memory access out of bounds",
  "divide by zero or overflow",
  "float unrepresentable in integer range",
  "table index is out of bounds or has another type",
  "calls itself too deeply",
];
/** All turns are used up. */
const TURNS = 6;
/** The memory is another one from now on. */
const MEMORY = 7;
/** The imports follow, in the order of the guest ABI. */
const CAST = 8;
const CAST_RAW = 9;
const CALL = 10;
const CALL_RAW = 11;
const DELAYED_CAST = 12;
const LOG = 13;
const SLF = 14;

/** Turns of loops between two looks at the clock. */
export const TURNS_AT_ONCE = 64;

/** States of a function that can wait. */
const NORMAL = 0;
const UNWINDING = 1;
const REWINDING = 2;

type Exported = (
  a?: number,
  b?: number,
  c?: number,
  d?: number,
  e?: number,
  f?: number,
) => number | undefined;

/** What a translated function asks of whoever runs it: a trap or another number from above, and its arguments. */
type Host = (
  what: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number | undefined;

/** A function image of the run-time `js`, evaluated: gives the memory, the exports (0: does nothing), and the setter of the state. */
export type TranslatedImage = (host: Host) => unknown[];

/** A function that was translated to JavaScript. */
export class TranslatedGuest implements Guest {
  suspended: boolean;
  private readonly imports: GuestImports;
  private readonly nowMs: () => number;
  private readonly maxRunTimeMs: number;
  private bytes: Uint8Array;
  private exports: unknown[];
  /** How many exports are inside each other. */
  private depth: number;
  /** The export that was suspended, or would be. */
  private entered: number;
  /** Gives the result of the call that a suspended guest waits for. */
  private result: (() => number) | undefined;
  /** Whether the clock was looked at since the guest was entered, and then. */
  private isTimed: boolean;
  private sinceMs: number;

  /**
   * Runs the top-level code.
   * @param nowMs a clock that does not go back
   * @throws DeviceFault and whatever an import throws
   */
  constructor(image: TranslatedImage, imports: GuestImports, nowMs: () => number, maxRunTimeMs: number) {
    this.suspended = false;
    this.imports = imports;
    this.nowMs = nowMs;
    this.maxRunTimeMs = maxRunTimeMs;
    this.bytes = new Uint8Array(0);
    this.exports = [];
    // Top-level code cannot wait: it is as if another export were around it.
    this.depth = 2;
    this.entered = 0;
    this.result = undefined;
    this.isTimed = false;
    this.sinceMs = 0;
    this.exports = image(this.host());
    this.bytes = this.exports[0] as Uint8Array;
    this.depth = 0;
  }

  memory(): Uint8Array {
    return this.bytes;
  }

  run(entry: number, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): number {
    if (this.depth === 0) {
      if (this.suspended) throw new DeviceFault(TRAPPED, "it waits for an answer");
      this.entered = entry;
      this.isTimed = false;
    }
    const exported = this.exports[entry] as Exported | number | undefined;
    if (exported === undefined) throw new DeviceFault(TRAPPED, "it has ended");
    // Nothing to do.
    if (typeof exported === "number") return exported;
    let value: number | undefined;
    this.depth++;
    try {
      value = exported(a, b, c, d, e, f);
    } catch (thrown) {
      this.exports = [];
      throw thrown;
    }
    this.depth--;
    if (this.suspended && this.depth === 0) {
      this.setState(NORMAL);
      return 0;
    }
    return value === undefined ? 0 : value;
  }

  resume(result: () => number): number {
    if (!this.suspended || this.depth > 0) throw new DeviceFault(TRAPPED, "nothing to resume");
    this.suspended = false;
    this.result = result;
    this.setState(REWINDING);
    return this.run(this.entered);
  }

  close(): void {
    this.exports = [];
    this.bytes = new Uint8Array(0);
  }

  private setState(state: number): void {
    (this.exports[SET_STATE] as (state: number) => void)(state);
  }

  /** Carries out what the function asks for; not a method, because a board has room for few calls inside each other. */
  private host(): Host {
    const { imports } = this;
    return (what, a, b, c, d, e, f) => {
      if (what === LOG) imports.telemetry_log_asm(a, b, c, d, e);
      else if (what === CAST) imports.cast_asm(a, b, c, d);
      else if (what === TURNS) return this.turns();
      else if (what < TURNS) throw new DeviceFault(TRAPPED, TRAPS[what] as string);
      else if (what === CALL) return this.call(true, a, b, c, d, e, f);
      else if (what === CALL_RAW) return this.call(false, a, b, c, d, e, f);
      else if (what === CAST_RAW) imports.cast_raw_asm(a, b, c, d);
      else if (what === DELAYED_CAST) imports.delayed_cast_asm(a, b, c, d, e);
      else if (what === MEMORY) this.bytes = a as unknown as Uint8Array;
      else if (what === SLF) imports.slf_asm(a, b);
      else imports.sync_asm(a, b);
      return undefined;
    };
  }

  /** How many turns the guest may take before it asks again. @throws DeviceFault when its time is over */
  private turns(): number {
    const now = this.nowMs();
    if (!this.isTimed) {
      this.isTimed = true;
      this.sinceMs = now;
    }
    if (now - this.sinceMs > this.maxRunTimeMs)
      throw new DeviceFault(OUT_OF_TIME, `no end within ${this.maxRunTimeMs} ms of run time`);
    return TURNS_AT_ONCE;
  }

  /** A call in which the guest may wait: begins that, or ends it with the result. */
  private call(isNamed: boolean, a: number, b: number, c: number, d: number, e: number, f: number): number {
    const { imports, result } = this;
    if (result !== undefined) {
      this.result = undefined;
      this.setState(NORMAL);
      return result();
    }
    const code = isNamed ? imports.call_asm(a, b, c, d, e, f) : imports.call_raw_asm(a, b, c, d, e, f);
    if (code !== SUSPEND) return code;
    if (this.depth !== 1) throw new DeviceFault(TRAPPED, "it called where it cannot wait");
    this.suspended = true;
    this.setState(UNWINDING);
    return 0;
  }
}
