/** What an emulated board is able to do. */
export interface BoardProfile {
  readonly board: string;
  /** Working memory for functions, bytes. */
  readonly memoryBytes: number;
  readonly flashBytes: number;
  /** Largest memory of one function, bytes; WebAssembly counts in pages of 64 KiB. */
  readonly functionMemoryBytes: number;
  /** WebAssembly instructions per millisecond of run time, which makes run times repeatable. */
  readonly instructionsPerMs: number;
  readonly maxInstances: number;
}

const KIB = 1024;

/** The boards that can be emulated, by name. */
export const BOARD_PROFILES: Readonly<Record<string, BoardProfile>> = {
  /** An ESP32 with 520 KiB of memory, of which a runtime in C leaves about half. */
  esp32: {
    board: "emulated-esp32",
    memoryBytes: 256 * KIB,
    flashBytes: 896 * KIB,
    functionMemoryBytes: 128 * KIB,
    instructionsPerMs: 2_000,
    maxInstances: 8,
  },
  /** An ESP32 module with external memory. */
  "esp32-psram": {
    board: "emulated-esp32-psram",
    memoryBytes: 4 * KIB * KIB,
    flashBytes: 896 * KIB,
    functionMemoryBytes: 2 * KIB * KIB,
    instructionsPerMs: 2_000,
    maxInstances: 16,
  },
};
