/*
 * Readers of the text files that Linux offers under /proc (man 5 proc). Lines that do not look as described are skipped, so a
 * new kernel can add to them.
 */

/** Sums over the network interfaces. */
export interface NetworkTotals {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
}

/** Reads the lines `Name:  123 kB` of `/proc/meminfo` and `/proc/self/status`. */
export function parseKibibytes(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^([A-Za-z0-9_()]+):[ \t]+([0-9]+) kB$/gm)) {
    if (name !== undefined) values.set(name, Number(value));
  }
  return values;
}

/**
 * Reads `/proc/net/dev`: after the name eight counters of what was received, then eight of what was sent.
 * @returns undefined when no interface is listed
 */
export function parseNetworkTotals(text: string): NetworkTotals | undefined {
  const sums = new Array<number>(16).fill(0);
  let found = false;
  for (const [, columns] of text.matchAll(/^\s*[^\s:]+:\s*((?:[0-9]+\s*){16,})$/gm)) {
    found = true;
    const numbers = (columns ?? "").trim().split(/\s+/).map(Number);
    for (let i = 0; i < 16; i++) sums[i] = (sums[i] ?? 0) + (numbers[i] ?? 0);
  }
  if (!found) return undefined;
  const at = (index: number) => sums[index] ?? 0;
  return {
    rxBytes: at(0),
    rxPackets: at(1),
    rxErrors: at(2),
    txBytes: at(8),
    txPackets: at(9),
    txErrors: at(10),
  };
}

/** Bytes in a sector as `/proc/diskstats` counts them, whatever the device has. */
const SECTOR_BYTES = 512;

/**
 * Reads `/proc/diskstats`.
 * @param devices names of the whole devices that count; without partitions, which would count twice
 * @returns bytes read and written, or undefined when none of the devices is listed
 */
export function parseDiskTotals(
  text: string,
  devices: ReadonlySet<string>,
): { readonly readBytes: number; readonly writtenBytes: number } | undefined {
  let readBytes = 0;
  let writtenBytes = 0;
  let found = false;
  for (const line of text.split("\n")) {
    const columns = line.trim().split(/\s+/);
    const [read, written] = [Number(columns[5]), Number(columns[9])];
    if (!devices.has(columns[2] ?? "") || !Number.isFinite(read) || !Number.isFinite(written)) continue;
    found = true;
    readBytes += read * SECTOR_BYTES;
    writtenBytes += written * SECTOR_BYTES;
  }
  return found ? { readBytes, writtenBytes } : undefined;
}

/** Devices of `/sys/block` that are disks themselves and not made of memory or of other devices. */
export function realDisks(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name) => !/^(loop|ram|zram|dm-|md|sr|fd|nbd)/.test(name)));
}

/**
 * Counts the physical cores in `/proc/cpuinfo`.
 * @returns undefined when it does not tell (ARM)
 */
export function parseCoreCount(text: string): number | undefined {
  const cores = new Set<string>();
  for (const processor of text.split(/\n\s*\n/)) {
    const core = /^core id\s*:\s*([0-9]+)/m.exec(processor)?.[1];
    const socket = /^physical id\s*:\s*([0-9]+)/m.exec(processor)?.[1] ?? "0";
    if (core !== undefined) cores.add(`${socket}/${core}`);
  }
  return cores.size > 0 ? cores.size : undefined;
}

/** The clock of the first CPU in `/proc/cpuinfo`, MHz, or undefined when it does not tell (ARM). */
export function parseCpuMhz(text: string): number | undefined {
  const found = /^cpu MHz\s*:\s*([0-9.]+)/m.exec(text)?.[1];
  const mhz = Number(found);
  return found !== undefined && Number.isFinite(mhz) && mhz > 0 ? mhz : undefined;
}
