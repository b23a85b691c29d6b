import type { NodeCapabilities } from "../../core/capabilities.js";
import type { HostProbe } from "../health/host-probe.js";
import { parseCoreCount, parseCpuMhz } from "../health/proc-files.js";

/** What the configuration may say better than detection; `runtimes` follow from what is switched on. */
export type CapabilityOverrides = {
  readonly [Key in keyof Omit<NodeCapabilities, "runtimes">]?: NodeCapabilities[Key] | undefined;
};

const MIB = 1024 * 1024;
/** An ε-ORC weighs nodes by their clock, so zero would mean "never here". */
const ASSUMED_MHZ = 1_000;

/**
 * Detects what the host offers.
 * @param runtimes function types that run here
 * @param diskPath a folder on the file system whose size counts
 * @param overrides values that replace the detected ones; labels are joined with `hostname=<name>`
 */
export async function detectCapabilities(
  probe: HostProbe,
  runtimes: readonly string[],
  diskPath: string,
  overrides: CapabilityOverrides,
): Promise<NodeCapabilities> {
  const [cpuinfo = "", maximumKhz, disk] = await Promise.all([
    probe.readText("/proc/cpuinfo"),
    probe.readText("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
    probe.diskSpace(diskPath),
  ]);
  const { count, model, mhz } = probe.cpus;
  const detected: NodeCapabilities = {
    numCpus: count,
    modelNameCpu: model,
    clockFreqCpu: mhz || parseCpuMhz(cpuinfo) || Number(maximumKhz ?? 0) / 1000 || ASSUMED_MHZ,
    numCores: Math.min(count, parseCoreCount(cpuinfo) ?? count),
    memSize: Math.floor(probe.memory().totalBytes / MIB),
    labels: [],
    isTeeRunning: false,
    hasTpm: false,
    runtimes,
    diskTotSpace: Math.floor((disk?.totalBytes ?? 0) / MIB),
    numGpus: 0,
    modelNameGpu: "",
    memSizeGpu: 0,
  };
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const labels = new Set([...(overrides.labels ?? []), `hostname=${probe.hostname}`]);
  return { ...detected, ...given, labels: [...labels].sort() };
}
