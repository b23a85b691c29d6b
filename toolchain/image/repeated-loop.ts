import { ByteReader } from "../wasm/byte-reader.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";
import { leavesFunction, writeBranch } from "./branch.js";
import type { FuelCode } from "./fuel-code.js";
import type { LoopScan } from "./scan-function.js";

/** Turns of a short loop that are written one after the other and charged at once. */
const TURNS = 4;
/** The same for a very short loop. */
const MANY_TURNS = 12;

/** Bytes of code of a loop that is repeated, and most of a very short one; with fewer a loop is not worth it. */
const MIN_BYTES = 8;
const MAX_BYTES = 96;
const VERY_SHORT_BYTES = 48;

/** Where a loop stands in the function that is being written. */
interface LoopPlace {
  /** At the loop instruction. */
  readonly instruction: InstructionReader;
  readonly loop: LoopScan;
  /** The constructs around the loop. */
  readonly open: readonly { readonly depth: number }[];
  readonly depth: number;
  readonly fuel: FuelCode;
}

/** Whether the loop at the current instruction is short, calls nothing and has no loop inside; loops with parameters are left as they are. */
export function canRepeat({ end, blockType }: InstructionReader, loop: LoopScan): boolean {
  const length = loop.end - end;
  return loop.callFree && loop.innermost && blockType < 0 && length >= MIN_BYTES && length <= MAX_BYTES;
}

/**
 * Writes a short loop so that the fuel of several turns is charged at once, because charging would take a large part of
 * each turn: `charging loop; block turn end; block turn end; ...; turn; end`. Where the source goes on with
 * the next turn, what is written leaves the block of the turn, and after the last goes back to the loop; where the source
 * falls out of the loop, it leaves the outermost block. A loop that ends early has paid for a few turns too many.
 */
export function writeRepeatedLoop(out: ByteWriter, bytes: Uint8Array, place: LoopPlace): void {
  const { instruction, loop, fuel } = place;
  const exit = place.depth + 1;
  const blockType = bytes.subarray(instruction.immediates, instruction.end);
  const turns = loop.end - instruction.end <= VERY_SHORT_BYTES ? MANY_TURNS : TURNS;
  const cost = loop.cost * turns;
  const head = place.depth + fuel.beginLoop(blockType, cost, true);
  for (let turn = 1; turn <= turns; turn += 1) {
    const isLast = turn === turns;
    const depth = isLast ? head : head + 1;
    if (!isLast) {
      out.code(Op.block, VOID_BLOCK);
    }
    writeTurn(out, bytes, place, depth);
    out.byte(Op.br).u32(depth - exit);
    if (!isLast) {
      out.byte(Op.end);
    }
  }
  fuel.endLoop(blockType, cost, true);
}

/** Writes the body of the loop once, `depth` constructs deep; its own label means the innermost of these. */
function writeTurn(
  out: ByteWriter,
  bytes: Uint8Array,
  { instruction, loop, open, fuel }: LoopPlace,
  depth: number,
): void {
  const body = new InstructionReader(new ByteReader(bytes, instruction.end, loop.end));
  let inside = 0;
  while (body.next()) {
    switch (body.opcode) {
      case Op.block:
      case Op.if:
        inside += 1;
        break;
      case Op.end:
        inside -= 1;
        break;
      case Op.br:
      case Op.brIf:
      case Op.brTable:
      case Op.return:
        if (leavesFunction(body, inside + open.length)) {
          fuel.publish();
        }
        writeBranch(out, body, (label) =>
          label <= inside ? label : depth + inside - (open[open.length - (label - inside)]?.depth ?? 0),
        );
        continue;
    }
    out.range(bytes, body.start, body.end);
  }
}
