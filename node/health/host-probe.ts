import { readdir, readFile, statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, hostname, loadavg, totalmem } from "node:os";

/** What a node can learn about its host and its process; undefined: the host does not tell. */
export interface HostProbe {
  /** The text of a file such as `/proc/meminfo`. */
  readText(path: string): Promise<string | undefined>;
  /** The names in a folder. */
  list(path: string): Promise<readonly string[] | undefined>;
  /** The file system that holds a folder, or the working directory when there is no such folder; bytes. */
  diskSpace(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | undefined>;
  readonly hostname: string;
  /** Logical CPUs; `mhz` is 0 when unknown. */
  readonly cpus: { readonly count: number; readonly model: string; readonly mhz: number };
  /** Main memory, bytes. */
  memory(): { readonly freeBytes: number; readonly totalBytes: number };
  /** Load averages over 1, 5 and 15 minutes. */
  loadAverages(): readonly [number, number, number];
  /** What this process has used of its CPUs and memory. */
  process(): { readonly cpuMs: number; readonly residentBytes: number };
}

/** The host this process runs on. */
export function systemProbe(): HostProbe {
  const all = cpus();
  return {
    readText: (path) => readFile(path, "utf8").catch(() => undefined),
    list: (path) => readdir(path).catch(() => undefined),
    diskSpace,
    hostname: hostname(),
    cpus: {
      count: all.length > 0 ? all.length : availableParallelism(),
      model: all[0]?.model.trim() ?? "",
      mhz: all[0]?.speed ?? 0,
    },
    memory: () => ({ freeBytes: freemem(), totalBytes: totalmem() }),
    loadAverages: () => {
      const [one = 0, five = 0, fifteen = 0] = loadavg();
      return [one, five, fifteen];
    },
    process: () => {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() };
    },
  };
}

async function diskSpace(path: string): ReturnType<HostProbe["diskSpace"]> {
  for (const candidate of [path, process.cwd()]) {
    const found = await statfs(candidate).catch(() => undefined);
    if (found !== undefined) {
      return { freeBytes: found.bavail * found.bsize, totalBytes: found.blocks * found.bsize };
    }
  }
  return undefined;
}
