import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { InstanceId } from "../../core/instance-id.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";
import type { Store } from "../../platform/store/store.js";
import type { Spawn } from "./commands.js";
import type { PlannedStop } from "./node-plan.js";
import type { NodeFacts } from "./node-record.js";

/** A node as it is kept over a restart. */
export interface SavedNode {
  readonly nodeId: Uuid;
  readonly nonce: bigint;
  readonly facts: NodeFacts;
  readonly lifetimeMs: number;
  readonly reportsInstances: boolean;
  /** It may hold instances that nobody knows and was not emptied yet. */
  readonly resetDue: boolean;
}

/** A component as it is kept over a restart. */
export interface SavedComponent {
  readonly logicalId: Uuid;
  readonly spawn: Spawn;
  readonly outputs: ReadonlyMap<string, Uuid>;
  readonly instance: InstanceId | undefined;
  /** Former instance that must end. */
  readonly retiring: InstanceId | undefined;
  readonly home: Uuid | undefined;
}

/** All that an ε-ORC keeps over a restart. */
export interface SavedState {
  readonly nonce: bigint;
  readonly counter: bigint;
  readonly cordoned: readonly Uuid[];
  readonly nodes: readonly SavedNode[];
  readonly components: readonly SavedComponent[];
  readonly stops: readonly PlannedStop[];
}

/** Keys of the records in the store. */
export const KEYS = {
  domain: "domain",
  node: (nodeId: string) => `node/${nodeId}`,
  component: (logicalId: string) => `component/${logicalId}`,
  stop: (functionId: string) => `stop/${functionId}`,
  /** Code of functions, once per SHA-256 digest. */
  code: (digest: string) => `code/${digest}`,
} as const;

const uuid = z.string().transform((text, context): Uuid => {
  const parsed = parseUuid(text);
  if (parsed === undefined) {
    context.addIssue({ code: "custom", message: "not a UUID" });
    return z.NEVER;
  }
  return parsed;
});
const uint64 = z
  .string()
  .regex(/^[0-9]{1,20}$/)
  .transform((text) => BigInt(text));
const strings = z.array(z.tuple([z.string(), z.string()])).transform((entries) => new Map(entries));
const instanceId = z.object({ nodeId: uuid, functionId: uuid });
const number = z.number();

const domainRecord = z.object({
  edition: z.literal(1),
  nonce: uint64,
  counter: uint64,
  cordoned: z.array(uuid),
});

const nodeRecord = z.object({
  nodeId: uuid,
  nonce: uint64,
  lifetimeMs: number,
  reportsInstances: z.boolean(),
  resetDue: z.boolean(),
  facts: z.object({
    agentUrl: z.string(),
    invocationUrl: z.string(),
    capabilities: z.object({
      numCpus: number,
      modelNameCpu: z.string(),
      clockFreqCpu: number,
      numCores: number,
      memSize: number,
      labels: z.array(z.string()),
      isTeeRunning: z.boolean(),
      hasTpm: z.boolean(),
      runtimes: z.array(z.string()),
      diskTotSpace: number,
      numGpus: number,
      modelNameGpu: z.string(),
      memSizeGpu: number,
    }),
    resourceProviders: z.array(
      z.object({ providerId: z.string(), classType: z.string(), outputs: z.array(z.string()) }),
    ),
  }),
});

const functionRecord = z.object({
  kind: z.literal("function"),
  id: z.string(),
  functionType: z.string(),
  version: z.string(),
  digest: z.string().optional(),
  code: z.string().optional(),
  outputs: z.array(z.string()),
  annotations: strings,
  stateId: uuid,
  policy: z.enum(["transient", "node-local", "global"]),
  workflowId: z.string(),
});
const resourceRecord = z.object({
  kind: z.literal("resource"),
  classType: z.string(),
  configuration: strings,
  workflowId: z.string(),
});
const componentRecord = z.object({
  logicalId: uuid,
  spawn: z.discriminatedUnion("kind", [functionRecord, resourceRecord]),
  outputs: z.array(z.tuple([z.string(), uuid])).transform((entries) => new Map(entries)),
  instance: instanceId.optional(),
  retiring: instanceId.optional(),
  home: uuid.optional(),
});
const stopRecord = z.object({
  instance: instanceId,
  kind: z.enum(["function", "resource", "any"]),
  classKey: z.string(),
});

