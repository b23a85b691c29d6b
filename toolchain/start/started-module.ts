import { analyseModule } from "../image/analyse-module.js";
import { ByteReader } from "../wasm/byte-reader.js";
import { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { ValueType } from "../wasm/value-type.js";
import { Section, type WasmModule } from "../wasm/wasm-module.js";
import { type SectionContents, writeConstantI32, writeModule, writeVector } from "../wasm/write-module.js";
import { type StartState, startState } from "./start-state.js";

/** Zero bytes in a row that are worth another segment. */
const GAP = 8;

/** Pages whose number is a constant of the same length as `memory.size`. */
const MAX_SHORT = 63;

const LEFT_OUT: readonly number[] = [Section.custom, Section.start, Section.dataCount, Section.data];

/**
 * The module as it is when its start function has run: without that, with what it leaves as data and globals, and with the size
 * of a memory that cannot grow as a constant. The same module when that cannot be known beforehand. Throws EDGELESS_BAD_WASM.
 */
export function startedModule(wasm: Uint8Array): Uint8Array {
  const analysis = analyseModule(wasm);
  const state = startState(analysis);
  return state === undefined ? wasm : writeStartedModule(analysis.module, state);
}

function writeStartedModule(module: WasmModule, state: StartState): Uint8Array {
  const bytes = withConstantSize(module);
  const kept = module.sections.filter(({ id }) => !LEFT_OUT.includes(id));
  const sections = kept.map(
    ({ id, start, end }): SectionContents => ({
      id,
      bytes: id === Section.global ? globalSection(module, state) : bytes.subarray(start, end),
    }),
  );
  return writeModule([...sections, { id: Section.data, bytes: dataSection(state.memory) }]);
}

function withConstantSize({ bytes, bodies, memories }: WasmModule): Uint8Array {
  const [memory] = memories;
  if (memory === undefined || memory.min !== memory.max || memory.min > MAX_SHORT) {
    return bytes;
  }
  const out = bytes.slice();
  for (const { start, end } of bodies) {
    const instruction = new InstructionReader(new ByteReader(bytes, start, end));
    while (instruction.next()) {
      if (instruction.opcode === Op.memorySize && instruction.end === instruction.start + 2) {
        out.set([Op.i32Const, memory.min], instruction.start);
      }
    }
  }
  return out;
}

function globalSection({ globals }: WasmModule, state: StartState): Uint8Array {
  const out = new ByteWriter();
  out.u32(globals.length);
  for (const [index, { type, mutable }] of globals.entries()) {
    out.byte(type).byte(mutable ? 1 : 0);
    writeConstant(out, type, state.globals[index] ?? 0);
  }
  return out.bytes();
}

function writeConstant(out: ByteWriter, type: number, value: number | bigint): void {
  if (type === ValueType.i32) {
    writeConstantI32(out, Number(value));
    return;
  }
  const number = new DataView(new ArrayBuffer(8));
  if (type === ValueType.i64) {
    out.byte(Op.i64Const).s64(BigInt(value));
  } else if (type === ValueType.f32) {
    number.setFloat32(0, Number(value), true);
    out.byte(Op.f32Const).raw(new Uint8Array(number.buffer, 0, 4));
  } else {
    number.setFloat64(0, Number(value), true);
    out.byte(Op.f64Const).raw(new Uint8Array(number.buffer));
  }
  out.byte(Op.end);
}

function dataSection(memory: Uint8Array): Uint8Array {
  const ranges: [from: number, to: number][] = [];
  for (const [at, byte] of memory.entries()) {
    const last = ranges[ranges.length - 1];
    if (byte === 0) {
      continue;
    }
    if (last !== undefined && at - last[1] < GAP) {
      last[1] = at + 1;
    } else {
      ranges.push([at, at + 1]);
    }
  }
  const out = new ByteWriter();
  writeVector(out, ranges, ([from, to]) => {
    out.u32(0);
    writeConstantI32(out, from);
    out.sized(memory.subarray(from, to));
  });
  return out.bytes();
}
