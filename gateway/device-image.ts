/** A module that a device is to run. */
export interface WantedImage {
  readonly wasm: Uint8Array;
  /** RUNTIME_WASM or RUNTIME_JS. */
  readonly runtime: number;
  /** Largest linear memory on the device, bytes. */
  readonly maxMemoryBytes: number;
}

/** A function as a device is sent it. */
export interface DeviceImage {
  /** WebAssembly, or the text that it was translated to. */
  readonly bytes: Uint8Array;
  /** SHA-256 of {@link bytes}, hexadecimal. */
  readonly digest: string;
  /** Linear memory at the start, bytes. */
  readonly memoryBytes: number;
  /** What it takes of the device's memory when it runs, as far as it can be told, bytes. */
  readonly neededBytes: number;
}
