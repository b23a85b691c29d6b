import type { Clock } from "../../core/clock.js";
import type { NodeHealth } from "../../core/health.js";
import { HEALTH_UNKNOWN, UNKNOWN } from "../../core/health-unknown.js";
import type { HostProbe } from "./host-probe.js";
import { parseDiskTotals, parseKibibytes, parseNetworkTotals, realDisks } from "./proc-files.js";

const LARGEST_INT32 = 0x7fffffff;

/** Measures the health of the host and of this process; what the host does not tell is -1. */
export class HealthMeter {
  readonly #probe: HostProbe;
  readonly #clock: Clock;
  readonly #diskPath: string;
  readonly #activePower: () => Promise<number>;
  #last: { readonly atMs: number; readonly cpuMs: number };

  /**
   * @param diskPath a folder on the file system whose free space counts
   * @param activePower electric power in mW; -1 when there is no meter
   */
  constructor(
    probe: HostProbe,
    clock: Clock,
    diskPath: string,
    activePower: () => Promise<number> = async () => UNKNOWN,
  ) {
    this.#probe = probe;
    this.#clock = clock;
    this.#diskPath = diskPath;
    this.#activePower = activePower;
    this.#last = { atMs: clock.monotonicMs(), cpuMs: probe.process().cpuMs };
  }

  /** Never fails. The CPU usage is the mean since the previous measurement. */
  async measure(): Promise<NodeHealth> {
    const probe = this.#probe;
    const [meminfo, status, network, diskstats, devices, disk, activePower] = await Promise.all([
      probe.readText("/proc/meminfo"),
      probe.readText("/proc/self/status"),
      probe.readText("/proc/net/dev"),
      probe.readText("/proc/diskstats"),
      probe.list("/sys/block"),
      probe.diskSpace(this.#diskPath),
      this.#activePower().catch(() => UNKNOWN),
    ]);
    const usage = probe.process();
    const net = parseNetworkTotals(network ?? "");
    const io = parseDiskTotals(diskstats ?? "", realDisks(devices ?? []));
    const [one, five, fifteen] = probe.loadAverages();
    return {
      ...HEALTH_UNKNOWN,
      ...this.#memory(parseKibibytes(meminfo ?? "")),
      procCpuUsage: this.#cpuUsage(usage.cpuMs),
      procMemory: int32(usage.residentBytes / 1024),
      procVmemory: int32(parseKibibytes(status ?? "").get("VmSize") ?? UNKNOWN),
      loadAvg1: int32(one * 100),
      loadAvg5: int32(five * 100),
      loadAvg15: int32(fifteen * 100),
      totRxBytes: net?.rxBytes ?? UNKNOWN,
      totRxPkts: net?.rxPackets ?? UNKNOWN,
      totRxErrs: net?.rxErrors ?? UNKNOWN,
      totTxBytes: net?.txBytes ?? UNKNOWN,
      totTxPkts: net?.txPackets ?? UNKNOWN,
      totTxErrs: net?.txErrors ?? UNKNOWN,
      diskFreeSpace: disk?.freeBytes ?? UNKNOWN,
      diskTotReads: io?.readBytes ?? UNKNOWN,
      diskTotWrites: io?.writtenBytes ?? UNKNOWN,
      activePower: int32(activePower),
    };
  }

  #memory(kib: ReadonlyMap<string, number>): Pick<NodeHealth, "memFree" | "memUsed" | "memAvailable"> {
    const { freeBytes, totalBytes } = this.#probe.memory();
    const total = kib.get("MemTotal") ?? totalBytes / 1024;
    const free = kib.get("MemFree") ?? freeBytes / 1024;
    const available = kib.get("MemAvailable") ?? free;
    return { memFree: int32(free), memUsed: int32(total - available), memAvailable: int32(available) };
  }

  #cpuUsage(cpuMs: number): number {
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - this.#last.atMs;
    const usedMs = cpuMs - this.#last.cpuMs;
    this.#last = { atMs: nowMs, cpuMs };
    return elapsedMs > 0 ? int32((usedMs / elapsedMs) * 100) : 0;
  }
}

/** The nearest value that the message can carry; virtual memory can exceed it. */
function int32(value: number): number {
  return Math.min(LARGEST_INT32, Math.round(value));
}
