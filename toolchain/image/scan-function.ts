import { ByteReader, badWasm } from "../wasm/byte-reader.js";
import { type Feature, PORTABLE_FEATURES } from "../wasm/feature.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { MODULE_LIMITS } from "../wasm/module-limits.js";
import { Op } from "../wasm/opcode.js";
import { isNumberType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";

/** One loop of a function. */
export interface LoopScan {
  /** Cost of one turn without the loops inside it. */
  cost: number;
  /** Whether nothing is called in it, the loops inside it included. */
  callFree: boolean;
  /** Whether it has no loop inside. */
  innermost: boolean;
  /** Offset of its `end`. */
  end: number;
}

/** What one pass over a function's instructions finds out. Costs are in fuel: about one per instruction. */
export interface FunctionScan {
  /** Cost of everything outside loops, charged at entry. */
  readonly cost: number;
  /** The loops by the offset of their instruction. */
  readonly loops: ReadonlyMap<number, Readonly<LoopScan>>;
  /** Whether one of the loops is free of calls. */
  readonly hasCallFreeLoop: boolean;
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

interface OpenConstruct {
  readonly opcode: number;
  /** The innermost loop around the code inside this construct. */
  readonly loop: LoopScan;
}

/**
 * Passes once over a function: costs, calls and the extensions used, which go into `features`. The nesting is checked.
 * Stops at the first instruction that no target supports, after noting its extension. Throws EDGELESS_BAD_WASM.
 */
export function scanFunction(bytes: Uint8Array, body: FunctionBody, features: Set<Feature>): FunctionScan {
  const instruction = new InstructionReader(new ByteReader(bytes, body.start, body.end));
  const outside: LoopScan = { cost: 1, callFree: false, innermost: false, end: body.end };
  const loops = new Map<number, LoopScan>();
  const calls = new Set<number>();
  const indirectTypes = new Set<number>();
  const open: OpenConstruct[] = [{ opcode: Op.block, loop: outside }];
  for (let inside = open[0]; inside !== undefined; inside = open[open.length - 1]) {
    if (!instruction.next()) {
      throw badWasm(body.end, "a function has no end");
    }
    const { opcode, start, kind } = instruction;
    if (kind.feature !== undefined) {
      features.add(kind.feature);
      if (!PORTABLE_FEATURES.has(kind.feature)) {
        break;
      }
    }
    let { loop } = inside;
    loop.cost += COSTS.get(opcode) ?? 1;
    switch (opcode) {
      case Op.loop:
        loop.innermost = false;
        loop = { cost: 1, callFree: true, innermost: true, end: body.end };
        loops.set(start, loop);
        noteBlockType(instruction.blockType, start, features);
        open.push({ opcode, loop });
        break;
      case Op.block:
      case Op.if:
        noteBlockType(instruction.blockType, start, features);
        open.push({ opcode, loop });
        break;
      case Op.else:
        if (inside.opcode !== Op.if) {
          throw badWasm(start, "else is not inside an if");
        }
        break;
      case Op.end:
        open.pop();
        if (inside.opcode === Op.loop) {
          loop.end = start;
          const around = open[open.length - 1]?.loop ?? outside;
          around.callFree &&= loop.callFree;
        }
        break;
      case Op.call:
        loop.callFree = false;
        calls.add(instruction.index);
        break;
      case Op.callIndirect:
        loop.callFree = false;
        indirectTypes.add(instruction.index);
        if (instruction.second !== 0) {
          features.add("reference-types");
        }
        break;
      default:
        loop.callFree &&= !isBulkOperation(opcode);
    }
    if (open.length > MODULE_LIMITS.nesting) {
      throw badWasm(start, `a function is nested deeper than ${MODULE_LIMITS.nesting} levels`);
    }
  }
  if (open.length === 0 && instruction.end !== body.end) {
    throw badWasm(instruction.end, "instructions follow the end of a function");
  }
  return {
    cost: outside.cost,
    loops,
    hasCallFreeLoop: [...loops.values()].some(({ callFree }) => callFree),
    calls: [...calls],
    indirectTypes: [...indirectTypes],
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
