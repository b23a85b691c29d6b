import type { ByteWriter } from "../wasm/byte-writer.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";
import type { PreparedLayout } from "./prepared-layout.js";

/** Fuel for copying or filling: one unit for so many bytes or table elements, as a power of two. */
const LENGTH_SHIFT = 4;

/**
 * Writes the code that charges fuel inside one function. The fuel lives in a global. A function with a loop
 * that calls nothing keeps it in a local instead, because a counter in memory would dominate a short loop; there the global is
 * brought up to date before anybody else can look at it: before calls and before the function is left.
 */
export class FuelCode {
  readonly #out: ByteWriter;
  readonly #layout: PreparedLayout;
  readonly #local: number;
  readonly #cached: boolean;

  /** `local` is an i32 local of the function for the fuel; `cached`: it holds the truth between calls. */
  constructor(out: ByteWriter, layout: PreparedLayout, local: number, cached: boolean) {
    this.#out = out;
    this.#layout = layout;
    this.#local = local;
    this.#cached = cached && layout.countsFuel;
  }

  /** Makes the local valid; the first thing in a function. */
  load(): void {
    if (this.#cached) {
      this.#out.code(Op.globalGet).u32(this.#layout.fuelGlobal).code(Op.localSet).u32(this.#local);
    }
  }

  /** Charges a constant cost and asks the host for more when the fuel has run out. */
  charge(cost: number): void {
    if (!this.#layout.countsFuel) {
      return;
    }
    const out = this.#out;
    const { fuelGlobal } = this.#layout;
    if (this.#cached) {
      out.code(Op.localGet).u32(this.#local);
    } else {
      out.code(Op.globalGet).u32(fuelGlobal);
    }
    out.code(Op.i32Const).s32(cost).code(Op.i32Sub, Op.localTee).u32(this.#local);
    if (!this.#cached) {
      out.code(Op.globalSet).u32(fuelGlobal).code(Op.localGet).u32(this.#local);
    }
    out.code(Op.i32Const, 0, Op.i32LtS, Op.if, VOID_BLOCK);
    out.code(Op.localGet).u32(this.#local).code(Op.call).u32(this.#layout.hook("fuel"));
    if (this.#cached) {
      out.code(Op.localSet).u32(this.#local);
    } else {
      out.code(Op.globalSet).u32(fuelGlobal);
    }
    out.code(Op.end);
  }

  /**
   * Begins a loop, whose block type is given as bytes, and charges for each turn; gives the number of constructs opened.
   *
   * A loop without calls gets none, because the engine makes much slower code for a loop with one. It is put into
   * another loop instead, to which it goes when the fuel has run out and where the host is asked for more:
   * `loop; if fuel < 0 then refill; loop; fuel -= cost; if fuel < 0 then again the outer one; ...; end; end`.
   * What is refilled includes the cost, so that charging it again makes the same sum.
   */
  beginLoop(
    blockType: Uint8Array,
    { cost, callFree }: { readonly cost: number; readonly callFree: boolean },
  ): number {
    const out = this.#out;
    if (!callFree || !this.#layout.countsFuel) {
      out.code(Op.loop).raw(blockType);
      this.charge(cost);
      return 1;
    }
    out.code(Op.loop).raw(blockType);
    out.code(Op.localGet).u32(this.#local).code(Op.i32Const, 0, Op.i32LtS, Op.if, VOID_BLOCK);
    out.code(Op.localGet).u32(this.#local).code(Op.call).u32(this.#layout.hook("fuel"));
    out.code(Op.i32Const).s32(cost).code(Op.i32Add, Op.localSet).u32(this.#local).code(Op.end);
    out.code(Op.loop).raw(blockType);
    out
      .code(Op.localGet)
      .u32(this.#local)
      .code(Op.i32Const)
      .s32(cost)
      .code(Op.i32Sub, Op.localTee)
      .u32(this.#local);
    out.code(Op.i32Const, 0, Op.i32LtS, Op.brIf, 1);
    return 2;
  }

  /** Charges for the length on top of the operand stack, which stays there; `scratch` is an i32 local. */
  chargeLength(scratch: number): void {
    if (!this.#layout.countsFuel) {
      return;
    }
    this.#out.code(Op.localTee).u32(scratch);
    this.publish();
    this.#out.code(Op.localGet).u32(scratch).code(Op.i32Const, LENGTH_SHIFT, Op.i32ShrU);
    this.#out.code(Op.call).u32(this.#layout.chargeFunction);
    this.load();
  }

  /** Brings the global up to date: before a call, and before the function is left. */
  publish(): void {
    if (this.#cached) {
      this.#out.code(Op.localGet).u32(this.#local).code(Op.globalSet).u32(this.#layout.fuelGlobal);
    }
  }
}

/** Writes the function that charges its argument: no locals, and the code. */
export function writeChargeFunction(out: ByteWriter, layout: PreparedLayout): void {
  const { fuelGlobal } = layout;
  out.u32(0);
  out.code(Op.globalGet).u32(fuelGlobal).code(Op.localGet, 0, Op.i32Sub, Op.localTee, 0);
  out.code(Op.globalSet).u32(fuelGlobal).code(Op.localGet, 0, Op.i32Const, 0, Op.i32LtS, Op.if, VOID_BLOCK);
  out
    .code(Op.localGet, 0, Op.call)
    .u32(layout.hook("fuel"))
    .code(Op.globalSet)
    .u32(fuelGlobal)
    .code(Op.end, Op.end);
}
