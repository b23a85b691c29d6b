import type { Feature } from "./feature.js";
import type { FunctionType, ValueTypeCode } from "./value-type.js";

/** Section numbers (core specification 5.5.2). */
export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** What an import brings or an export gives, by its binary code. */
export const EXTERNAL_KINDS = ["function", "table", "memory", "global", "tag"] as const;
export type ExternalKind = (typeof EXTERNAL_KINDS)[number];

/** Sizes of a memory (pages of 64 KiB) or a table (elements). */
export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
}

export interface TableType extends Limits {
  readonly elementType: ValueTypeCode;
}

export interface GlobalType {
  readonly type: ValueTypeCode;
  readonly mutable: boolean;
}

/** An import; `typeIndex` for functions only. */
export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  readonly typeIndex: number;
}

/** An export; `index` counts the imports of the same kind first. */
export interface WasmExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

/** A constant expression as bytes of the source, its `end` included. */
export type ConstantExpression = Uint8Array;

/** A list of functions for tables; `undefined` is a null entry. */
export interface ElementSegment {
  readonly mode: "active" | "passive" | "declarative";
  readonly table: number;
  /** Where an active segment goes. */
  readonly offset: ConstantExpression | undefined;
  readonly functions: readonly (number | undefined)[];
}

/** A function's code; offsets count from the start of the file. */
export interface FunctionBody {
  /** Declared locals as runs of one type. */
  readonly locals: readonly { readonly count: number; readonly type: ValueTypeCode }[];
  /** First byte of the instructions and the byte after the last `end`. */
  readonly start: number;
  readonly end: number;
}

/** A section's place: the contents without the number and the length. */
export interface SectionRange {
  readonly id: number;
  /** Name of a custom section, else empty. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** What a binary module holds. Indices in it were checked by the reader only where the type says so. */
export interface WasmModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly SectionRange[];
  readonly types: readonly FunctionType[];
  readonly imports: readonly WasmImport[];
  /** Type index of every function, the imported ones first; each names an existing type. */
  readonly functions: readonly number[];
  readonly importedFunctions: number;
  /** Tables, memories and globals without the imported ones. */
  readonly tables: readonly TableType[];
  readonly memories: readonly Limits[];
  readonly globals: readonly GlobalType[];
  readonly exports: readonly WasmExport[];
  /** Function that runs at instantiation. */
  readonly start: number | undefined;
  readonly elements: readonly ElementSegment[];
  readonly dataSegments: number;
  /** One for each function that is not imported. */
  readonly bodies: readonly FunctionBody[];
  /** Extensions that the sections outside the code need. */
  readonly features: ReadonlySet<Feature>;
}
