import { RUNTIME_JS, RUNTIME_WASM } from "../coap-api/operations/register.js";
import {
  FREE_VARIABLES,
  FUNCTION_MEMORY_BYTES,
  IMAGE_BYTES,
  MARGIN_VARIABLES,
  PAYLOAD_BYTES,
  STATE_BYTES,
  VARIABLE_BYTES,
} from "../embedded/board-limits.js";

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
  /** Largest payload of an event and largest state of a function, bytes; absent: as any device. */
  readonly maxPayloadBytes?: number;
  readonly maxStateBytes?: number;
}

const KIB = 1024;

/** An ESP32 with Espruino, as its firmware leaves it to functions. */
const ESP32: BoardProfile = {
  board: "emulated-esp32",
  runtime: RUNTIME_JS,
  memoryBytes: (FREE_VARIABLES - MARGIN_VARIABLES) * VARIABLE_BYTES,
  flashBytes: 896 * KIB,
  functionMemoryBytes: FUNCTION_MEMORY_BYTES,
  workPerMs: 2,
  maxImageBytes: IMAGE_BYTES,
  maxInstances: 8,
  maxPayloadBytes: PAYLOAD_BYTES,
  maxStateBytes: STATE_BYTES,
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
