import { ByteReader, badWasm } from "../wasm/byte-reader.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { Section, type WasmModule } from "../wasm/wasm-module.js";

/** A constant of any type: the number, or the two signed halves of an i64. */
export type Constant = readonly [low: number, high?: number];

/** Bytes that are in the memory from the start (`offset` known) or are put there by `memory.init`. */
export interface DataSegment {
  readonly offset: number | undefined;
  readonly bytes: Uint8Array;
}

/** The constant at the current constant instruction. */
export function readConstant(bytes: Uint8Array, instruction: InstructionReader): Constant {
  const { opcode, immediates, end } = instruction;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  switch (opcode) {
    case Op.i32Const:
      return [instruction.index];
    case Op.f32Const:
      return [view.getFloat32(immediates, true)];
    case Op.f64Const:
      return [view.getFloat64(immediates, true)];
    default:
      return readWide(bytes.subarray(immediates, end));
  }
}

/** The bits of the constant at an f32.const or f64.const, as two halves. */
export function readBits(bytes: Uint8Array, { opcode, immediates }: InstructionReader): Constant {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return opcode === Op.f32Const
    ? [view.getInt32(immediates, true)]
    : [view.getInt32(immediates, true), view.getInt32(immediates + 4, true)];
}

function readWide(leb: Uint8Array): Constant {
  let value = 0n;
  let shift = 0n;
  for (const byte of leb) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
  }
  if (((leb[leb.length - 1] ?? 0) & 0x40) !== 0) {
    value -= 1n << shift;
  }
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

/** The address or index that an active segment begins at. Throws EDGELESS_BAD_WASM. */
export function constantOffset(expression: Uint8Array, globals: readonly Constant[]): number {
  return evaluate(new ByteReader(expression), globals)[0] >>> 0;
}

/** The initial values of the globals. Throws EDGELESS_BAD_WASM. */
export function readGlobals(module: WasmModule): Constant[] {
  const globals: Constant[] = [];
  const reader = sectionReader(module, Section.global);
  if (reader !== undefined) {
    for (let left = reader.u32(); left > 0; left -= 1) {
      reader.skip(2);
      globals.push(evaluate(reader, globals));
    }
  }
  return globals;
}

/** The data segments. Throws EDGELESS_BAD_WASM. */
export function readData(module: WasmModule, globals: readonly Constant[]): DataSegment[] {
  const segments: DataSegment[] = [];
  const reader = sectionReader(module, Section.data);
  if (reader !== undefined) {
    for (let left = reader.u32(); left > 0; left -= 1) {
      const flags = reader.u32();
      if (flags === 2) {
        reader.u32();
      }
      const offset = flags === 1 ? undefined : evaluate(reader, globals)[0] >>> 0;
      segments.push({ offset, bytes: reader.take(reader.u32()) });
    }
  }
  return segments;
}

function sectionReader({ bytes, sections }: WasmModule, id: number): ByteReader | undefined {
  const range = sections.find((section) => section.id === id);
  return range === undefined ? undefined : new ByteReader(bytes, range.start, range.end);
}

/** One constant instruction and its `end`. */
function evaluate(reader: ByteReader, globals: readonly Constant[]): Constant {
  const instruction = new InstructionReader(reader);
  instruction.next();
  const value: Constant =
    instruction.opcode === Op.globalGet
      ? (globals[instruction.index] ?? [0])
      : readConstant(reader.bytes, instruction);
  instruction.next();
  if (instruction.opcode !== Op.end) {
    throw badWasm(instruction.start, "a constant expression is longer than one instruction");
  }
  return value;
}
