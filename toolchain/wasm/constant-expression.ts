import { type ByteReader, badWasm } from "./byte-reader.js";
import type { Feature } from "./feature.js";
import { InstructionReader } from "./instruction-reader.js";
import { Op } from "./opcode.js";
import type { ConstantExpression } from "./wasm-module.js";

/** A constant expression is one instruction and `end`; extended ones are longer, and this is as long as they may be. */
const MAX_INSTRUCTIONS = 100;

/** Reads a constant expression up to and with its `end`; throws EDGELESS_BAD_WASM. */
export function readConstantExpression(reader: ByteReader, features: Set<Feature>): ConstantExpression {
  const start = reader.offset;
  const instruction = new InstructionReader(reader);
  for (let count = 0; count <= MAX_INSTRUCTIONS && instruction.next(); count += 1) {
    switch (instruction.opcode) {
      case Op.end:
        if (count > 1) {
          features.add("extended-constants");
        }
        return reader.bytes.subarray(start, reader.offset);
      case Op.i32Const:
      case Op.i64Const:
      case Op.f32Const:
      case Op.f64Const:
      case Op.globalGet:
        break;
      case Op.refNull:
      case Op.refFunc:
        features.add("reference-types");
        break;
      case Op.i32Add:
      case Op.i32Sub:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        features.add("extended-constants");
        break;
      default:
        if (instruction.kind.feature === undefined) {
          throw badWasm(instruction.start, `${instruction.kind.name} cannot be in a constant expression`);
        }
        features.add(instruction.kind.feature);
    }
  }
  throw badWasm(start, "a constant expression has no end");
}

/** Reads an element expression: a function's index, or undefined for null; throws EDGELESS_BAD_WASM. */
export function readFunctionReference(reader: ByteReader, functions: number): number | undefined {
  const instruction = new InstructionReader(reader);
  const at = reader.offset;
  instruction.next();
  const { opcode, index } = instruction;
  if ((opcode !== Op.refFunc && opcode !== Op.refNull) || (opcode === Op.refFunc && index >= functions)) {
    throw badWasm(at, "an element is neither a function nor null");
  }
  if (!instruction.next() || instruction.opcode !== Op.end) {
    throw badWasm(at, "an element expression has no end");
  }
  return opcode === Op.refFunc ? index : undefined;
}
