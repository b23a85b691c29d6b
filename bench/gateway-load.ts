import { readFileSync } from "node:fs";
import { repositoryFile } from "../cli/repository-file.js";
import { type Event, METADATA_NONE, TIMESTAMP_ZERO } from "../core/event.js";
import type { InstanceId } from "../core/instance-id.js";
import type { Uuid } from "../core/uuid.js";

/** An instance of the peer that collects events. */
export const OUTSIDE: InstanceId = {
  nodeId: "00000000-0000-4000-8000-00000000feed" as Uuid,
  functionId: "00000000-0000-4000-8000-000000000001" as Uuid,
};

/** The module of a shipped function. */
export function functionOf(id: string): Uint8Array {
  return readFileSync(repositoryFile(`dist/functions/${id}/${id}.wasm`));
}

/** An event of the collecting peer. */
export function eventFor(target: InstanceId, payload: string, type: "cast" | "call" = "cast"): Event {
  const streamId = type === "call" ? 5_000_000_000n : 0n;
  const data = { type, payload };
  return { target, source: OUTSIDE, streamId, data, created: TIMESTAMP_ZERO, metadata: METADATA_NONE };
}

/** The time as a text that any process of this machine can compare: microseconds. */
export function nowText(): string {
  return String(process.hrtime.bigint() / 1000n);
}

/** Milliseconds since a {@link nowText}. */
export function sinceMs(text: string): number {
  return (Number(process.hrtime.bigint() / 1000n) - Number(text)) / 1000;
}

/** The value below which a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
