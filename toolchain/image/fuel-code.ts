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
    out.code(Op.i32Const).s32(cost).code(Op.i32Sub);
    if (this.#cached) {
      out.code(Op.localSet).u32(this.#local);
    } else {
      out.code(Op.localTee).u32(this.#local).code(Op.globalSet).u32(fuelGlobal);
    }
    this.refill();
  }

  /**
   * Begins a loop, whose block type is given as bytes, and charges for each turn; gives the number of constructs opened.
   * {@link endLoop} ends them.
   *
   * A loop without calls gets none, because the engine makes much slower code for a loop with one. When the fuel has run
   * out it is left, to a place where the host is asked for more, and entered again:
   * `block; loop; block; loop; fuel -= cost; if fuel < 0 leave; ...; end; leave all; end; refill; again; end; end`.
   * What is refilled includes the cost, so that charging it again makes the same sum.
   */
  beginLoop(blockType: Uint8Array, cost: number, callFree: boolean): number {
    const out = this.#out;
    if (!this.#leavesToRefill(blockType, callFree)) {
      out.code(Op.loop).raw(blockType);
      this.charge(cost);
      return 1;
    }
    out.code(Op.block).raw(blockType).code(Op.loop).raw(blockType).code(Op.block, VOID_BLOCK);
    out.code(Op.loop).raw(blockType);
    out
      .code(Op.localGet)
      .u32(this.#local)
      .code(Op.i32Const)
      .s32(cost)
      .code(Op.i32Sub, Op.localTee)
      .u32(this.#local);
    out.code(Op.i32Const, 0, Op.i32LtS, Op.brIf, 1);
    return 4;
  }

  /** Ends what {@link beginLoop} began with the same arguments. */
  endLoop(blockType: Uint8Array, cost: number, callFree: boolean): void {
    const out = this.#out;
    out.code(Op.end);
    if (!this.#leavesToRefill(blockType, callFree)) {
      return;
    }
    out.code(Op.br, 2, Op.end);
    out.code(Op.localGet).u32(this.#local).code(Op.call).u32(this.#layout.hook("fuel"));
    out.code(Op.i32Const).s32(cost).code(Op.i32Add, Op.localSet).u32(this.#local);
    out.code(Op.br, 0, Op.end, Op.end);
  }

  /** A loop with parameters, whose block type is an index, would need them in front of each construct. */
  #leavesToRefill(blockType: Uint8Array, callFree: boolean): boolean {
    const isIndex = blockType.length > 1 || ((blockType[0] ?? 0) & 0x40) === 0;
    return callFree && !isIndex && this.#layout.countsFuel;
  }

  /**
   * Charges `cost` for each of the turns in the local `turns`.
   * @param trusted whether the fuel has run out is found out later, by {@link refill} or where it is charged next
   */
  chargeAhead(turns: number, cost: number, trusted: boolean): void {
    const out = this.#out;
    const { fuelGlobal } = this.#layout;
    if (this.#cached) {
      out.code(Op.localGet).u32(this.#local);
    } else {
      out.code(Op.globalGet).u32(fuelGlobal);
    }
    out.code(Op.localGet).u32(turns).code(Op.i32Const).s32(cost).code(Op.i32Mul, Op.i32Sub);
    if (this.#cached) {
      out.code(Op.localSet).u32(this.#local);
    } else {
      out.code(Op.localTee).u32(this.#local).code(Op.globalSet).u32(fuelGlobal);
    }
    if (!trusted) {
      this.refill();
    }
  }

  /** Asks the host for more when the fuel has run out; its local must be as after a charge. */
  refill(): void {
    const out = this.#out;
    out.code(Op.localGet).u32(this.#local).code(Op.i32Const, 0, Op.i32LtS, Op.if, VOID_BLOCK);
    out.code(Op.localGet).u32(this.#local).code(Op.call).u32(this.#layout.hook("fuel"));
    if (this.#cached) {
      out.code(Op.localSet).u32(this.#local);
    } else {
      out.code(Op.globalSet).u32(this.#layout.fuelGlobal);
    }
    out.code(Op.end);
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
