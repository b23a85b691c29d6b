import type { InstructionReader } from "./instruction-reader.js";
import { Op } from "./opcode.js";
import { type FunctionType, ValueType, type ValueTypeCode } from "./value-type.js";
import type { FunctionBody, WasmModule } from "./wasm-module.js";

const { i32 } = ValueType;

const LETTERS: ReadonlyMap<string, ValueTypeCode> = new Map([
  ["i", ValueType.i32],
  ["I", ValueType.i64],
  ["f", ValueType.f32],
  ["F", ValueType.f64],
]);

/** Types of the operands on the stack of one function, followed instruction by instruction through valid, live code. */
export class OperandStack {
  readonly #module: WasmModule;
  readonly #locals: readonly ValueTypeCode[];
  readonly #types: ValueTypeCode[] = [];

  constructor(module: WasmModule, locals: readonly ValueTypeCode[]) {
    this.#module = module;
    this.#locals = locals;
  }

  get height(): number {
    return this.#types.length;
  }

  /** Type of the operand at a height, 0 is the bottom. */
  typeAt(height: number): ValueTypeCode {
    return this.#types[height] ?? i32;
  }

  /** Cuts the stack down to a height. */
  cut(height: number): void {
    this.#types.length = Math.min(height, this.#types.length);
  }

  push(types: readonly ValueTypeCode[]): void {
    for (const type of types) {
      this.#types.push(type);
    }
  }

  /** Follows the current instruction; branches, constructs and their ends only as far as they take a condition. */
  apply({ opcode, kind, index }: InstructionReader): void {
    if (kind.signature !== undefined) {
      this.#applySignature(kind.signature);
      return;
    }
    switch (opcode) {
      case Op.drop:
      case Op.localSet:
      case Op.globalSet:
      case Op.brIf:
      case Op.brTable:
      case Op.if:
        this.#types.pop();
        return;
      case Op.select:
      case Op.selectTyped:
        this.cut(this.height - 2);
        return;
      case Op.localGet:
        this.#types.push(this.#locals[index] ?? i32);
        return;
      case Op.globalGet:
        this.#types.push(this.#module.globals[index]?.type ?? i32);
        return;
      case Op.call:
      case Op.callIndirect: {
        const { params, results } = calledType(this.#module, opcode, index);
        this.cut(this.height - params.length - (opcode === Op.callIndirect ? 1 : 0));
        this.push(results);
      }
    }
  }

  #applySignature(signature: string): void {
    const colon = signature.indexOf(":");
    this.cut(this.height - colon);
    for (let at = colon + 1; at < signature.length; at += 1) {
      this.#types.push(LETTERS.get(signature.charAt(at)) ?? i32);
    }
  }
}

const NOTHING: FunctionType = { params: [], results: [] };

/** Type of the function that a call instruction calls. */
export function calledType(module: WasmModule, opcode: number, index: number): FunctionType {
  return module.types[opcode === Op.call ? (module.functions[index] ?? 0) : index] ?? NOTHING;
}

/** Type of a construct by its block type. */
export function blockFunctionType(module: WasmModule, blockType: number): FunctionType {
  if (blockType >= 0) {
    return module.types[blockType] ?? NOTHING;
  }
  const code = blockType & 0x7f;
  return code === 0x40 ? NOTHING : { params: [], results: [code] };
}

/** Types of all locals of a function, the parameters first. */
export function localTypes(type: FunctionType, body: FunctionBody): ValueTypeCode[] {
  const types = [...type.params];
  for (const { count, type: local } of body.locals) {
    for (let left = count; left > 0; left -= 1) {
      types.push(local);
    }
  }
  return types;
}
