import type { ByteWriter } from "../wasm/byte-writer.js";
import type { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";

/** Writes the current branch or return with its labels as they are in what is written. */
export function writeBranch(
  out: ByteWriter,
  { opcode, index, labels }: InstructionReader,
  labelOf: (source: number) => number,
): void {
  out.byte(opcode);
  if (opcode === Op.brTable) {
    out.u32(labels.length - 1);
    for (const label of labels) {
      out.u32(labelOf(label));
    }
  } else if (opcode !== Op.return) {
    out.u32(labelOf(index));
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
