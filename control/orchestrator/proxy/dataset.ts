import { createWriteStream, statSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import type { NodeUpdate } from "../../../core/api.js";
import { reasonOf } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import { makeFolder } from "../../../platform/make-folder.js";
import type { DomainTables } from "../domain-tables.js";
import type { Changes, Observer } from "../observer.js";
import { decimal } from "./decimal.js";
import { entriesOf, logEntriesOf } from "./measurements.js";
import { healthFields } from "./proxy-json.js";

/** The table `[proxy.dataset_settings]` of the configuration. */
export interface DatasetSettings {
  /** Prefix of the file names. */
  readonly dataset_path: string;
  /** False: what is in the files is removed at the start. */
  readonly append: boolean;
  /** Before every row. */
  readonly additional_fields: string;
  /** Before every header. */
  readonly additional_header: string;
}

const HEALTH_COLUMNS =
  "mem_free,mem_used,mem_available,proc_cpu_usage,proc_memory,proc_vmemory,load_avg_1,load_avg_5,load_avg_15," +
  "tot_rx_bytes,tot_rx_pkts,tot_rx_errs,tot_tx_bytes,tot_tx_pkts,tot_tx_errs,disk_free_space,disk_tot_reads," +
  "disk_tot_writes,gpu_load_perc,gpu_temp_cels,active_power";

/** Columns of each file. */
export const DATASET_COLUMNS = {
  application_logs: "identifier,target,timestamp,value",
  performance_samples: "identifier,metric,timestamp,value",
  mapping_to_instance_id: "timestamp,logical_id,workflow_id,node_id,physical_id",
  capabilities:
    "timestamp,node_id,num_cpus,model_name_cpu,clock_freq_cpu,num_cores,mem_size,labels,is_tee_running,has_tpm," +
    "runtimes,disk_tot_space,num_gpus,model_name_gpu,mem_size_gpu",
  health_status: `timestamp,node_id,${HEALTH_COLUMNS}`,
} as const;

type DatasetName = keyof typeof DATASET_COLUMNS;

/** Text that may wait for the disk, bytes per file; more is dropped and counted. */
const MOST_WAITING = 16 * 1024 * 1024;

/** Writes what happens in a domain as CSV files, as the reference does: no quoting, one row per change. */
export class Dataset implements Observer {
  readonly #settings: DatasetSettings;
  readonly #wallMs: () => number;
  readonly #logger: Logger;
  readonly #files = new Map<DatasetName, WriteStream>();
  readonly #last = new Map<string, string>();
  #dropped = 0;

  /** @param wallMs Unix milliseconds */
  constructor(settings: DatasetSettings, wallMs: () => number, logger: Logger) {
    this.#settings = settings;
    this.#wallMs = wallMs;
    this.#logger = logger;
    for (const name of Object.keys(DATASET_COLUMNS)) this.#open(name as DatasetName);
  }

  /** Rows that were dropped because the disk was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  decided(changes: Changes, { nodes, components }: DomainTables): void {
    for (const id of changes.components) {
      const component = components.get(id);
      if (component === undefined) this.#last.delete(id);
      if (component?.instance === undefined || component.waiter !== undefined) continue;
      const { spawn, instance } = component;
      const { workflowId } = spawn.kind === "function" ? spawn.request : spawn.specification;
      const fields = [id, workflowId, instance.nodeId, instance.functionId];
      this.#addChanged("mapping_to_instance_id", id, fields);
    }
    if (!changes.isDomainChanged && changes.nodes.size === 0) return;
    for (const nodeId of changes.nodes) {
      if (nodes.has(nodeId)) continue;
      this.#last.delete(`capabilities ${nodeId}`);
      this.#last.delete(`health ${nodeId}`);
    }
    for (const { nodeId, facts } of nodes.values()) {
      const c = facts.capabilities;
      this.#addChanged("capabilities", `capabilities ${nodeId}`, [
        ...[nodeId, c.numCpus, c.modelNameCpu, c.clockFreqCpu, c.numCores, c.memSize, list(c.labels)],
        ...[
          c.isTeeRunning,
          c.hasTpm,
          list(c.runtimes),
          c.diskTotSpace,
          c.numGpus,
          c.modelNameGpu,
          c.memSizeGpu,
        ],
      ]);
    }
  }

  reported({ nodeId, health, samples }: NodeUpdate): void {
    const fields = { ...healthFields(health), gpu_temp_cels: health.gpuTempCels / 1000 };
    this.#addChanged("health_status", `health ${nodeId}`, [nodeId, ...Object.values(fields)]);
    const noLogs = { ...samples, logEntries: new Map() };
    for (const { functionId, series, time, value } of entriesOf(noLogs))
      this.#add("performance_samples", [functionId, series, time, value]);
    for (const { functionId, series, time, value } of logEntriesOf(samples))
      this.#add("application_logs", [functionId, series, time, value]);
  }

  /** Writes what waits and closes the files. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
    );
    this.#files.clear();
  }

  #addChanged(name: DatasetName, key: string, fields: readonly unknown[]): void {
    const text = fields.join(",");
    if (this.#last.get(key) === text) return;
    this.#last.set(key, text);
    this.#add(name, [decimal(this.#wallMs() / 1000), ...fields]);
  }

  #add(name: DatasetName, fields: readonly unknown[]): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    if (file.writableLength > MOST_WAITING) this.#dropped++;
    else file.write(`${this.#settings.additional_fields},${fields.join(",")}\n`);
  }

  #open(name: DatasetName): void {
    const { dataset_path, append, additional_header } = this.#settings;
    const path = `${dataset_path}${name}.csv`;
    const fail = (error: unknown) => {
      this.#files.delete(name);
      this.#logger.error("a dataset cannot be written", { path, reason: reasonOf(error) });
    };
    try {
      makeFolder(dirname(path));
      const isFresh = !append || (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
      const file = createWriteStream(path, { flags: append ? "a" : "w" });
      file.on("error", fail);
      this.#files.set(name, file);
      if (isFresh) file.write(`${additional_header},${DATASET_COLUMNS[name]}\n`);
    } catch (error) {
      fail(error);
    }
  }
}

function list(items: readonly string[]): string {
  return `[${items.join(";")}]`;
}
