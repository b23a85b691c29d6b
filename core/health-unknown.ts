import type { NodeHealth } from "./health.js";

/** What a field of {@link NodeHealth} says when its value is not available. */
export const UNKNOWN = -1;

/** Nothing is available. */
export const HEALTH_UNKNOWN: NodeHealth = {
  memFree: UNKNOWN,
  memUsed: UNKNOWN,
  memAvailable: UNKNOWN,
  procCpuUsage: UNKNOWN,
  procMemory: UNKNOWN,
  procVmemory: UNKNOWN,
  loadAvg1: UNKNOWN,
  loadAvg5: UNKNOWN,
  loadAvg15: UNKNOWN,
  totRxBytes: UNKNOWN,
  totRxPkts: UNKNOWN,
  totRxErrs: UNKNOWN,
  totTxBytes: UNKNOWN,
  totTxPkts: UNKNOWN,
  totTxErrs: UNKNOWN,
  diskFreeSpace: UNKNOWN,
  diskTotReads: UNKNOWN,
  diskTotWrites: UNKNOWN,
  gpuLoadPerc: UNKNOWN,
  gpuTempCels: -1000,
  activePower: UNKNOWN,
};
