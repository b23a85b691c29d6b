/** The number types of WebAssembly by their binary code (core specification 5.3.1). */
export const ValueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const;

/** One of {@link ValueType}, or the code of a vector or reference type where a module declares one. */
export type ValueTypeCode = number;

/** Parameters and results of a function or of a block. */
export interface FunctionType {
  readonly params: readonly ValueTypeCode[];
  readonly results: readonly ValueTypeCode[];
}

const NAMES: ReadonlyMap<ValueTypeCode, string> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"],
]);

/** Whether the code is one of the four number types. */
export function isNumberType(code: ValueTypeCode): boolean {
  return code >= ValueType.f64 && code <= ValueType.i32;
}

/** Whether the code is a type of WebAssembly 2.0. */
export function isValueType(code: ValueTypeCode): boolean {
  return NAMES.has(code);
}

/** Name of a value type as the text format writes it. */
export function valueTypeName(code: ValueTypeCode): string {
  return NAMES.get(code) ?? `type 0x${code.toString(16)}`;
}

/** A function type as text, for example `(i32, i32) -> (i32)`; equal types have equal text. */
export function functionTypeText(type: FunctionType): string {
  const list = (codes: readonly ValueTypeCode[]) => `(${codes.map(valueTypeName).join(", ")})`;
  return `${list(type.params)} -> ${list(type.results)}`;
}
