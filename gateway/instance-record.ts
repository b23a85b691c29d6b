import { z } from "zod";
import { FUNCTION, RESOURCE } from "../coap-api/operations/register.js";
import type { InstanceId } from "../core/instance-id.js";
import type { StatePolicy } from "../core/specification.js";
import type { Uuid } from "../core/uuid.js";
import { uuidSchema } from "./stored-values.js";

/** Where a channel of an instance leads. */
export interface OutputRecord {
  readonly channel: string;
  readonly target: InstanceId;
  /** Under which number the device sends events of this channel to the gateway. */
  readonly route: number;
}

/** A channel as the device knows it: a route, or an instance on the same device; the other is -1. */
export interface DeviceOutput {
  readonly channel: string;
  readonly route: number;
  readonly handle: number;
}

/** A function or resource that should run on a device; this is what a gateway keeps over its own restart. */
export interface InstanceRecord {
  readonly functionId: Uuid;
  /** FUNCTION or RESOURCE. */
  readonly kind: number;
  /** Class name of a function, class type of a resource. */
  readonly name: string;
  readonly workflowId: string;
  /** SHA-256 of the image, hexadecimal; absent for resources. */
  readonly digest?: string | undefined;
  /** Working memory that a function takes on the device, bytes; absent for resources. */
  readonly neededBytes?: number | undefined;
  readonly initPayload?: string | undefined;
  /** Settings of a resource. */
  readonly configuration: readonly (readonly [key: string, value: string])[];
  readonly statePolicy: StatePolicy;
  readonly stateId: Uuid;
  outputs: readonly OutputRecord[];
  /** Its number on the device while it runs there. */
  handle?: number | undefined;
  /** Its channels as the device acknowledged them; absent: it has none yet. */
  wired?: readonly DeviceOutput[] | undefined;
}

const instanceId = z.object({ nodeId: uuidSchema, functionId: uuidSchema });
const number = z.int().min(-1);

const instanceRecordSchema = z.object({
  functionId: uuidSchema,
  kind: z.union([z.literal(FUNCTION), z.literal(RESOURCE)]),
  name: z.string(),
  workflowId: z.string(),
  digest: z.string().optional(),
  neededBytes: z.int().min(0).optional(),
  initPayload: z.string().optional(),
  configuration: z.array(z.tuple([z.string(), z.string()])),
  statePolicy: z.enum(["transient", "node-local", "global"]),
  stateId: uuidSchema,
  outputs: z.array(z.object({ channel: z.string(), target: instanceId, route: z.int().min(0) })),
  handle: z.int().min(0).optional(),
  wired: z.array(z.object({ channel: z.string(), route: number, handle: number })).optional(),
});

/** Reads what {@link InstanceRecord} is stored as. @throws ZodError */
export function parseInstanceRecord(raw: unknown): InstanceRecord {
  return instanceRecordSchema.parse(raw);
}

/** What the device reports for the instance, so that it is recognised: the first 8 bytes of its id. */
export function tagOf(idBytes: Uint8Array): Uint8Array {
  return idBytes.subarray(0, 8);
}
