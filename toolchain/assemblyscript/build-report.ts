import type { BuildProfile, MemoryScheme } from "./build-profile.js";
import type { Diagnostic } from "./diagnostic.js";

/** The result of building one function. */
export interface BuildReport {
  readonly id: string;
  readonly folder: string;
  readonly profile: BuildProfile;
  /** Absolute path of the module written. */
  readonly wasmFile: string;
  /** Size of the module in bytes. */
  readonly size: number;
  readonly outputs: readonly string[];
  readonly memory: MemoryScheme;
  /** Why the tiny profile kept a collector. */
  readonly memoryReason: string | undefined;
  readonly warnings: readonly Diagnostic[];
  /** Absolute paths of all files that went into the module, the package file included. */
  readonly inputs: readonly string[];
  /** Milliseconds. */
  readonly duration: number;
}

/** The files a watcher has to look at to know when to build again. */
export function inputsOf(report: BuildReport): readonly string[] {
  return report.inputs;
}

/** One line for a person: what was built, how large it is. */
export function formatReport(report: BuildReport): string {
  const kept = report.memoryReason === undefined ? "" : ` (${report.memoryReason})`;
  const memory = report.profile === "tiny" ? `, memory ${report.memory}${kept}` : "";
  const outputs = report.outputs.length === 0 ? "no outputs" : `outputs ${report.outputs.join(", ")}`;
  return `${report.id}: ${report.size} bytes, ${report.profile} profile${memory}, ${outputs}`;
}
