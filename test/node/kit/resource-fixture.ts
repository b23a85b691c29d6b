import type { Event, EventData } from "../../../core/event.js";
import { METADATA_NONE, timestampFromMs } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { LogFields, Logger } from "../../../core/log.js";
import type { Uuid } from "../../../core/uuid.js";
import { ResourceHost, type ResourceHostParts } from "../../../node/resources/resource-host.js";
import type { ResourceProviderHost } from "../../../node/resources/resource-provider.js";
import type { ExitStatus, Telemetry } from "../../../node/telemetry/telemetry.js";
import { systemClock } from "../../../platform/system-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { RecordingTelemetry } from "./recording-telemetry.js";

export const NODE = "aaaaaaaa-0000-4000-8000-000000000001" as Uuid;
export const PEER: InstanceId = {
  nodeId: "bbbbbbbb-0000-4000-8000-000000000002" as Uuid,
  functionId: "cccccccc-0000-4000-8000-000000000003" as Uuid,
};
export const METADATA = { traceId: "0123456789abcdef0123456789abcdef", spanId: "fedcba9876543210" };

/** Telemetry that keeps, as text, what a resource reports. */
export class ResourceTelemetry extends RecordingTelemetry implements Telemetry {
  readonly transfers: number[] = [];
  readonly executions: string[] = [];
  readonly exits: string[] = [];

  override transferred(_id?: Uuid, _kind?: string, seconds = Number.NaN): void {
    this.transfers.push(seconds);
  }

  override executed(_id?: Uuid, kind?: string, event?: string, seconds?: number): void {
    this.executions.push(`${kind} ${event} ${seconds}`);
  }

  override exited(id?: Uuid, kind?: string, status?: ExitStatus): void {
    this.exits.push(`${id} ${kind} ${status}`);
  }
}

/** A logger that keeps its lines. */
export function keepingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (message: string, _fields?: LogFields) => {
    lines.push(`${level} ${message}`);
  };
  return {
    lines,
    error: keep("error"),
    warn: keep("warn"),
    info: keep("info"),
    debug: keep("debug"),
    trace: keep("trace"),
  };
}

/** A resource host whose outgoing events are kept, and may be answered, by the test. */
export function hostOf(providers: readonly ResourceProviderHost[], parts: Partial<ResourceHostParts> = {}) {
  const sent: Event[] = [];
  const telemetry = new ResourceTelemetry();
  const logger = keepingLogger();
  const host = new ResourceHost({
    nodeId: NODE,
    send: (event) => {
      sent.push(event);
    },
    telemetry,
    clock: systemClock,
    random: seededRandom(7),
    logger,
    callTimeoutMs: 5_000,
    mailboxCapacity: 16,
    providers,
    ...parts,
  });
  return { host, sent, telemetry, logger };
}

/** Starts a resource that must start. */
export async function started(
  host: ResourceHost,
  classType: string,
  configuration: { readonly [key: string]: string } = {},
  workflowId = "",
): Promise<InstanceId> {
  const result = await host.start({
    classType,
    configuration: new Map(Object.entries(configuration)),
    workflowId,
  });
  if (!result.ok) throw new Error(`${result.error.summary}: ${result.error.detail}`);
  return result.value;
}

/** An event from {@link PEER} to a resource. */
export function eventFor(target: InstanceId, data: EventData, streamId = 0n, createdMs = 0): Event {
  return {
    target,
    source: PEER,
    streamId,
    data,
    created: timestampFromMs(createdMs),
    metadata: streamId === 0n ? METADATA_NONE : METADATA,
  };
}

/** Waits, with a deadline, until a condition of the real world holds. */
export async function until(what: string, condition: () => boolean, deadlineMs = 5_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`in vain waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
