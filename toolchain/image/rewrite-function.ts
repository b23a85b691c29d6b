import { ByteReader } from "../wasm/byte-reader.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { type FunctionType, ValueType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";
import { leavesFunction, writeBranch } from "./branch.js";
import { FuelCode } from "./fuel-code.js";
import type { PreparedLayout } from "./prepared-layout.js";
import { canRepeat, writeRepeatedLoop } from "./repeated-loop.js";
import { type FunctionScan, isBulkOperation, type LoopScan } from "./scan-function.js";

/** A function of the source with everything that rewriting it needs. */
export interface SourceFunction {
  readonly type: FunctionType;
  readonly body: FunctionBody;
  readonly scan: FunctionScan;
  /** Most bytes that may be written for it. */
  readonly limit: number;
}

/** Writes the groups of locals of a function, with `added` groups after its own. */
export function writeLocals(
  out: ByteWriter,
  body: FunctionBody,
  added: readonly { readonly count: number; readonly type: number }[],
): void {
  out.u32(body.locals.length + added.length);
  for (const { count, type } of [...body.locals, ...added]) {
    out.u32(count).byte(type);
  }
}

/** Writes a function that charges fuel at its entry and at each turn of a loop, and is otherwise as it was. */
export function rewriteFunction(
  out: ByteWriter,
  bytes: Uint8Array,
  { type, body, scan }: SourceFunction,
  layout: PreparedLayout,
): void {
  const fuelLocal = body.locals.reduce((sum, { count }) => sum + count, type.params.length);
  const fuel = new FuelCode(out, layout, fuelLocal, scan.hasCallFreeLoop);
  writeLocals(out, body, [{ count: 2, type: ValueType.i32 }]);
  fuel.load();
  fuel.charge(scan.cost);

  const instruction = new InstructionReader(new ByteReader(bytes, body.start, body.end));
  /** How deep each open construct is in what is written; the function itself is 0. */
  const open = [0];
  let depth = 0;
  let copied = body.start;
  const copyTo = (end: number) => {
    out.range(bytes, copied, end);
    copied = instruction.end;
  };
  while (instruction.next()) {
    const { opcode, start, end } = instruction;
    const loop = scan.loops.get(start) ?? NO_LOOP;
    switch (opcode) {
      case Op.block:
      case Op.if:
        open.push(++depth);
        break;
      case Op.loop:
        copyTo(start);
        if (layout.countsFuel && canRepeat(instruction, loop)) {
          writeRepeatedLoop(out, bytes, { instruction, loop, open, depth, fuel });
          instruction.continueAt(loop.end + 1);
          copied = loop.end + 1;
        } else {
          depth += fuel.beginLoop(bytes.subarray(instruction.immediates, end), loop);
          open.push(depth);
        }
        break;
      case Op.end: {
        open.pop();
        copyTo(start);
        if (open.length === 0) {
          fuel.publish();
        }
        for (const outer = open[open.length - 1] ?? -1; depth > outer; depth -= 1) {
          out.code(Op.end);
        }
        break;
      }
      case Op.br:
      case Op.brIf:
      case Op.brTable:
      case Op.return:
        copyTo(start);
        if (leavesFunction(instruction, open.length - 1)) {
          fuel.publish();
        }
        writeBranch(out, instruction, (label) => depth - (open[open.length - 1 - label] ?? 0));
        break;
      case Op.call:
      case Op.callIndirect:
        copyTo(start);
        fuel.publish();
        writeCall(out, instruction, layout);
        fuel.load();
        break;
      default:
        if (isBulkOperation(opcode)) {
          out.range(bytes, copied, start);
          copied = start;
          fuel.chargeLength(fuelLocal + 1);
        }
    }
  }
  out.range(bytes, copied, body.end);
}

/** What a loop that was not scanned would be; every loop is scanned. */
const NO_LOOP: LoopScan = { cost: 1, callFree: false, innermost: false, end: 0 };

/** Writes the current call instruction with the function's index in the prepared module. */
export function writeCall(
  out: ByteWriter,
  { opcode, index, second }: InstructionReader,
  layout: PreparedLayout,
): void {
  out.byte(opcode);
  if (opcode === Op.call) {
    out.u32(layout.functionIndex(index));
  } else {
    out.u32(index).u32(second);
  }
}
