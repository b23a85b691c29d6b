import { ByteReader } from "../wasm/byte-reader.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { type FunctionType, ValueType } from "../wasm/value-type.js";
import type { FunctionBody } from "../wasm/wasm-module.js";
import { FuelCode } from "./fuel-code.js";
import type { PreparedLayout } from "./prepared-layout.js";
import type { FunctionScan } from "./scan-function.js";

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
  let depth = 0;
  let copied = body.start;
  const copyTo = (end: number) => {
    out.range(bytes, copied, end);
    copied = end;
  };
  while (instruction.next()) {
    switch (instruction.opcode) {
      case Op.block:
      case Op.if:
        depth += 1;
        break;
      case Op.loop:
        depth += 1;
        copyTo(instruction.end);
        fuel.charge(scan.loopCosts.get(instruction.start) ?? 1);
        break;
      case Op.end:
        if (depth === 0) {
          copyTo(instruction.start);
          fuel.publish();
        }
        depth -= 1;
        break;
      case Op.br:
      case Op.brIf:
      case Op.brTable:
      case Op.return:
        if (leavesFunction(instruction, depth)) {
          copyTo(instruction.start);
          fuel.publish();
        }
        break;
      case Op.call:
      case Op.callIndirect:
        copyTo(instruction.start);
        fuel.publish();
        copied = instruction.end;
        writeCall(out, instruction, layout);
        fuel.load();
        break;
      case Op.memoryInit:
      case Op.memoryCopy:
      case Op.memoryFill:
      case Op.tableInit:
      case Op.tableCopy:
        copyTo(instruction.start);
        fuel.chargeLength(fuelLocal + 1);
    }
  }
  copyTo(body.end);
}

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

/** Whether the current branch or return, `depth` constructs deep, may end the function. */
export function leavesFunction({ opcode, index, labels }: InstructionReader, depth: number): boolean {
  switch (opcode) {
    case Op.return:
      return true;
    case Op.brTable:
      return labels.includes(depth);
    default:
      return index === depth;
  }
}
