import type { CapabilityOverrides } from "../capabilities/detect-capabilities.js";
import type { NodeConfig } from "./node-config.js";

/** What the table `[user_node_capabilities]` says. */
export function capabilityOverrides({ user_node_capabilities: given }: NodeConfig): CapabilityOverrides {
  return {
    numCpus: given?.num_cpus,
    modelNameCpu: given?.model_name_cpu,
    clockFreqCpu: given?.clock_freq_cpu,
    numCores: given?.num_cores,
    memSize: given?.mem_size,
    labels: given?.labels,
    isTeeRunning: given?.is_tee_running,
    hasTpm: given?.has_tpm,
    diskTotSpace: given?.disk_tot_space,
    numGpus: given?.num_gpus,
    modelNameGpu: given?.model_name_gpu,
    memSizeGpu: given?.mem_size_gpu,
  };
}
