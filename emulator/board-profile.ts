import { RUNTIME_JS, RUNTIME_WASM } from "../coap-api/operations/register.js";

/** What an emulated board is able to do. */
export interface BoardProfile {
  readonly board: string;
  /** RUNTIME_WASM or RUNTIME_JS. */
  readonly runtime: number;
  /** Working memory for functions, bytes. */
  readonly memoryBytes: number;
  readonly flashBytes: number;
  /** Largest memory of one function, bytes; WebAssembly counts in pages of 64 KiB. */
  readonly functionMemoryBytes: number;
  /**
   * What a function does in a millisecond of run time, which makes run times repeatable: WebAssembly instructions, or turns of
   * loops of a translated function.
   */
  readonly workPerMs: number;
  /** Largest function image, bytes. */
  readonly maxImageBytes: number;
  readonly maxInstances: number;
}

const KIB = 1024;

/** An ESP32 with Espruino: of its 38 KiB of variables the device runtime leaves this much. */
const ESP32: BoardProfile = {
  board: "emulated-esp32",
  runtime: RUNTIME_JS,
  memoryBytes: 26 * KIB,
  flashBytes: 896 * KIB,
  functionMemoryBytes: 8 * KIB,
  workPerMs: 2,
  maxImageBytes: 32 * KIB,
  maxInstances: 8,
};

/** The boards that can be emulated, by name. */
export const BOARD_PROFILES: Readonly<Record<string, BoardProfile>> = {
  esp32: ESP32,
  "esp32-js": ESP32,
  /** An ESP32 with 520 KiB of memory, of which a runtime in C with WebAssembly leaves about half. */
  "esp32-wasm": {
    board: "emulated-esp32-wasm",
    runtime: RUNTIME_WASM,
    memoryBytes: 256 * KIB,
    flashBytes: 896 * KIB,
    functionMemoryBytes: 128 * KIB,
    workPerMs: 2_000,
    maxImageBytes: 16 * KIB,
    maxInstances: 8,
  },
  /** An ESP32 module with external memory and WebAssembly. */
  "esp32-psram": {
    board: "emulated-esp32-psram",
    runtime: RUNTIME_WASM,
    memoryBytes: 4 * KIB * KIB,
    flashBytes: 896 * KIB,
    functionMemoryBytes: 2 * KIB * KIB,
    workPerMs: 2_000,
    maxImageBytes: 16 * KIB,
    maxInstances: 16,
  },
};
