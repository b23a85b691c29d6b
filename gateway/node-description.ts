import type { NodeCapabilities } from "../core/capabilities.js";
import { NO_CAPABILITIES } from "../core/capabilities.js";
import type { NodeHealth } from "../core/health.js";
import { HEALTH_UNKNOWN } from "../core/health-unknown.js";
import type { ResourceProvider } from "../core/specification.js";
import { domainRuntimes } from "./admission.js";
import type { DeviceRecord } from "./device-record.js";

const KIB = 1024;
const MIB = KIB * KIB;

/** What the ε-ORC is told a device can do. Its memory is that of one function; MiB are rounded up to 1 at least. */
export function capabilitiesOf(
  record: DeviceRecord,
  hostname: string,
  commonLabels: readonly string[],
): NodeCapabilities {
  const { facts, name } = record;
  const { limits } = facts;
  const runtimes = domainRuntimes(facts);
  return {
    ...NO_CAPABILITIES,
    // Without a CPU a node takes no functions, only resources.
    numCpus: runtimes.length > 0 ? 1 : 0,
    numCores: runtimes.length > 0 ? 1 : 0,
    modelNameCpu: facts.board,
    memSize: Math.max(1, Math.ceil((limits.functionMemoryBytes * Math.max(1, limits.instances)) / MIB)),
    labels: [
      ...new Set([
        `device=${name}`,
        `board=${facts.board}`,
        `gateway=${hostname}`,
        ...commonLabels,
        ...facts.labels,
      ]),
    ],
    runtimes,
  };
}

/** The resource providers of a device, with names that are unique in the domain, whatever other gateways it has. */
export function providersOf({ facts, name, nodeId }: DeviceRecord): ResourceProvider[] {
  const mark = nodeId.slice(0, 8);
  const prefix = name.includes(mark) ? name : `${name}-${mark}`;
  return facts.providers.map(({ providerId, classType, outputs }) => ({
    providerId: `${prefix}-${providerId}`,
    classType,
    outputs,
  }));
}

/** The health of a device: its free memory is all that is known. */
export function healthOf(freeMemoryBytes: number): NodeHealth {
  const memFree = Math.floor(freeMemoryBytes / KIB);
  return { ...HEALTH_UNKNOWN, memFree, memAvailable: memFree };
}
