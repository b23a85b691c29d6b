import { type ByteReader, badWasm } from "./byte-reader.js";
import { FAMILIES, type InstructionKind, instructionKind } from "./instruction-table.js";

/** A jump table longer than this is refused; the engines have the same limit. */
const MAX_LABELS = 65_520;

const UNKNOWN: InstructionKind = { name: "unknown", immediate: "none" };

/**
 * Walks over the instructions of one piece of code. The fields describe the current instruction; they are overwritten
 * by the next one, so that walking allocates nothing.
 */
export class InstructionReader {
  readonly #reader: ByteReader;
  /** Opcode; a prefixed one is prefix * 256 + number. */
  opcode = 0;
  kind: InstructionKind = UNKNOWN;
  /** Place of the instruction in the file: first byte, first byte of its immediates, byte after it. */
  start = 0;
  immediates = 0;
  end = 0;
  /** First immediate: index of a label, function, type, local, global, memory, table or segment; or an i32 constant. */
  index = 0;
  /** Second index of a two-index immediate. */
  second = 0;
  /** Block type as in the binary format: negative is a value type or void, else an index of a function type. */
  blockType = 0;
  /** Labels of a jump table, the default one last; the types of a typed select. */
  labels: number[] = [];

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Goes to the next instruction; false at the end of the code. Throws EDGELESS_BAD_WASM. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.done) {
      return false;
    }
    this.start = reader.offset;
    let opcode = reader.byte();
    const family = FAMILIES.get(opcode);
    if (family !== undefined) {
      this.kind = { name: `instruction ${opcode}`, immediate: "none", feature: family };
      this.opcode = opcode;
      this.immediates = this.end = reader.offset;
      return true;
    }
    if (opcode === 0xfc) {
      opcode = 0xfc00 + Math.min(reader.u32(), 0xff);
    }
    const kind = instructionKind(opcode);
    if (kind === undefined) {
      throw badWasm(this.start, `there is no instruction with the code 0x${opcode.toString(16)}`);
    }
    this.opcode = opcode;
    this.kind = kind;
    this.immediates = reader.offset;
    this.#readImmediates(reader, kind);
    this.end = reader.offset;
    return true;
  }

  /** Passes over everything up to an offset in the file. */
  continueAt(offset: number): void {
    this.#reader.skip(offset - this.#reader.offset);
  }

  #readImmediates(reader: ByteReader, kind: InstructionKind): void {
    switch (kind.immediate) {
      case "none":
        return;
      case "index":
        this.index = reader.u32();
        return;
      case "block":
        this.blockType = reader.s33();
        return;
      case "i32":
        this.index = reader.s32();
        return;
      case "memory-argument":
        this.#readMemoryArgument(reader);
        return;
      case "two-indices":
        this.index = reader.u32();
        this.second = reader.u32();
        return;
      case "i64":
        reader.skipS64();
        return;
      case "f32":
        reader.skip(4);
        return;
      case "f64":
        reader.skip(8);
        return;
      case "byte":
        this.index = reader.byte();
        return;
      case "types":
      case "labels":
        this.#readList(reader, kind.immediate === "labels" ? 1 : 0);
    }
  }

  #readMemoryArgument(reader: ByteReader): void {
    const alignment = reader.u32();
    if (alignment >= 64) {
      throw badWasm(this.start, `${this.kind.name} names a memory by number, which needs multi-memory`);
    }
    reader.u32();
  }

  #readList(reader: ByteReader, extra: number): void {
    const count = reader.count("labels");
    if (count > MAX_LABELS) {
      throw badWasm(this.start, `${count} labels in one jump table, ${MAX_LABELS} are allowed`);
    }
    const labels: number[] = [];
    for (let left = count + extra; left > 0; left -= 1) {
      labels.push(reader.u32());
    }
    this.labels = labels;
  }
}
