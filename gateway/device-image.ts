/** A module that a device is to run. */
export interface WantedImage {
  readonly wasm: Uint8Array;
  /** RUNTIME_WASM or RUNTIME_JS. */
  readonly runtime: number;
  /** Largest linear memory on the device, bytes. */
  readonly maxMemoryBytes: number;
}

/** Devices for which images are made ready alike: their run-time, and the largest memory of a function, bytes. */
export type ImageKind = Pick<WantedImage, "runtime" | "maxMemoryBytes">;

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