/** Turns a record into the bytes that are kept. */
function encode(record: unknown): Uint8Array {
  const text = JSON.stringify(record, (_key, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    return value instanceof Map ? [...value] : value;
  });
  return new TextEncoder().encode(text);
}

export function encodeDomain(nonce: bigint, counter: bigint, cordoned: Iterable<Uuid>): Uint8Array {
  return encode({ edition: 1, nonce, counter, cordoned: [...cordoned] });
}

export function encodeNode(node: SavedNode): Uint8Array {
  return encode(node);
}

export function encodeStop(stop: PlannedStop): Uint8Array {
  return encode(stop);
}

/** @param digest of the function's code, which is kept beside under {@link KEYS.code} */
export function encodeComponent(component: SavedComponent, digest: string | undefined): Uint8Array {
  return encode({ ...component, spawn: spawnRecord(component.spawn, digest) });
}

function spawnRecord(spawn: Spawn, digest: string | undefined): unknown {
  if (spawn.kind === "resource") return { kind: spawn.kind, ...spawn.specification };
  const { code, annotations, state, workflowId } = spawn.request;
  const { id, functionType, version, outputs } = code;
  const { stateId, policy } = state;
  return {
    kind: spawn.kind,
    ...{ id, functionType, version, outputs, digest, code: code.code },
    ...{ annotations, stateId, policy, workflowId },
  };
}

/**
 * Reads what an earlier process kept.
 * @returns undefined when the store is empty
 * @throws EdgelessError EDGELESS_STORE_BROKEN naming the record that cannot be read
 */
export async function loadState(store: Store): Promise<SavedState | undefined> {
  const domainBytes = await store.get(KEYS.domain);
  if (domainBytes === undefined) return undefined;
  const { nonce, counter, cordoned } = decode(KEYS.domain, domainBytes, domainRecord);
  const codes = new Map<string, Uint8Array>();
  for await (const [key, value] of store.entries(KEYS.code(""))) codes.set(key, value);
  const components: SavedComponent[] = [];
  for await (const [key, value] of store.entries(KEYS.component(""))) {
    const { logicalId, spawn, outputs, instance, retiring, home } = decode(key, value, componentRecord);
    components.push({ logicalId, spawn: toSpawn(key, spawn, codes), outputs, instance, retiring, home });
  }
  return {
    ...{ nonce, counter, cordoned, components },
    nodes: await readAll(store, KEYS.node(""), nodeRecord),
    stops: await readAll(store, KEYS.stop(""), stopRecord),
  };
}

async function readAll<T>(store: Store, prefix: string, schema: z.ZodType<T>): Promise<T[]> {
  const records: T[] = [];
  for await (const [key, value] of store.entries(prefix)) records.push(decode(key, value, schema));
  return records;
}

function toSpawn(
  key: string,
  record: z.infer<typeof componentRecord>["spawn"],
  codes: ReadonlyMap<string, Uint8Array>,
): Spawn {
  if (record.kind === "resource") {
    const { classType, configuration, workflowId } = record;
    return { kind: "resource", specification: { classType, configuration, workflowId } };
  }
  const { id, functionType, version, outputs, digest, code, annotations, stateId, policy, workflowId } =
    record;
  const binary = digest === undefined ? undefined : codes.get(KEYS.code(digest));
  if (digest !== undefined && binary === undefined)
    throw new EdgelessError("EDGELESS_STORE_BROKEN", `record ${key}: its code ${digest} is missing`);
  return {
    kind: "function",
    request: {
      code: {
        ...{ id, functionType, version, outputs },
        ...(binary === undefined ? {} : { binary }),
        ...(code === undefined ? {} : { code }),
      },
      annotations,
      state: { stateId, policy },
      workflowId,
    },
  };
}

function decode<T>(key: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_STORE_BROKEN",
      `record ${key} cannot be read: ${reasonOf(error)}`,
      error,
    );
  }
}
