import type { Peer } from "../coap-api/endpoint/peer.js";
import { FUNCTION } from "../coap-api/operations/register.js";
import { formatInstanceId } from "../core/instance-id.js";
import type { Device } from "./device.js";
import type { FirmwareUpdate } from "./firmware-update.js";
import type { UpdateState } from "./update-record.js";

/** Names of the counters of a device, in the order of `coap-api/operations/counters.ts`. */
const COUNTER_NAMES = [
  "events_received",
  "events_sent",
  "dropped_mailbox_full",
  "dropped_no_route",
  "dropped_not_taken",
  "malformed",
  "repeated",
  "unanswered",
  "crashes",
] as const;

/** Names of the states of a firmware, in the order of `coap-api/operations/firmware.ts`. */
const FIRMWARE_STATES = ["proved", "on-trial", "gone-back", "safe-mode"] as const;

/** Names of the run-times, in the order of their numbers. */
const RUNTIME_NAMES = ["wasm", "js"] as const;

/** A device in a list, as JSON of the control API. */
export interface DeviceSummary {
  readonly id: string;
  readonly name: string;
  /** False when it left or missed its refresh. */
  readonly present: boolean;
  readonly board: string;
  readonly address: string;
  /** ISO 8601. */
  readonly last_seen: string;
  readonly free_memory_bytes: number;
  readonly instances: number;
  /** Milliseconds; null before the first exchange. */
  readonly round_trip_ms: number | null;
  /** Part of the datagrams with requests that had to be sent again, 0 to 1; null before the first. */
  readonly loss: number | null;
  readonly queued_events: number;
}

/** What a device can hold; bytes, but the instances. */
export interface LimitsView {
  readonly image_bytes: number;
  readonly instances: number;
  readonly function_memory_bytes: number;
  readonly payload_bytes: number;
}

/** A resource that a device offers. */
export interface ProviderView {
  readonly provider_id: string;
  readonly class_type: string;
  readonly outputs: readonly string[];
}

/** All that is known of a device, as JSON of the control API. */
export interface DeviceDetail extends DeviceSummary {
  readonly agent_port: number;
  readonly lifetime_seconds: number;
  readonly uptime_seconds: number | null;
  /** `wasm`, `js`; a number for what has no name here. */
  readonly runtimes: readonly string[];
  readonly labels: readonly string[];
  readonly limits: LimitsView;
  readonly providers: readonly ProviderView[];
  readonly images: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly unanswered_requests: number;
  /** Null when it cannot be replaced over the air. */
  readonly firmware: FirmwareView | null;
  readonly components: readonly ComponentView[];
}

/** The firmware of a device, as JSON of the control API. */
export interface FirmwareView {
  readonly version: string;
  readonly state: string;
  /** The newest update; null when there was none. */
  readonly update: UpdateView | null;
}

/** An update of a device, as JSON of the control API. */
export interface UpdateView {
  readonly version: string;
  readonly state: UpdateState;
  /** Why it failed; else empty. */
  readonly reason: string;
  readonly sent_bytes: number;
  readonly total_bytes: number;
}

/** An instance of a device, as JSON of the control API. */
export interface ComponentView {
  readonly id: string;
  readonly kind: "function" | "resource";
  readonly name: string;
  readonly workflow: string;
  readonly state: string;
  readonly restarts: number;
  readonly reason: string;
  /** Its number on the device; null while it does not run. */
  readonly handle: number | null;
  /** Channel to target. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** @param peer the CoAP peer at the address of the device, if it is known */
export function summaryOf(device: Device, peer: Peer | undefined): DeviceSummary {
  const { record } = device;
  const { sent } = device.requests;
  const repetitions = peer?.repetitions ?? 0;
  return {
    id: record.nodeId,
    name: record.name,
    present: record.isPresent,
    board: record.facts.board,
    address: `${record.address}:${record.port}`,
    last_seen: new Date(record.lastSeenMs).toISOString(),
    free_memory_bytes: device.freeMemoryBytes,
    instances: device.plan.size,
    round_trip_ms: device.roundTripMs ?? null,
    loss: sent === 0 ? null : repetitions / (sent + repetitions),
    queued_events: device.events.queueLength,
  };
}

/** @param peer the CoAP peer at the address of the device, if it is known */
export function detailOf(device: Device, peer: Peer | undefined): DeviceDetail {
  const { record, plan } = device;
  const { facts } = record;
  const { sent, unanswered } = device.requests;
  return {
    ...summaryOf(device, peer),
    agent_port: record.agentPort,
    lifetime_seconds: record.lifetimeSeconds,
    uptime_seconds: device.uptimeSeconds ?? null,
    runtimes: facts.runtimes.map((runtime) => RUNTIME_NAMES[runtime] ?? `${runtime}`),
    labels: facts.labels,
    limits: {
      image_bytes: facts.limits.imageBytes,
      instances: facts.limits.instances,
      function_memory_bytes: facts.limits.functionMemoryBytes,
      payload_bytes: facts.limits.payloadBytes,
    },
    providers: facts.providers.map(({ providerId, classType, outputs }) => ({
      ...{ provider_id: providerId, class_type: classType, outputs },
    })),
    images: [...plan.images],
    counters: Object.fromEntries(
      device.counters.map((value, index) => [COUNTER_NAMES[index] ?? `counter_${index}`, value]),
    ),
    requests: sent,
    unanswered_requests: unanswered,
    firmware: firmwareOf(device),
    components: plan.instances.map(({ record: instance, state, restarts, reason }) => ({
      id: instance.functionId,
      kind: instance.kind === FUNCTION ? "function" : "resource",
      name: instance.name,
      workflow: instance.workflowId,
      ...{ state, restarts, reason },
      handle: instance.handle ?? null,
      outputs: Object.fromEntries(
        instance.outputs.map(({ channel, target }) => [channel, formatInstanceId(target)]),
      ),
    })),
  };
}

function firmwareOf({ record, update }: Device): FirmwareView | null {
  const { firmware } = record;
  if (firmware === undefined) return null;
  return {
    version: firmware.version,
    state: FIRMWARE_STATES[firmware.state] ?? `state ${firmware.state}`,
    update: update === undefined ? null : updateOf(update),
  };
}

/** An update as JSON. */
export function updateOf({ version, state, reason, sentBytes, totalBytes }: FirmwareUpdate): UpdateView {
  return {
    ...{ version, state, reason },
    sent_bytes: sentBytes,
    total_bytes: totalBytes,
  };
}
