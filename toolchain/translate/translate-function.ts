import { EdgelessError } from "../../core/errors.js";
import { ByteReader } from "../wasm/byte-reader.js";
import { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { localTypes } from "../wasm/operand-stack.js";
import { ValueType } from "../wasm/value-type.js";
import type { FunctionBody, WasmModule } from "../wasm/wasm-module.js";
import { branchIf, branchTable, leaveFunction, translateBranch } from "./branches.js";
import { translateCall } from "./calls.js";
import { translateDrop, translateSelect } from "./choices.js";
import { pushConstant, pushFloatConstant } from "./constants.js";
import { scanConstructs, WHOLE_FUNCTION } from "./construct-scan.js";
import { beginConstruct, finishArm, openConstruct } from "./constructs.js";
import { FunctionState } from "./function-state.js";
import { truth } from "./integer-operations.js";
import { translateBulk, translateMemoryAccess } from "./memory-access.js";
import type { ModuleNames } from "./module-names.js";
import { translateNumber } from "./numbers.js";
import type { Statement } from "./statement.js";
import { readConstant } from "./static-parts.js";
import { CALLS, call, conditional, integer, signed, type Value } from "./value.js";
import { getGlobal, getLocal, setGlobal, setLocal, teeLocal } from "./variables.js";

const { i32, i64 } = ValueType;

/** A translated function before it is written as text. */
export interface FunctionCode {
  readonly statements: readonly Statement[];
  /** Number of the construct that stands for the whole function. */
  readonly id: number;
  /** Slots of the parameters, in order. */
  readonly parameters: readonly number[];
  /** Slots that begin as zero, with the text of the zero. */
  readonly zeros: ReadonlyMap<number, string>;
  /** Slots of parameters that are assigned. */
  readonly assigned: ReadonlySet<number>;
  /** Number of the last construct. */
  readonly lastId: number;
  /** What it returns, when it does nothing but that. */
  readonly returned: Value | undefined;
}

/**
 * Translates the code of one function into statements, keeping the order of everything that can be seen. `isInlined`: the
 * text goes where it is called, so that it may be longer for less time, as in a loop. `depth`: how many functions it is written
 * into, one inside the other. Throws EDGELESS_WASM_ABI for what
 * no board can run, EDGELESS_WASM_TOO_LARGE.
 */
export function translateFunction(
  module: WasmModule,
  index: number,
  body: FunctionBody,
  names: ModuleNames,
  isInlined = false,
  depth = 0,
): FunctionCode {
  const type = module.types[module.functions[index] ?? 0] ?? { params: [], results: [] };
  const { params, results } = type;
  const state = new FunctionState(module, index, type, localTypes(type, body), names);
  const assignedIn = scanConstructs(module.bytes, body);
  state.loops = isInlined ? 1 : 0;
  state.depth = depth;
  openConstruct(state, Op.block, { params: [], results }, new Set(), undefined, []);
  const id = state.lastId;
  for (const at of params.keys()) {
    state.slots.given(at);
    const [slot] = state.slots.of(at);
    if (slot !== undefined && params[at] === i32 && names.signs.has(`${index} ${at}`)) {
      state.nonNegative.add(slot);
    }
  }
  const instruction = new LiveInstructions(new ByteReader(module.bytes, body.start, body.end));
  let isLive = true;
  while (state.open.length > 0 && instruction.next()) {
    const { opcode } = instruction;
    if (opcode === Op.end || opcode === Op.else) {
      finishArm(state, opcode, isLive);
      isLive = true;
      continue;
    }
    translateInstruction(state, instruction, assignedIn);
    isLive = !endsFlow(opcode);
  }
  return {
    statements: state.out,
    id,
    parameters: params.flatMap((_, at) => state.slots.of(at)),
    zeros: state.slots.zeros,
    assigned: new Set([...(assignedIn.get(WHOLE_FUNCTION) ?? [])].flatMap((local) => state.slots.of(local))),
    lastId: state.lastId,
    returned: state.out.length === 1 ? state.returned : undefined,
  };
}

function translateInstruction(
  state: FunctionState,
  instruction: LiveInstructions,
  assignedIn: ReadonlyMap<number, ReadonlySet<number>>,
): void {
  const { opcode, index } = instruction;
  switch (opcode) {
    case Op.nop:
      return;
    case Op.unreachable:
      state.flush(CALLS, 0);
      state.out.push({ kind: "leave", text: state.names.trap("unreachable") });
      return;
    case Op.block:
    case Op.loop:
    case Op.if:
      beginConstruct(state, instruction, assignedIn);
      return;
    case Op.br:
      translateBranch(state, index);
      return;
    case Op.brIf:
      branchIf(state, index);
      return;
    case Op.brTable:
      branchTable(state, instruction.labels);
      return;
    case Op.return:
      leaveFunction(state);
      return;
    case Op.call:
    case Op.callIndirect:
      translateCall(state, instruction);
      return;
    case Op.drop:
      translateDrop(state);
      return;
    case Op.select:
    case Op.selectTyped:
      translateSelect(state);
      return;
    case Op.localGet:
      getLocal(state, index);
      return;
    case Op.localSet:
      setLocal(state, index);
      return;
    case Op.localTee:
      teeLocal(state, index);
      return;
    case Op.globalGet:
      getGlobal(state, index);
      return;
    case Op.globalSet:
      setGlobal(state, index);
      return;
    case Op.memorySize:
      state.pushOne(i32, state.names.memorySize());
      return;
    case Op.memoryGrow: {
      if (!state.names.canGrow) {
        state.unary(i32, (value) => conditional(truth(value), integer(-1), state.names.memorySize()));
        return;
      }
      const grow = state.names.memoryGrow();
      state.unary(i32, (value) => call(grow, [signed(value)], { reads: CALLS, writes: CALLS }));
      return;
    }
    case Op.memoryFill:
    case Op.memoryCopy:
      translateBulk(state, opcode);
      return;
    case Op.i32Const:
      state.pushOne(i32, integer(index));
      return;
    case Op.i64Const:
      pushConstant(state, i64, readConstant(state.module.bytes, instruction));
      return;
    case Op.f32Const:
    case Op.f64Const:
      pushFloatConstant(state, instruction);
      return;
  }
  if (opcode >= Op.i32Load && opcode <= 0x3e) {
    translateMemoryAccess(state, instruction);
  } else if (instruction.kind.signature !== undefined && opcode < Op.memoryInit) {
    translateNumber(state, opcode, instruction.kind.signature);
  } else {
    throw new EdgelessError(
      "EDGELESS_WASM_ABI",
      `the function uses ${instruction.kind.name}, which cannot be translated for boards`,
    );
  }
}

function endsFlow(opcode: number): boolean {
  return opcode === Op.br || opcode === Op.brTable || opcode === Op.return || opcode === Op.unreachable;
}
