/** The part of the WebAssembly JavaScript interface that is used here; `@types/node` does not declare it. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    constructor(descriptor: { initial: number; maximum?: number });
  }
  class Global {
    value: unknown;
    constructor(descriptor: { value: "i32" | "i64" | "f32" | "f64"; mutable?: boolean }, value?: unknown);
  }
  type ExportedFunction = (...args: readonly (number | bigint)[]) => unknown;
  type ImportedFunction = (...args: never[]) => unknown;
  class Instance {
    readonly exports: Readonly<Record<string, ExportedFunction | Memory | Global | undefined>>;
    constructor(module: Module, imports?: Record<string, Record<string, ImportedFunction>>);
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
  function validate(bytes: Uint8Array): boolean;
}
