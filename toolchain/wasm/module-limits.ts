/**
 * Bounds on a module, so that reading a hostile one takes bounded time and memory. They are far above what compilers
 * emit for a function and at or below the limits of the engines.
 */
export const MODULE_LIMITS = {
  bytes: 8 * 1024 * 1024,
  /** Bytes of all code together, which decides how long reading takes. */
  codeBytes: 1024 * 1024,
  sections: 10_000,
  types: 20_000,
  /** Parameters or results of one function type. */
  typeLength: 256,
  imports: 10_000,
  functions: 20_000,
  globals: 10_000,
  exports: 10_000,
  tables: 100,
  tableElements: 100_000,
  segments: 100_000,
  /** Bytes of one function's code. */
  functionBytes: 512 * 1024,
  /** Locals of one function, its parameters not counted. */
  locals: 10_000,
  /** Constructs inside each other in one function. */
  nesting: 5_000,
} as const;
