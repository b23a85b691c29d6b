import type { ByteWriter } from "../wasm/byte-writer.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";
import type { CountedLoop } from "./counted-loop.js";

/** Most fuel that is charged ahead at once. */
export const MAX_AHEAD = 16_384;

/** For how many turns of a loop, which cost so much each, is charged at once. */
export function turnsAhead(cost: number, fuel: number): number {
  return Math.max(1, Math.floor(fuel / cost));
}

/**
 * Writes a loop over a counter so that fuel is charged for many turns ahead and the turns themselves are as in the source:
 * `block; loop; turns = limit - counter, at most so many; leave all if there are none; charge; end = counter + turns;`
 * `loop; counter < end; if; ...; end; end; again if counter < limit; end; end`.
 *
 * That `limit - counter`, taken as unsigned, is small although the counter is not below the limit can only be when it is 0
 * or wraps; then `end` is the limit, and no turn follows.
 */
export class CountedLoopWriter {
  readonly #out: ByteWriter;
  readonly #bytes: Uint8Array;
  readonly #loop: CountedLoop;
  readonly #local: number;

  /** @param local an i32 local that nothing inside the loop uses */
  constructor(out: ByteWriter, bytes: Uint8Array, loop: CountedLoop, local: number) {
    this.#out = out;
    this.#bytes = bytes;
    this.#loop = loop;
    this.#local = local;
  }

  /** Writes what comes before the body: three constructs, and the `if` of the turn. */
  begin(turns: number, charge: (local: number) => void): void {
    const out = this.#out;
    const local = this.#local;
    const { counter } = this.#loop;
    out.code(Op.block, VOID_BLOCK, Op.loop, VOID_BLOCK);
    this.#limit();
    out.code(Op.localGet).u32(counter).code(Op.i32Sub, Op.localTee).u32(local);
    out.code(Op.i32Const).s32(turns).code(Op.i32GeU, Op.if, VOID_BLOCK);
    this.#isBelowLimit();
    out.code(Op.i32Eqz, Op.brIf, 2);
    out.code(Op.i32Const).s32(turns).code(Op.localSet).u32(local).code(Op.end);
    charge(local);
    out.code(Op.localGet).u32(counter).code(Op.localGet).u32(local).code(Op.i32Add, Op.localSet).u32(local);
    out.code(Op.loop, VOID_BLOCK, Op.localGet).u32(counter).code(Op.localGet).u32(local);
    out.code(this.#loop.comparison, Op.if, VOID_BLOCK);
  }

  /**
   * Writes what comes after the `if` of the turn.
   * @param again writes what is done before more turns are charged for
   */
  end(again: () => void): void {
    const out = this.#out;
    out.code(Op.end);
    this.#isBelowLimit();
    out.code(Op.if, VOID_BLOCK);
    again();
    out.code(Op.br, 1, Op.end, Op.end, Op.end);
  }

  #limit(): void {
    const { start, end } = this.#loop.limit;
    this.#out.range(this.#bytes, start, end);
  }

  #isBelowLimit(): void {
    this.#out.code(Op.localGet).u32(this.#loop.counter);
    this.#limit();
    this.#out.code(this.#loop.comparison);
  }
}
