import { HEALTH_ZERO, type NodeHealth } from "../../core/health.js";
import type * as proto from "../generated/messages.js";
import { toInt32, toInt64 } from "./number.js";

/** Writes a `NodeHealthStatus`; fractions are rounded. */
export function healthToMessage(health: NodeHealth): proto.NodeHealthStatus {
  return {
    memFree: toInt32(health.memFree),
    memUsed: toInt32(health.memUsed),
    memAvailable: toInt32(health.memAvailable),
    procCpuUsage: toInt32(health.procCpuUsage),
    procMemory: toInt32(health.procMemory),
    procVmemory: toInt32(health.procVmemory),
    loadAvg1: toInt32(health.loadAvg1),
    loadAvg5: toInt32(health.loadAvg5),
    loadAvg15: toInt32(health.loadAvg15),
    totRxBytes: toInt64(health.totRxBytes),
    totRxPkts: toInt64(health.totRxPkts),
    totRxErrs: toInt64(health.totRxErrs),
    totTxBytes: toInt64(health.totTxBytes),
    totTxPkts: toInt64(health.totTxPkts),
    totTxErrs: toInt64(health.totTxErrs),
    diskFreeSpace: toInt64(health.diskFreeSpace),
    diskTotReads: toInt64(health.diskTotReads),
    diskTotWrites: toInt64(health.diskTotWrites),
    gpuLoadPerc: toInt32(health.gpuLoadPerc),
    gpuTempCels: toInt32(health.gpuTempCels),
    activePower: toInt32(health.activePower),
  };
}

/** Reads a `NodeHealthStatus`; absent means all zero. Counters beyond 2^53 lose their lowest bits. */
export function healthFromMessage(message: proto.NodeHealthStatus | undefined): NodeHealth {
  if (message === undefined) return HEALTH_ZERO;
  return {
    ...message,
    totRxBytes: Number(message.totRxBytes),
    totRxPkts: Number(message.totRxPkts),
    totRxErrs: Number(message.totRxErrs),
    totTxBytes: Number(message.totTxBytes),
    totTxPkts: Number(message.totTxPkts),
    totTxErrs: Number(message.totTxErrs),
    diskFreeSpace: Number(message.diskFreeSpace),
    diskTotReads: Number(message.diskTotReads),
    diskTotWrites: Number(message.diskTotWrites),
  };
}
