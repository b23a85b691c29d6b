import { z } from "zod";
import type { RunningFirmware } from "../coap-api/operations/firmware.js";
import type { DeviceLimits, DeviceProvider, Registration } from "../coap-api/operations/register.js";
import type { Uuid } from "../core/uuid.js";
import { uuidSchema } from "./stored-values.js";

/** What a device is, as it said at its registration. */
export interface DeviceFacts {
  readonly board: string;
  /** RUNTIME_WASM, RUNTIME_JS. */
  readonly runtimes: readonly number[];
  readonly providers: readonly DeviceProvider[];
  readonly limits: DeviceLimits;
  readonly labels: readonly string[];
}

/** A device as a gateway keeps it over its own restart. */
export interface DeviceRecord {
  /** EDGELESS node id; the endpoint name of its registration. */
  readonly nodeId: Uuid;
  /** Unique at this gateway. */
  name: string;
  /** True when a person chose the name. */
  isNamed: boolean;
  /** The n of its registration resource `rd/<n>`. */
  readonly location: number;
  /** Port of its agent; 0: none yet. */
  agentPort: number;
  address: string;
  port: number;
  lifetimeSeconds: number;
  bootNonce: number;
  /** Of its virtual node, unsigned 64 bits. */
  nonce: bigint;
  /** False when it left or missed its refresh. */
  isPresent: boolean;
  /** Milliseconds since the Unix epoch. */
  lastSeenMs: number;
  facts: DeviceFacts;
  /** The firmware that it runs; absent when it cannot be replaced. */
  firmware?: RunningFirmware | undefined;
}

const count = z.int().min(0);

const deviceRecordSchema = z.object({
  nodeId: uuidSchema,
  name: z.string(),
  isNamed: z.boolean(),
  location: count,
  agentPort: count,
  address: z.string(),
  port: count,
  lifetimeSeconds: count,
  bootNonce: count,
  nonce: z.string().transform((text) => BigInt(text)),
  isPresent: z.boolean(),
  lastSeenMs: z.number(),
  facts: z.object({
    board: z.string(),
    runtimes: z.array(count),
    providers: z.array(
      z.object({ providerId: z.string(), classType: z.string(), outputs: z.array(z.string()) }),
    ),
    limits: z.object({
      imageBytes: count,
      instances: count,
      functionMemoryBytes: count,
      payloadBytes: count,
    }),
    labels: z.array(z.string()),
  }),
  firmware: z.object({ version: z.string(), state: count }).optional(),
});

/** Reads what {@link formatDeviceRecord} wrote. @throws ZodError or SyntaxError */
export function parseDeviceRecord(raw: unknown): DeviceRecord {
  return deviceRecordSchema.parse(raw);
}

/** What is stored of a device, ready for JSON. */
export function formatDeviceRecord(record: DeviceRecord): unknown {
  return { ...record, nonce: record.nonce.toString() };
}

/** What a device says about itself. */
export function factsOf(registration: Registration): DeviceFacts {
  const { board, runtimes, providers, limits, labels } = registration;
  return { board, runtimes, providers, limits, labels };
}

/** True when both describe the same device; else its virtual node is another one. */
export function sameFacts(one: DeviceFacts, other: DeviceFacts): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
