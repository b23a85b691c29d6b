import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op, VOID_BLOCK } from "../../../toolchain/wasm/opcode.js";
import { type FunctionType, ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest, type GuestFunction } from "./guest-module.js";
import {
  type Expression,
  type LoopProgram,
  NARROW_LOCALS,
  type Statement,
  WIDE_LOCALS,
} from "./loop-program.js";

const { i32, i64 } = ValueType;
const NOTHING: FunctionType = { params: [], results: [] };
const ONE_TO_ONE: FunctionType = { params: [i32], results: [i32] };

/** Global with what was noted; written to memory at the end. */
const ACC = 0;
const RESULT_ADDRESS = 16;
const FILL_ADDRESS = 4096;

/** The program as a guest module; it begins in `handle_stop_asm` and leaves what it noted in memory. */
export function loopProgramModule(program: LoopProgram): Uint8Array {
  const types: FunctionType[] = [NOTHING, ONE_TO_ONE];
  const functions: GuestFunction[] = program.map((body) => {
    const out = new ByteWriter();
    for (const statement of body) writeStatement(out, statement);
    out.byte(Op.end);
    return {
      type: NOTHING,
      locals: [...new Array<number>(NARROW_LOCALS).fill(i32), ...new Array<number>(WIDE_LOCALS).fill(i64)],
      code: out.bytes(),
    };
  });
  const entry = new ByteWriter();
  entry.code(Op.call, 0, Op.i32Const, RESULT_ADDRESS, Op.globalGet, ACC, 0x36, 2, 0, Op.end);
  functions.push({ type: GUEST_EXPORTS.handle_stop_asm, code: entry.bytes() });
  return buildGuest(
    {
      functions,
      handlers: { handle_stop_asm: program.length },
      globals: [i32],
      table: program.map((_, at) => at),
    },
    types,
  );
}

/** What a run left in the memory. */
export function notedIn(memory: ArrayBufferLike): number {
  return new DataView(memory).getInt32(RESULT_ADDRESS, true);
}

function writeStatement(out: ByteWriter, statement: Statement): void {
  switch (statement.kind) {
    case "set":
      writeExpression(out, statement.value);
      out.byte(Op.localSet).u32(statement.local);
      return;
    case "note":
      out.code(Op.globalGet, ACC, Op.i32Const).s32(31).byte(Op.i32Mul);
      writeExpression(out, statement.value);
      out.code(Op.i32Add, Op.globalSet, ACC);
      return;
    case "step":
      out.byte(Op.localGet).u32(statement.local);
      if (statement.local < NARROW_LOCALS) out.byte(Op.i32Const).s32(statement.by).byte(Op.i32Add);
      else out.byte(Op.i64Const).s64(BigInt(statement.by)).byte(0x7c);
      out.byte(Op.localSet).u32(statement.local);
      return;
    case "block":
    case "loop":
      out.code(statement.kind === "block" ? Op.block : Op.loop, VOID_BLOCK);
      writeAll(out, statement.body);
      out.byte(Op.end);
      return;
    case "passing":
      out.byte(Op.localGet).u32(statement.local).code(Op.loop, 1, Op.localSet).u32(statement.local);
      writeAll(out, statement.body);
      out.byte(Op.localGet).u32(statement.local).byte(Op.end).byte(Op.localSet).u32(statement.local);
      return;
    case "if":
      writeExpression(out, statement.when);
      out.code(Op.if, VOID_BLOCK);
      writeAll(out, statement.body);
      if (statement.other.length > 0) out.byte(Op.else);
      writeAll(out, statement.other);
      out.byte(Op.end);
      return;
    case "br":
      if (statement.value !== undefined) writeExpression(out, statement.value);
      out.byte(Op.br).u32(statement.label);
      return;
    case "brIf":
      writeExpression(out, statement.when);
      out.byte(Op.brIf).u32(statement.label);
      return;
    case "brTable":
      writeExpression(out, statement.at);
      out.byte(Op.brTable).u32(statement.labels.length - 1);
      for (const label of statement.labels) out.u32(label);
      return;
    case "return":
      out.byte(Op.return);
      return;
    case "trap":
      out.byte(Op.unreachable);
      return;
    case "call":
      out.byte(Op.call).u32(statement.callee);
      return;
    case "callIndirect":
      out.byte(Op.i32Const).s32(statement.callee).code(Op.callIndirect, 0, 0);
      return;
    case "fill":
      out.byte(Op.i32Const).s32(FILL_ADDRESS).code(Op.i32Const, 7);
      writeExpression(out, statement.length);
      out.code(0xfc, 11, 0);
  }
}

function writeAll(out: ByteWriter, body: readonly Statement[]): void {
  for (const statement of body) writeStatement(out, statement);
}

function writeExpression(out: ByteWriter, expression: Expression): void {
  switch (expression.kind) {
    case "constant":
      out.byte(Op.i32Const).s32(expression.value);
      return;
    case "get":
      out.byte(Op.localGet).u32(expression.local);
      return;
    case "getWide":
      out.byte(Op.localGet).u32(expression.local).byte(0xa7);
      return;
    case "tee":
      writeExpression(out, expression.value);
      out.byte(Op.localTee).u32(expression.local);
      return;
    case "acc":
      out.code(Op.globalGet, ACC);
      return;
    case "not":
      writeExpression(out, expression.value);
      out.byte(Op.i32Eqz);
      return;
    case "binary":
      writeExpression(out, expression.a);
      writeExpression(out, expression.b);
      out.byte(expression.by.opcode);
      return;
    case "block":
      out.code(Op.block, i32);
      writeAll(out, expression.body);
      writeExpression(out, expression.value);
      out.byte(Op.end);
  }
}
