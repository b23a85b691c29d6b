/** State of a node's host and process. Proto message `NodeHealthStatus`; a negative value means "not available". */
export interface NodeHealth {
  /** KiB. */
  readonly memFree: number;
  /** KiB. */
  readonly memUsed: number;
  /** KiB. */
  readonly memAvailable: number;
  /** Percent of one CPU used by this process; may exceed 100. */
  readonly procCpuUsage: number;
  /** KiB, resident. */
  readonly procMemory: number;
  /** KiB, virtual. */
  readonly procVmemory: number;
  /** Load average times 100. */
  readonly loadAvg1: number;
  readonly loadAvg5: number;
  readonly loadAvg15: number;
  /** Bytes, packets and errors, sums over the network interfaces. */
  readonly totRxBytes: number;
  readonly totRxPkts: number;
  readonly totRxErrs: number;
  readonly totTxBytes: number;
  readonly totTxPkts: number;
  readonly totTxErrs: number;
  /** Bytes. */
  readonly diskFreeSpace: number;
  /** Bytes. */
  readonly diskTotReads: number;
  /** Bytes. */
  readonly diskTotWrites: number;
  /** Percent. */
  readonly gpuLoadPerc: number;
  /** Degrees Celsius times 1000; -1000 when there is none. */
  readonly gpuTempCels: number;
  /** mW. */
  readonly activePower: number;
}

/** What an absent health message means. */
export const HEALTH_ZERO: NodeHealth = {
  memFree: 0,
  memUsed: 0,
  memAvailable: 0,
  procCpuUsage: 0,
  procMemory: 0,
  procVmemory: 0,
  loadAvg1: 0,
  loadAvg5: 0,
  loadAvg15: 0,
  totRxBytes: 0,
  totRxPkts: 0,
  totRxErrs: 0,
  totTxBytes: 0,
  totTxPkts: 0,
  totTxErrs: 0,
  diskFreeSpace: 0,
  diskTotReads: 0,
  diskTotWrites: 0,
  gpuLoadPerc: 0,
  gpuTempCels: 0,
  activePower: 0,
};
