import { ByteReader, badWasm } from "../wasm/byte-reader.js";
import { type Feature, PORTABLE_FEATURES } from "../wasm/feature.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { MODULE_LIMITS } from "../wasm/module-limits.js";
import { Op } from "../wasm/opcode.js";
import { isNumberType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";
import { type CountedLoop, CountedLoopFinder, type CounterStart } from "./counted-loop.js";

/** Calls in one region of a function: outside of its loops, or in one of them. */
export interface RegionCalls {
  /** Functions that are called directly, once for each call. */
  readonly direct: readonly number[];
  /** Calls through a table. */
  readonly indirect: number;
}

/** How the fuel of a loop is charged. */
export type LoopCharge =
  /** At each turn. */
  | { readonly type: "turns" }
  /** With the region around it: it is short, and calls nothing. */
  | { readonly type: "paid" }
  | ChargedAhead;

/** Charged for many turns ahead. */
export interface ChargedAhead {
  readonly type: "ahead";
  readonly loop: CountedLoop;
  /** Which of the added locals it uses. */
  readonly slot: number;
  /** Whether what is left is looked at only by the loop around it, because what is charged at once is little. */
  readonly trusted: boolean;
}

/** One loop of a function. */
export interface LoopScan {
  /** Cost of one turn without the loops inside it that are charged themselves, and without what it calls. */
  cost: number;
  readonly calls: { direct: number[]; indirect: number };
  /** Whether nothing is called in it, the loops inside it included. */
  callFree: boolean;
  /** Whether it has no loop inside. */
  innermost: boolean;
  /** Whether a loop inside it is charged itself. */
  hasChargedLoop: boolean;
  /** Trusted loops directly in it. */
  trusted: number;
  /** Slots for the ends of loops inside it that are charged ahead. */
  slots: number;
  charge: LoopCharge;
  /** Offset of its `end`. */
  end: number;
}

/** What one pass over a function's instructions finds out. Costs are in fuel: about one per instruction. */
export interface FunctionScan {
  /** Cost of everything outside loops, without what it calls. */
  readonly cost: number;
  /** Calls outside loops. */
  readonly outside: RegionCalls;
  /** Offset of the call outside loops before which no other can be; undefined when there is none such. */
  readonly firstCall: number | undefined;
  /** The loops by the offset of their instruction. */
  readonly loops: ReadonlyMap<number, Readonly<LoopScan>>;
  /** Whether one of the loops is free of calls and charged itself. */
  readonly hasCallFreeLoop: boolean;
  /** Locals that loops charged ahead need at a time. */
  readonly slots: number;
  /** Functions that are called directly. */
  readonly calls: readonly number[];
  /** Types that are called through a table. */
  readonly indirectTypes: readonly number[];
}

/** Cost of instructions that take much longer than the others, or nothing. */
const COSTS: ReadonlyMap<number, number> = new Map([
  [Op.nop, 0],
  [Op.block, 0],
  [Op.loop, 0],
  [Op.else, 0],
  [Op.end, 0],
  [Op.call, 3],
  [Op.callIndirect, 5],
  [Op.memoryGrow, 500],
]);

/** Most fuel that a loop may use without looking at what is left. */
export const TRUSTED_FUEL = 4096;
/** Most fuel that is charged at once, for a turn or for what is outside of loops, with the loops that are paid with it. */
const MAX_AT_ONCE = 1_000_000;
/** How often the limit of a loop that is charged ahead is looked at, or something as long, when it has no turn. */
const CHECKS_AHEAD = 3;
/** Most trusted loops directly in one loop. */
const MAX_TRUSTED = 16;

const EACH_TURN: LoopCharge = { type: "turns" };
const PAID: LoopCharge = { type: "paid" };

interface OpenConstruct {
  readonly opcode: number;
  /** The innermost loop around the code inside this construct. */
  readonly loop: LoopScan;
  /** Of a loop, and of the `if` that is a turn of it. */
  readonly finder: CountedLoopFinder | undefined;
  /** Whether the code in it is executed each time the region around it is, as far as one can tell. */
  readonly isCertain: boolean;
}

/**
 * Passes once over a function: costs, calls and the extensions used, which go into `features`. The nesting is checked.
 * Stops at the first instruction that no target supports, after noting its extension. Throws EDGELESS_BAD_WASM.
 */
export function scanFunction(bytes: Uint8Array, body: FunctionBody, features: Set<Feature>): FunctionScan {
  return new FunctionScanner(bytes, body, features).scan();
}

class FunctionScanner {
  readonly #body: FunctionBody;
  readonly #features: Set<Feature>;
  readonly #instruction: InstructionReader;
  readonly #outside: LoopScan;
  readonly #loops = new Map<number, LoopScan>();
  readonly #calls = new Set<number>();
  readonly #indirectTypes = new Set<number>();
  readonly #open: OpenConstruct[];
  /** Finders by the locals that they watch. */
  readonly #watchers = new Map<number, CountedLoopFinder[]>();
  readonly #recent = new RecentInstructions();
  #firstCall: number | undefined;
  /** The construct in which the first call is: as long as control is in there, it has passed that call. */
  #firstCallIn: OpenConstruct | undefined;
  #isFirstCallLeft = false;
  #isFirstCallFirst = true;
  #hasCallFreeLoop = false;

  constructor(bytes: Uint8Array, body: FunctionBody, features: Set<Feature>) {
    this.#body = body;
    this.#features = features;
    this.#instruction = new InstructionReader(new ByteReader(bytes, body.start, body.end));
    this.#outside = { ...newLoop(body.end), callFree: false, innermost: false };
    this.#open = [{ opcode: Op.block, loop: this.#outside, finder: undefined, isCertain: true }];
  }

  scan(): FunctionScan {
    const instruction = this.#instruction;
    const { end } = this.#body;
    for (let inside = this.#open[0]; inside !== undefined; inside = this.#open[this.#open.length - 1]) {
      if (!instruction.next()) {
        throw badWasm(end, "a function has no end");
      }
      const { feature } = instruction.kind;
      if (feature !== undefined) {
        this.#features.add(feature);
        if (!PORTABLE_FEATURES.has(feature)) {
          break;
        }
      }
      inside.loop.cost += COSTS.get(instruction.opcode) ?? 1;
      this.#take(inside);
      this.#recent.add(instruction);
      if (this.#open.length > MODULE_LIMITS.nesting) {
        throw badWasm(instruction.start, `a function is nested deeper than ${MODULE_LIMITS.nesting} levels`);
      }
    }
    if (this.#open.length === 0 && instruction.end !== end) {
      throw badWasm(instruction.end, "instructions follow the end of a function");
    }
    const { cost, calls, slots } = this.#outside;
    return {
      cost,
      outside: calls,
      firstCall: this.#isFirstCallFirst ? this.#firstCall : undefined,
      loops: this.#loops,
      hasCallFreeLoop: this.#hasCallFreeLoop,
      slots,
      calls: [...this.#calls],
      indirectTypes: [...this.#indirectTypes],
    };
  }

  #take(inside: OpenConstruct): void {
    const instruction = this.#instruction;
    const { opcode, start, blockType, index } = instruction;
    const { loop } = inside;
    const isTurn =
      inside.opcode === Op.loop && opcode !== Op.end && inside.finder?.next(instruction) === true;
    switch (opcode) {
      case Op.loop:
        noteBlockType(blockType, start, this.#features);
        this.#openLoop(start, blockType, inside);
        break;
      case Op.block:
      case Op.if:
        noteBlockType(blockType, start, this.#features);
        this.#open.push({ opcode, loop, finder: isTurn ? inside.finder : undefined, isCertain: isTurn });
        if (isTurn) {
          this.#watch(inside.finder);
        }
        break;
      case Op.else:
        if (inside.opcode !== Op.if) {
          throw badWasm(start, "else is not inside an if");
        }
        inside.finder?.fail();
        this.#leave(inside);
        break;
      case Op.end:
        this.#open.pop();
        this.#leave(inside);
        if (inside.opcode === Op.loop) {
          this.#closeLoop(loop, inside, start);
        } else {
          inside.finder?.endTurn(this.#recent.last());
        }
        break;
      case Op.br:
      case Op.brIf:
        this.#branch(index);
        break;
      case Op.brTable:
        for (const label of instruction.labels) {
          this.#branch(label);
        }
        break;
      case Op.localSet:
      case Op.localTee:
        this.#set(index);
        break;
      case Op.call:
        loop.callFree = false;
        loop.calls.direct.push(index);
        this.#calls.add(index);
        this.#call(inside, start);
        break;
      case Op.callIndirect:
        loop.callFree = false;
        loop.calls.indirect += 1;
        this.#indirectTypes.add(index);
        this.#call(inside, start);
        if (instruction.second !== 0) {
          this.#features.add("reference-types");
        }
        break;
      default:
        loop.callFree &&= !isBulkOperation(opcode);
    }
  }

  #openLoop(start: number, blockType: number, inside: OpenConstruct): void {
    inside.loop.innermost = false;
    const loop = newLoop(this.#body.end);
    const finder = new CountedLoopFinder(blockType, this.#recent.counterStart());
    this.#loops.set(start, loop);
    this.#open.push({ opcode: Op.loop, loop, finder, isCertain: true });
  }

  #closeLoop(loop: LoopScan, { finder }: OpenConstruct, end: number): void {
    const around = this.#open[this.#open.length - 1];
    const parent = around?.loop ?? this.#outside;
    loop.end = end;
    loop.charge = this.#chargeOf(loop, parent, around?.isCertain === true, finder?.result());
    parent.callFree &&= loop.callFree;
    parent.slots = Math.max(parent.slots, loop.slots);
    parent.hasChargedLoop ||= loop.charge.type !== "paid";
    this.#hasCallFreeLoop ||= loop.callFree && loop.charge.type !== "paid";
  }

  #chargeOf(
    loop: LoopScan,
    parent: LoopScan,
    isCertain: boolean,
    counted: CountedLoop | undefined,
  ): LoopCharge {
    if (counted === undefined) {
      return EACH_TURN;
    }
    const isSimple = loop.callFree && !loop.hasChargedLoop;
    const whole = (counted.turns ?? Number.POSITIVE_INFINITY) * loop.cost;
    const isInLoop = parent !== this.#outside;
    const isShort = whole <= TRUSTED_FUEL && parent.cost + whole <= MAX_AT_ONCE;
    if (isSimple && isShort && (isCertain || !isInLoop)) {
      parent.cost += whole + counted.headCost;
      return PAID;
    }
    parent.cost += CHECKS_AHEAD * counted.headCost;
    const slot = loop.slots;
    loop.slots += 1;
    const isCheap = isSimple && loop.cost <= TRUSTED_FUEL;
    const trusted = isCheap && isInLoop && parent.trusted < MAX_TRUSTED;
    if (trusted) {
      parent.trusted += 1;
    }
    return { type: "ahead", loop: counted, slot, trusted };
  }

  #watch(finder: CountedLoopFinder | undefined): void {
    for (const local of finder?.watched ?? []) {
      const watchers = this.#watchers.get(local);
      if (finder !== undefined) {
        if (watchers === undefined) {
          this.#watchers.set(local, [finder]);
        } else {
          watchers.push(finder);
        }
      }
    }
  }

  #set(local: number): void {
    const watchers = this.#watchers.get(local);
    if (watchers === undefined) {
      return;
    }
    // Each finder is told twice at most before it is dropped.
    for (const finder of watchers) {
      finder.set(local);
    }
    const rest = watchers.filter(({ alive }) => alive);
    if (rest.length === 0) {
      this.#watchers.delete(local);
    } else {
      this.#watchers.set(local, rest);
    }
  }

  #branch(label: number): void {
    const target = this.#open[this.#open.length - 1 - label];
    if (target?.opcode === Op.loop) {
      target.finder?.continued();
    } else {
      target?.finder?.fail();
    }
  }

  #call(inside: OpenConstruct, start: number): void {
    if (inside.loop !== this.#outside) {
      return;
    }
    if (this.#firstCall === undefined) {
      this.#firstCall = start;
      this.#firstCallIn = inside;
    } else if (this.#isFirstCallLeft) {
      this.#isFirstCallFirst = false;
    }
  }

  /** Control leaves an arm of a construct. */
  #leave(construct: OpenConstruct): void {
    this.#isFirstCallLeft ||= construct === this.#firstCallIn;
  }
}

