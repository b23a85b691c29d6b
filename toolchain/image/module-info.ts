import type { Feature } from "../wasm/feature.js";
import { functionTypeText } from "../wasm/value-type.js";
import { type ExternalKind, Section, type WasmModule } from "../wasm/wasm-module.js";

/** An import of a module. */
export interface ImportInfo {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function as in `(i32, i32) -> (i32)`, else empty. */
  readonly type: string;
}

/** An export of a module. */
export interface ExportInfo {
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function as in `(i32, i32) -> (i32)`, else empty. */
  readonly type: string;
}

/** What a person or a node wants to know about a module without running it. */
export interface ModuleInfo {
  /** Size of the file in bytes. */
  readonly bytes: number;
  readonly imports: readonly ImportInfo[];
  readonly exports: readonly ExportInfo[];
  /** Own memory in pages of 64 KiB; `maxPages` is undefined when nothing is declared. */
  readonly memory: { readonly minPages: number; readonly maxPages: number | undefined } | undefined;
  /** Extensions of WebAssembly 1.0 that the module uses, sorted. */
  readonly features: readonly Feature[];
  /** Whether code runs at instantiation. */
  readonly hasStartFunction: boolean;
  /** Functions with code. */
  readonly functions: number;
  /** Sections in file order; a custom section with its own name. */
  readonly sections: readonly { readonly name: string; readonly bytes: number }[];
}

const SECTION_NAMES = new Map<number, string>(Object.entries(Section).map(([name, id]) => [id, name]));

/** Describes a module that was read; `features` are those of its code, the others are added. */
export function moduleInfo(module: WasmModule, features: ReadonlySet<Feature>): ModuleInfo {
  const typeOf = (index: number | undefined) => {
    const type = index === undefined ? undefined : module.types[index];
    return type === undefined ? "" : functionTypeText(type);
  };
  const [memory] = module.memories;
  return {
    bytes: module.bytes.length,
    imports: module.imports.map(({ module: from, name, kind, typeIndex }) => ({
      module: from,
      name,
      kind,
      type: kind === "function" ? typeOf(typeIndex) : "",
    })),
    exports: module.exports.map(({ name, kind, index }) => ({
      name,
      kind,
      type: kind === "function" ? typeOf(module.functions[index]) : "",
    })),
    memory: memory === undefined ? undefined : { minPages: memory.min, maxPages: memory.max },
    features: [...new Set([...module.features, ...features])].sort(),
    hasStartFunction: module.start !== undefined,
    functions: module.bodies.length,
    sections: module.sections.map(({ id, name, start, end }) => ({
      name: name || (SECTION_NAMES.get(id) ?? String(id)),
      bytes: end - start,
    })),
  };
}
