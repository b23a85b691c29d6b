import { ByteReader } from "../wasm/byte-reader.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";
import { leavesFunction, writeBranch } from "./branch.js";
import type { FuelCode } from "./fuel-code.js";
import type { LoopScan } from "./scan-function.js";

/** Turns of a short loop that are written one after the other and charged at once. */
const TURNS = 4;

/** A loop is short with at most so many bytes of code. */
const MAX_BYTES = 96;

/** Where a loop stands in the function that is being written. */
interface LoopPlace {
  /** At the loop instruction. */
  readonly instruction: InstructionReader;
  readonly loop: LoopScan;
  /** How deep each construct around the loop is in what is written. */
  readonly open: readonly number[];
  readonly depth: number;
  readonly fuel: FuelCode;
}

/** Whether the loop at the current instruction is short, calls nothing and has no loop inside; loops with parameters are left as they are. */
export function canRepeat({ end, blockType }: InstructionReader, loop: LoopScan): boolean {
  return loop.callFree && loop.innermost && blockType < 0 && loop.end - end <= MAX_BYTES;
}

/**
 * Writes a short loop so that the fuel of several turns is charged at once, because charging would take a large part of
 * each turn: `block; loop; charge; block turn end; block turn end; ...; turn; end; end`. Where the source goes on with
 * the next turn, what is written leaves the block of the turn, and after the last goes back to the loop; where the source
 * falls out of the loop, it leaves the outermost block. A loop that ends early has paid for a few turns too many.
 */
export function writeRepeatedLoop(out: ByteWriter, bytes: Uint8Array, place: LoopPlace): void {
  const { instruction, loop, fuel } = place;
  const exit = place.depth + 1;
  out.byte(Op.block).range(bytes, instruction.immediates, instruction.end);
  const head = exit + fuel.beginLoop(Uint8Array.of(VOID_BLOCK), { cost: loop.cost * TURNS, callFree: true });
  for (let turn = 1; turn <= TURNS; turn += 1) {
    const isLast = turn === TURNS;
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
  for (let open = head; open > exit; open -= 1) {
    out.byte(Op.end);
  }
  out.code(Op.unreachable, Op.end);
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
          label <= inside ? label : depth + inside - (open[open.length - (label - inside)] ?? 0),
        );
        continue;
    }
    out.range(bytes, body.start, body.end);
  }
}
