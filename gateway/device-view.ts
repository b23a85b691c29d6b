import type { Peer } from "../coap-api/endpoint/peer.js";
import { FUNCTION } from "../coap-api/operations/register.js";
import { formatInstanceId } from "../core/instance-id.js";
import type { Device } from "./device.js";

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

/** All that is known of a device, as JSON of the control API. */
export interface DeviceDetail extends DeviceSummary {
  readonly agent_port: number;
  readonly lifetime_seconds: number;
  readonly uptime_seconds: number | null;
  readonly runtimes: readonly number[];
  readonly labels: readonly string[];
  readonly limits: Device["record"]["facts"]["limits"];
  readonly providers: Device["record"]["facts"]["providers"];
  readonly images: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly unanswered_requests: number;
  readonly components: readonly ComponentView[];
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
    ...{ runtimes: facts.runtimes, labels: facts.labels, limits: facts.limits, providers: facts.providers },
    images: [...plan.images],
    counters: Object.fromEntries(
      device.counters.map((value, index) => [COUNTER_NAMES[index] ?? `counter_${index}`, value]),
    ),
    requests: sent,
    unanswered_requests: unanswered,
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
