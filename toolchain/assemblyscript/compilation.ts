import type { BuildProfile, MemoryScheme } from "./build-profile.js";
import type { Diagnostic } from "./diagnostic.js";

/** What the compiler is asked to do; crosses a process boundary. */
export interface CompileTask {
  /** Absolute path of the function's folder. */
  readonly folder: string;
  /** Source file with the decorated class, relative to the folder, ending in `.ts`. */
  readonly entry: string;
  readonly functionId: string;
  readonly profile: BuildProfile;
  /** Absolute path of the SDK. */
  readonly sdk: string;
}

/** What came out of it. */
export interface Compilation {
  /** The module; undefined when there are errors. */
  readonly wasm: Uint8Array | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly outputs: readonly string[];
  /** Where the source uses what no host offers; the reason when the module breaks the guest ABI. */
  readonly hostCalls: readonly Diagnostic[];
  readonly memory: MemoryScheme;
  /** Why the tiny profile keeps a collector; undefined otherwise. */
  readonly memoryReason: string | undefined;
  /** Absolute paths of all files that were read. */
  readonly inputs: readonly string[];
}