/** The instructions just before the current one. */
class RecentInstructions {
  readonly #opcodes = [0, 0, 0, 0, 0];
  readonly #indices = [0, 0, 0, 0, 0];
  #next = 0;

  add({ opcode, index }: InstructionReader): void {
    this.#opcodes[this.#next] = opcode;
    this.#indices[this.#next] = index;
    this.#next = (this.#next + 1) % 5;
  }

  /** The last five, oldest first. */
  last(): readonly { readonly opcode: number; readonly index: number }[] {
    return [0, 1, 2, 3, 4].map((at) => this.#at(at));
  }

  /** The counter that the last two set to a constant. */
  counterStart(): CounterStart | undefined {
    const [constant, set] = [this.#at(3), this.#at(4)];
    if (constant.opcode !== Op.i32Const || set.opcode !== Op.localSet) {
      return undefined;
    }
    return { local: set.index, value: constant.index };
  }

  #at(place: number): { readonly opcode: number; readonly index: number } {
    const at = (this.#next + place) % 5;
    return { opcode: this.#opcodes[at] ?? 0, index: this.#indices[at] ?? 0 };
  }
}

function newLoop(end: number): LoopScan {
  return {
    cost: 1,
    calls: { direct: [], indirect: 0 },
    callFree: true,
    innermost: true,
    hasChargedLoop: false,
    trusted: 0,
    slots: 0,
    charge: EACH_TURN,
    end,
  };
}

/** Whether an instruction works on a range of memory or of a table whose length is on top of the operand stack. */
export function isBulkOperation(opcode: number): boolean {
  return (
    opcode === Op.memoryInit ||
    opcode === Op.memoryCopy ||
    opcode === Op.memoryFill ||
    opcode === Op.tableInit ||
    opcode === Op.tableCopy
  );
}

function noteBlockType(blockType: number, offset: number, features: Set<Feature>): void {
  if (blockType >= 0) {
    features.add("multi-value");
    return;
  }
  const code = blockType & 0x7f;
  if (blockType < -64 || (code !== 0x40 && !isNumberType(code))) {
    if (blockType < -64 || (code !== 0x7b && code !== 0x70 && code !== 0x6f)) {
      throw badWasm(offset, `0x${code.toString(16)} is no block type`);
    }
    features.add(code === 0x7b ? "simd" : "reference-types");
  }
}
