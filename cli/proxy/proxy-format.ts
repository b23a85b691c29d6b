import type { MirroredInstance, MirroredProvider } from "../../control/orchestrator/proxy/proxy-json.js";
import type { SeriesPoint } from "../../control/orchestrator/proxy/proxy-reader.js";
import type { NodeCapabilities } from "../../core/capabilities.js";
import type { NodeHealth } from "../../core/health.js";
import type { Uuid } from "../../core/uuid.js";

/** How nodes are named: by their id, by all their labels, or by the label `hostname=` if there is one. */
export type NodePrintFormat = "uuid" | "labels" | "hostname";

/** Gives the name of a node in the chosen format. */
export function nodeNamer(
  format: NodePrintFormat,
  nodes: ReadonlyMap<Uuid, NodeCapabilities>,
): (nodeId: Uuid) => string {
  return (nodeId) => {
    const labels = nodes.get(nodeId)?.labels ?? [];
    if (format === "uuid" || labels.length === 0) return nodeId;
    if (format === "labels") return labels.join(",");
    const hostname = labels.find((label) => label.startsWith("hostname="));
    return hostname === undefined ? nodeId : hostname.slice("hostname=".length);
  };
}

/** Capabilities of a node in the words of the reference's `show node capabilities`. */
export function describeCapabilities(c: NodeCapabilities): string {
  const parts = [
    `${c.numCpus} ${c.modelNameCpu} CPU(s) at ${c.clockFreqCpu} BogoMIPS`,
    `${c.numCores} core(s)`,
    `${c.memSize} MiB memory`,
    `labels ${list(c.labels)}`,
    ...(c.isTeeRunning ? ["TEE"] : []),
    ...(c.hasTpm ? ["TPM"] : []),
    `runtimes ${list(c.runtimes)}`,
    `disk space ${c.diskTotSpace} MiB`,
    `${c.numGpus} ${c.modelNameGpu} GPU(s) ${c.memSizeGpu} MiB`,
  ];
  return parts.join(", ");
}

/** Health of a node in the words of the reference's `show node health`. */
export function describeHealth(h: NodeHealth): string {
  return (
    `memory free ${h.memFree} kb, used ${h.memUsed} kb, available ${h.memAvailable} kb, ` +
    `process cpu usage ${h.procCpuUsage}%, memory ${h.procMemory} kb, vmemory ${h.procVmemory} kb, ` +
    `load avg 1 minute ${h.loadAvg1}% 5 minutes ${h.loadAvg5}% 15 minutes ${h.loadAvg15}%, ` +
    `network tot rx ${h.totRxBytes} bytes (${h.totRxPkts} pkts) ${h.totRxErrs} errs, ` +
    `tot tx ${h.totTxBytes} bytes (${h.totTxPkts} pkts) ${h.totTxErrs} errs, ` +
    `disk available ${h.diskFreeSpace} bytes, tot disk reads ${h.diskTotReads} writes ${h.diskTotWrites}, ` +
    `gpu_load_perc ${h.gpuLoadPerc}%, gpu_temp_cels ${(h.gpuTempCels / 1000).toFixed(2)}°, ` +
    `active_power ${h.activePower} mW`
  );
}

export function describeProvider({ classType, nodeId, outputs }: MirroredProvider): string {
  return `class_type ${classType}, node_id ${nodeId}, outputs ${list(outputs)}`;
}

/** Components per node, in the order of their ids. */
export function instancesByNode(
  instances: ReadonlyMap<Uuid, MirroredInstance>,
): ReadonlyMap<Uuid, readonly { readonly logicalId: Uuid; readonly kind: MirroredInstance["kind"] }[]> {
  const nodes = new Map<Uuid, { logicalId: Uuid; kind: MirroredInstance["kind"] }[]>();
  for (const [logicalId, { kind, instances: placed }] of instances) {
    for (const { nodeId } of placed) nodes.set(nodeId, [...(nodes.get(nodeId) ?? []), { logicalId, kind }]);
  }
  return new Map([...nodes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One row of `top nodes`; blanks where a node has not reported its health yet. */
export function nodeRow(
  name: string,
  capabilities: NodeCapabilities,
  health: NodeHealth | undefined,
): string[] {
  const head = [name, capabilities.runtimes.join(",")];
  if (health === undefined) return [...head, "", "", "", "", ""];
  const all = health.memUsed + health.memAvailable;
  const memory = all > 0 ? `${((100 * health.memUsed) / all).toFixed(1)}%` : "";
  return [
    ...head,
    `${health.loadAvg1}%`,
    `${health.procCpuUsage}%`,
    memory,
    `${health.gpuLoadPerc}%`,
    `${health.activePower} mW`,
  ];
}

/** Average, minimum and maximum of durations in milliseconds, one decimal; without any: `NaN`, `inf`, `-inf`. */
export function statisticsOf(points: readonly SeriesPoint[]): [average: string, least: string, most: string] {
  const values = points.map(({ value }) => Number(value) * 1000).filter(Number.isFinite);
  if (values.length === 0) return ["NaN", "inf", "-inf"];
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    sum += value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [(sum / values.length).toFixed(1), least.toFixed(1), most.toFixed(1)];
}

/** Unix seconds as `YYYY-MM-DD hh:mm:ss[.fraction] UTC`; the fraction has 3, 6 or 9 digits. */
export function formatUtc(seconds: number): string {
  const whole = Math.floor(seconds);
  const nanoseconds = Math.min(999_999_999, Math.round((seconds - whole) * 1e9));
  const [date, time] = new Date(whole * 1000).toISOString().slice(0, 19).split("T");
  return `${date} ${time}${fraction(nanoseconds)} UTC`;
}

function fraction(nanoseconds: number): string {
  if (nanoseconds === 0) return "";
  const digits = String(nanoseconds).padStart(9, "0");
  if (nanoseconds % 1_000_000 === 0) return `.${digits.slice(0, 3)}`;
  return nanoseconds % 1_000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

function list(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}
