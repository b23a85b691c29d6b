// What a plain TypeScript editor has to be told beyond the types that AssemblyScript brings.

/** Marks the one class of a function; the build tool takes it away before compiling. */
declare function edgeFunction(target: Function): void;

/** Makes a managed object of a class id; for the SDK only. */
declare function __new(size: usize, id: u32): usize;

/** Frees all managed objects that nothing refers to; for the SDK only. */
declare function __collect(): void;
