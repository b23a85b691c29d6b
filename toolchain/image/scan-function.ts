import { ByteReader, badWasm } from "../wasm/byte-reader.js";
import { type Feature, PORTABLE_FEATURES } from "../wasm/feature.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { MODULE_LIMITS } from "../wasm/module-limits.js";
import { Op } from "../wasm/opcode.js";
import { isNumberType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";

/** What one pass over a function's instructions finds out. Costs are in fuel: about one per instruction. */
export interface FunctionScan {
  /** Cost of everything outside loops, charged at entry. */
  readonly cost: number;
  /** Cost of one turn of each loop without the loops inside it, by the offset of the loop instruction. */
  readonly loopCosts: ReadonlyMap<number, number>;
  /** Whether some loop runs without calling anything. */
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
  /** Place of the innermost loop around the code inside this construct, -1 outside loops. */
  readonly loop: number;
  /** Whether something inside calls a function. */
  hasCall: boolean;
}

/**
 * Passes once over a function: costs, calls and the extensions used, which go into `features`. The nesting is checked.
 * Stops at the first instruction that no target supports, after noting its extension. Throws EDGELESS_BAD_WASM.
 */
export function scanFunction(bytes: Uint8Array, body: FunctionBody, features: Set<Feature>): FunctionScan {
  const instruction = new InstructionReader(new ByteReader(bytes, body.start, body.end));
  const costs = new Map<number, number>([[-1, 1]]);
  const calls = new Set<number>();
  const indirectTypes = new Set<number>();
  const open: OpenConstruct[] = [{ opcode: Op.block, loop: -1, hasCall: false }];
  let hasCallFreeLoop = false;
  let loop = -1;
  while (instruction.next()) {
    const { opcode, start, kind } = instruction;
    if (kind.feature !== undefined) {
      features.add(kind.feature);
      if (!PORTABLE_FEATURES.has(kind.feature)) {
        break;
      }
    }
    switch (opcode) {
      case Op.block:
      case Op.loop:
      case Op.if:
        noteBlockType(instruction.blockType, start, features);
        if (opcode === Op.loop) {
          loop = start;
          costs.set(start, 1);
        }
        open.push({ opcode, loop, hasCall: false });
        if (open.length > MODULE_LIMITS.nesting) {
          throw badWasm(start, `a function is nested deeper than ${MODULE_LIMITS.nesting} levels`);
        }
        break;
      case Op.else:
        if (open[open.length - 1]?.opcode !== Op.if) {
          throw badWasm(start, "else is not inside an if");
        }
        break;
      case Op.end: {
        const closed = open.pop();
        const around = open[open.length - 1];
        hasCallFreeLoop ||= closed?.opcode === Op.loop && !closed.hasCall;
        if (around !== undefined && closed !== undefined) {
          around.hasCall ||= closed.hasCall;
        }
        loop = around?.loop ?? -1;
        if (open.length === 0 && instruction.end !== body.end) {
          throw badWasm(instruction.end, "instructions follow the end of a function");
        }
        break;
      }
      case Op.call:
        calls.add(instruction.index);
        noteCall(open);
        break;
      case Op.callIndirect:
        indirectTypes.add(instruction.index);
        if (instruction.second !== 0) {
          features.add("reference-types");
        }
        noteCall(open);
    }
    costs.set(loop, (costs.get(loop) ?? 0) + (COSTS.get(opcode) ?? 1));
    if (open.length === 0) {
      break;
    }
  }
  if (open.length > 0 && instruction.end === body.end && instruction.opcode !== Op.end) {
    throw badWasm(body.end, "a function has no end");
  }
  const cost = costs.get(-1) ?? 1;
  costs.delete(-1);
  return { cost, loopCosts: costs, hasCallFreeLoop, calls: [...calls], indirectTypes: [...indirectTypes] };
}

function noteCall(open: readonly OpenConstruct[]): void {
  const inside = open[open.length - 1];
  if (inside !== undefined) {
    inside.hasCall = true;
  }
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
