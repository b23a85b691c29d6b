import { type FunctionType, ValueType } from "../wasm/value-type.js";

const { i32, i64 } = ValueType;
const words = (count: number): number[] => new Array<number>(count).fill(i32);
const type = (params: readonly number[], ...results: number[]): FunctionType => ({ params, results });

/** Import module of the functions that a guest may use. */
export const GUEST_IMPORT_MODULE = "env";

/** The eight functions that a guest may import, with their types (EDGELESS guest ABI). */
export const GUEST_IMPORTS = {
  cast_asm: type(words(4)),
  cast_raw_asm: type(words(4)),
  call_asm: type(words(6), i32),
  call_raw_asm: type(words(6), i32),
  delayed_cast_asm: type([i64, ...words(4)]),
  telemetry_log_asm: type(words(5)),
  slf_asm: type(words(2)),
  sync_asm: type(words(2)),
} as const satisfies Record<string, FunctionType>;

/** Name of a function that a guest may import. */
export type GuestImport = keyof typeof GUEST_IMPORTS;

/** The imports during which a guest waits for somebody else, so that it has to be suspended. */
export const SUSPENDING_IMPORTS: ReadonlySet<string> = new Set<GuestImport>(["call_asm", "call_raw_asm"]);

/** The functions that a guest must export besides its memory, with their types (EDGELESS guest ABI). */
export const GUEST_EXPORTS = {
  edgeless_mem_alloc: type(words(1), i32),
  edgeless_mem_free: type(words(2)),
  edgeless_mem_clear: type([]),
  handle_init_asm: type(words(4)),
  handle_cast_asm: type(words(4)),
  handle_call_asm: type(words(6), i32),
  handle_stop_asm: type([]),
} as const satisfies Record<string, FunctionType>;

/** Name of a function that a guest exports. */
export type GuestExport = keyof typeof GUEST_EXPORTS;

/** Name under which a guest exports its memory. */
export const GUEST_MEMORY = "memory";
