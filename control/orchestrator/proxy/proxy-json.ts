import { z } from "zod";
import type { NodeCapabilities } from "../../../core/capabilities.js";
import type { NodeHealth } from "../../../core/health.js";
import { formatInstanceId, INSTANCE_NONE, type InstanceId } from "../../../core/instance-id.js";
import type { ResourceProvider, StatePolicy } from "../../../core/specification.js";
import { parseUuid, type Uuid } from "../../../core/uuid.js";
import type { Spawn } from "../commands.js";

/*
 * The JSON of the values in Redis, as the Rust ε-ORC writes it: fields in this order, absent options are null. Reading
 * gives undefined for anything of another form: keys of others are no reason to fail.
 */

const POLICIES: Readonly<Record<StatePolicy, string>> = {
  transient: "Transient",
  "node-local": "NodeLocal",
  global: "Global",
};

export function encodeCapabilities(capabilities: NodeCapabilities): string {
  return JSON.stringify({
    num_cpus: capabilities.numCpus,
    model_name_cpu: capabilities.modelNameCpu,
    clock_freq_cpu: capabilities.clockFreqCpu,
    num_cores: capabilities.numCores,
    mem_size: capabilities.memSize,
    labels: capabilities.labels,
    is_tee_running: capabilities.isTeeRunning,
    has_tpm: capabilities.hasTpm,
    runtimes: capabilities.runtimes,
    disk_tot_space: capabilities.diskTotSpace,
    num_gpus: capabilities.numGpus,
    model_name_gpu: capabilities.modelNameGpu,
    mem_size_gpu: capabilities.memSizeGpu,
  });
}

/** The fields of a health status in the order of the reference, all integers. */
export function healthFields(health: NodeHealth): Readonly<Record<string, number>> {
  const fields = {
    mem_free: health.memFree,
    mem_used: health.memUsed,
    mem_available: health.memAvailable,
    proc_cpu_usage: health.procCpuUsage,
    proc_memory: health.procMemory,
    proc_vmemory: health.procVmemory,
    load_avg_1: health.loadAvg1,
    load_avg_5: health.loadAvg5,
    load_avg_15: health.loadAvg15,
    tot_rx_bytes: health.totRxBytes,
    tot_rx_pkts: health.totRxPkts,
    tot_rx_errs: health.totRxErrs,
    tot_tx_bytes: health.totTxBytes,
    tot_tx_pkts: health.totTxPkts,
    tot_tx_errs: health.totTxErrs,
    disk_free_space: health.diskFreeSpace,
    disk_tot_reads: health.diskTotReads,
    disk_tot_writes: health.diskTotWrites,
    gpu_load_perc: health.gpuLoadPerc,
    gpu_temp_cels: health.gpuTempCels,
    active_power: health.activePower,
  };
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Math.trunc(value)]));
}

export function encodeHealth(health: NodeHealth): string {
  return JSON.stringify(healthFields(health));
}

export function encodeProvider({ classType, outputs }: ResourceProvider, nodeId: Uuid): string {
  return JSON.stringify({ class_type: classType, node_id: nodeId, outputs });
}

/** @param instance absent: not placed. The code of a function is left out. */
export function encodeInstance(spawn: Spawn, instance: InstanceId | undefined): string {
  if (spawn.kind === "resource") {
    const { classType, configuration, workflowId } = spawn.specification;
    return JSON.stringify({
      Resource: [
        {
          class_type: classType,
          configuration: Object.fromEntries(configuration),
          workflow_id: workflowId,
        },
        formatInstanceId(instance ?? INSTANCE_NONE),
      ],
    });
  }
  const { code, annotations, state, workflowId } = spawn.request;
  const { id, functionType, version, outputs } = code;
  return JSON.stringify({
    Function: [
      {
        spec: {
          id,
          function_type: functionType,
          version,
          binary: null,
          code: code.code ?? null,
          outputs,
        },
        annotations: Object.fromEntries(annotations),
        state_specification: { state_id: state.stateId, state_policy: POLICIES[state.policy] },
        workflow_id: workflowId,
      },
      instance === undefined ? [] : [formatInstanceId(instance)],
    ],
  });
}

export function encodeDependency(outputs: ReadonlyMap<string, Uuid>): string {
  return JSON.stringify(Object.fromEntries(outputs));
}

const uuid = z.string().transform((text, context): Uuid => {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: "not a UUID" });
  return z.NEVER;
});
const strings = z.record(z.string(), z.string()).transform((object) => new Map(Object.entries(object)));

const capabilitiesSchema = z
  .object({
    num_cpus: z.number(),
    model_name_cpu: z.string(),
    clock_freq_cpu: z.number(),
    num_cores: z.number(),
    mem_size: z.number(),
    labels: z.array(z.string()),
    is_tee_running: z.boolean(),
    has_tpm: z.boolean(),
    runtimes: z.array(z.string()),
    disk_tot_space: z.number(),
    num_gpus: z.number(),
    model_name_gpu: z.string(),
    mem_size_gpu: z.number(),
  })
  .transform(
    (raw): NodeCapabilities => ({
      numCpus: raw.num_cpus,
      modelNameCpu: raw.model_name_cpu,
      clockFreqCpu: raw.clock_freq_cpu,
      numCores: raw.num_cores,
      memSize: raw.mem_size,
      labels: raw.labels,
      isTeeRunning: raw.is_tee_running,
      hasTpm: raw.has_tpm,
      runtimes: raw.runtimes,
      diskTotSpace: raw.disk_tot_space,
      numGpus: raw.num_gpus,
      modelNameGpu: raw.model_name_gpu,
      memSizeGpu: raw.mem_size_gpu,
    }),
  );

