import { type Feature, PORTABLE_FEATURES } from "../wasm/feature.js";
import { abiFaults } from "./check-abi.js";
import type { ImageLimits } from "./function-image.js";
import type { ModuleInfo } from "./module-info.js";

/** Where a function can run: a node of the Rust reference, a node of ours, a device with a WebAssembly engine. */
export type ImageTarget = "rust-node" | "node" | "device";

/** Whether a module runs on a target; every reason is one sentence why not. */
export interface TargetVerdict {
  readonly target: ImageTarget;
  readonly runs: boolean;
  readonly reasons: readonly string[];
}

/** Extensions that the reference's default engine, Wasmtime 18 as it configures it, accepts beyond the portable ones. */
const REFERENCE_FEATURES: ReadonlySet<Feature> = new Set<Feature>([
  ...PORTABLE_FEATURES,
  "reference-types",
  "simd",
]);

/** What stands against running a module on each target; `limits` are those of our node and of the device. */
export function judgeTargets(
  info: ModuleInfo,
  limits: Readonly<Record<"node" | "device", ImageLimits>>,
): TargetVerdict[] {
  const faults = abiFaults(info);
  const verdict = (target: ImageTarget, reasons: readonly string[]): TargetVerdict => {
    const all = [...faults, ...reasons];
    return { target, runs: all.length === 0, reasons: all };
  };
  const prepared = featureReasons(info, PORTABLE_FEATURES);
  return [
    verdict("rust-node", featureReasons(info, REFERENCE_FEATURES)),
    verdict("node", [...prepared, ...memoryReasons(info, limits.node)]),
    verdict("device", [...prepared, ...memoryReasons(info, limits.device)]),
  ];
}

function featureReasons({ features }: ModuleInfo, accepted: ReadonlySet<Feature>): string[] {
  return features.filter((feature) => !accepted.has(feature)).map((feature) => `the module uses ${feature}`);
}

function memoryReasons({ memory }: ModuleInfo, { maxMemoryPages }: ImageLimits): string[] {
  const pages = memory?.minPages ?? 0;
  return pages > maxMemoryPages
    ? [`the module needs ${pages} pages of memory (${pages * 64} KiB), ${maxMemoryPages} are allowed`]
    : [];
}