const healthSchema = z
  .object({
    mem_free: z.number(),
    mem_used: z.number(),
    mem_available: z.number(),
    proc_cpu_usage: z.number(),
    proc_memory: z.number(),
    proc_vmemory: z.number(),
    load_avg_1: z.number(),
    load_avg_5: z.number(),
    load_avg_15: z.number(),
    tot_rx_bytes: z.number(),
    tot_rx_pkts: z.number(),
    tot_rx_errs: z.number(),
    tot_tx_bytes: z.number(),
    tot_tx_pkts: z.number(),
    tot_tx_errs: z.number(),
    disk_free_space: z.number(),
    disk_tot_reads: z.number(),
    disk_tot_writes: z.number(),
    gpu_load_perc: z.number(),
    gpu_temp_cels: z.number(),
    active_power: z.number(),
  })
  .transform(
    (raw): NodeHealth => ({
      memFree: raw.mem_free,
      memUsed: raw.mem_used,
      memAvailable: raw.mem_available,
      procCpuUsage: raw.proc_cpu_usage,
      procMemory: raw.proc_memory,
      procVmemory: raw.proc_vmemory,
      loadAvg1: raw.load_avg_1,
      loadAvg5: raw.load_avg_5,
      loadAvg15: raw.load_avg_15,
      totRxBytes: raw.tot_rx_bytes,
      totRxPkts: raw.tot_rx_pkts,
      totRxErrs: raw.tot_rx_errs,
      totTxBytes: raw.tot_tx_bytes,
      totTxPkts: raw.tot_tx_pkts,
      totTxErrs: raw.tot_tx_errs,
      diskFreeSpace: raw.disk_free_space,
      diskTotReads: raw.disk_tot_reads,
      diskTotWrites: raw.disk_tot_writes,
      gpuLoadPerc: raw.gpu_load_perc,
      gpuTempCels: raw.gpu_temp_cels,
      activePower: raw.active_power,
    }),
  );

/** A provider as the mirror shows it. */
export interface MirroredProvider {
  readonly classType: string;
  readonly nodeId: Uuid;
  readonly outputs: readonly string[];
}

const providerSchema = z
  .object({ class_type: z.string(), node_id: uuid, outputs: z.array(z.string()) })
  .transform(
    (raw): MirroredProvider => ({ classType: raw.class_type, nodeId: raw.node_id, outputs: raw.outputs }),
  );

const functionRequest = z.object({
  spec: z.object({
    id: z.string(),
    function_type: z.string(),
    version: z.string(),
    code: z.string().nullish(),
    outputs: z.array(z.string()),
  }),
  annotations: strings,
  state_specification: z.object({ state_id: uuid, state_policy: z.string() }),
  workflow_id: z.string(),
});
const resourceRequest = z.object({ class_type: z.string(), configuration: strings, workflow_id: z.string() });
const instanceSchema = z.union([
  z
    .object({ Function: z.tuple([functionRequest, z.array(z.string())]) })
    .transform(({ Function: [request, instances] }): MirroredInstance => {
      const ids = instances.map(parseInstanceId).filter((id) => id !== undefined);
      return {
        ...{ kind: "function", workflowId: request.workflow_id, classId: request.spec.id, instances: ids },
        annotations: request.annotations,
      };
    }),
  z
    .object({ Resource: z.tuple([resourceRequest, z.string()]) })
    .transform(({ Resource: [request, text] }): MirroredInstance => {
      const id = parseInstanceId(text);
      const isPlaced = id !== undefined && id.functionId !== INSTANCE_NONE.functionId;
      return {
        ...{ kind: "resource", workflowId: request.workflow_id, classId: request.class_type },
        instances: isPlaced ? [id] : [],
        annotations: request.configuration,
      };
    }),
]);

/** A component as the mirror shows it. */
export interface MirroredInstance {
  readonly kind: "function" | "resource";
  readonly workflowId: string;
  /** Class of the function or of the resource. */
  readonly classId: string;
  /** Annotations of a function, configuration of a resource. */
  readonly annotations: ReadonlyMap<string, string>;
  /** None while it is not placed. */
  readonly instances: readonly InstanceId[];
}

const dependencySchema = z
  .record(z.string(), uuid)
  .transform((object): ReadonlyMap<string, Uuid> => new Map(Object.entries(object)));

/** What became of an intent; the value of its result key. An addition of this project. */
export interface IntentOutcome {
  /** Value of the intent. */
  readonly value: string;
  readonly accepted: boolean;
  /** Why not; empty when it was accepted. */
  readonly reason: string;
  /** Unix seconds. */
  readonly time: number;
}

const outcomeSchema = z.object({
  value: z.string(),
  accepted: z.boolean(),
  reason: z.string(),
  time: z.number(),
});

export const decodeOutcome = decoder<IntentOutcome>(outcomeSchema);
export const decodeCapabilities = decoder<NodeCapabilities>(capabilitiesSchema);
export const decodeHealth = decoder<NodeHealth>(healthSchema);
export const decodeProvider = decoder<MirroredProvider>(providerSchema);
export const decodeInstance = decoder<MirroredInstance>(instanceSchema);
export const decodeDependency = decoder<ReadonlyMap<string, Uuid>>(dependencySchema);

/** Reads the text that the EDGELESS programs print for an instance id. */
export function parseInstanceId(text: string): InstanceId | undefined {
  const match = /^InstanceId\(node_id: ([^,]+), function_id: ([^)]+)\)$/.exec(text);
  const nodeId = parseUuid(match?.[1] ?? "");
  const functionId = parseUuid(match?.[2] ?? "");
  return nodeId === undefined || functionId === undefined ? undefined : { nodeId, functionId };
}

function decoder<T>(schema: z.ZodType<T>): (text: string) => T | undefined {
  return (text) => {
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  };
}
