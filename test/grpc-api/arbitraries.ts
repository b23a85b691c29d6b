import fc from "fast-check";
import type { DomainUpdate, Migration, NodeUpdate, Patch, PeerUpdate, Result } from "../../core/api.js";
import type { DomainCapabilities, NodeCapabilities, PlacementNode } from "../../core/capabilities.js";
import type { Event, EventData, EventMetadata, Timestamp } from "../../core/event.js";
import type {
  CallOutcome,
  GuestBoot,
  GuestDelayedOutput,
  GuestInit,
  GuestInput,
  GuestLog,
  GuestOutput,
  GuestRawOutput,
  GuestState,
} from "../../core/guest-api.js";
import type { NodeHealth } from "../../core/health.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { PerformanceSamples } from "../../core/samples.js";
import type { FunctionClass, ResourceSpecification, SpawnFunctionRequest } from "../../core/specification.js";
import type { ComponentStatus, InstanceStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow, WorkflowInfo, WorkflowInstance } from "../../core/workflow.js";
import { fromFloat32 } from "../../grpc-api/mapping/number.js";

/*
 * Arbitrary values of the types that travel over gRPC, all of them valid.
 */

/** A record as the code under test makes it: with the prototype of all objects. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

/** Any text that UTF-8 can carry. */
const text = fc.string({ unit: "binary", maxLength: 12 });
const name = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
const texts = fc.array(text, { maxLength: 3 });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
const uint64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
const uint32 = fc.nat(0xffff_ffff);
const int32 = fc.integer();
const counter = fc.maxSafeInteger();
const stringMap = fc.array(fc.tuple(text, text), { maxLength: 3 }).map((entries) => new Map(entries));
/** No signed zero: JSON-like comparison would tell it from zero, which is what travels. */
const double = fc.double().map((value) => value + 0);

export const uuid: fc.Arbitrary<Uuid> = fc.uuid().map((id) => id as Uuid);
export const instanceId: fc.Arbitrary<InstanceId> = record({ nodeId: uuid, functionId: uuid });

function optional<K extends string, V>(key: K, value: fc.Arbitrary<V>): fc.Arbitrary<{ [P in K]?: V }> {
  return fc.option(value, { nil: undefined }).map((present) => {
    return (present === undefined ? {} : { [key]: present }) as { [P in K]?: V };
  });
}

const merged = <A, B>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>): fc.Arbitrary<A & B> =>
  fc.tuple(a, b).map(([first, second]) => ({ ...first, ...second }));

export const functionClass: fc.Arbitrary<FunctionClass> = merged(
  record({ id: text, functionType: text, version: text, outputs: texts }),
  merged(optional("binary", bytes), optional("code", name)),
);

export const spawnFunction: fc.Arbitrary<SpawnFunctionRequest> = record({
  code: functionClass,
  annotations: stringMap,
  state: record({
    stateId: uuid,
    policy: fc.constantFrom("transient" as const, "node-local" as const, "global" as const),
  }),
  workflowId: text,
});

export const resource: fc.Arbitrary<ResourceSpecification> = record({
  classType: text,
  configuration: stringMap,
  workflowId: text,
});

/** An outcome that can be a refusal. */
export function result<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Result<T>> {
  const error = merged(record({ summary: text }), optional("detail", text));
  return fc.oneof(
    value.map((value) => ({ ok: true as const, value })),
    error.map((error) => ({ ok: false as const, error })),
  );
}

/** A patch with ids of one level. */
export function patch<Id>(id: fc.Arbitrary<Id>): fc.Arbitrary<Patch<Id>> {
  const outputs = fc.array(fc.tuple(text, id), { maxLength: 3 }).map((entries) => new Map(entries));
  return record({ source: uuid, outputs });
}

export const peerUpdate: fc.Arbitrary<PeerUpdate> = fc.oneof(
  record({ type: fc.constant("add" as const), nodeId: uuid, invocationUrl: text }),
  record({ type: fc.constant("delete" as const), nodeId: uuid }),
  record({ type: fc.constant("clear" as const) }),
);

const nodeCapabilities: fc.Arbitrary<NodeCapabilities> = record({
  numCpus: uint32,
  modelNameCpu: text,
  clockFreqCpu: fc.float({ noNaN: true, noDefaultInfinity: true }).map(fromFloat32),
  numCores: uint32,
  memSize: uint32,
  labels: texts,
  isTeeRunning: fc.boolean(),
  hasTpm: fc.boolean(),
  runtimes: texts,
  diskTotSpace: uint32,
  numGpus: uint32,
  modelNameGpu: text,
  memSizeGpu: uint32,
});

export const domainCapabilities: fc.Arbitrary<DomainCapabilities> = record({
  numNodes: uint32,
  numCpus: uint32,
  numCores: uint32,
  memSize: uint32,
  labels: texts,
  numTee: uint32,
  numTpm: uint32,
  runtimes: texts,
  diskTotSpace: uint32,
  numGpus: uint32,
  memSizeGpu: uint32,
  resourceProviders: texts,
  resourceClasses: texts,
});

export const domains = fc
  .array(fc.tuple(text, domainCapabilities), { maxLength: 3 })
  .map((entries) => new Map(entries));

const health: fc.Arbitrary<NodeHealth> = record({
  memFree: int32,
  memUsed: int32,
  memAvailable: int32,
  procCpuUsage: int32,
  procMemory: int32,
  procVmemory: int32,
  loadAvg1: int32,
  loadAvg5: int32,
  loadAvg15: int32,
  totRxBytes: counter,
  totRxPkts: counter,
  totRxErrs: counter,
  totTxBytes: counter,
  totTxPkts: counter,
  totTxErrs: counter,
  diskFreeSpace: counter,
  diskTotReads: counter,
  diskTotWrites: counter,
  gpuLoadPerc: int32,
  gpuTempCels: int32,
  activePower: int32,
});

const time: fc.Arbitrary<Timestamp> = record({
  seconds: fc.maxSafeInteger(),
  nanoseconds: fc.nat(999_999_999),
});

function series<T>(item: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<Uuid, readonly T[]>> {
  return fc
    .array(fc.tuple(uuid, fc.array(item, { maxLength: 3 })), { maxLength: 2 })
    .map((entries) => new Map(entries));
}

const times = series(record({ time, seconds: double }));
export const samples: fc.Arbitrary<PerformanceSamples> = record({
  instantiateTimes: times,
  initTimes: times,
  executionTimes: times,
  stopTimes: times,
  transferTimes: times,
  logEntries: series(record({ time, target: text, message: text })),
});

const state = fc.constantFrom(
  "unknown" as const,
  "pending" as const,
  "starting" as const,
  "running" as const,
  "crashed" as const,
  "failed" as const,
);
const instanceStatus: fc.Arbitrary<InstanceStatus> = record({
  functionId: uuid,
  state,
  restarts: uint32,
  reason: text,
});
const componentStatus: fc.Arbitrary<ComponentStatus> = merged(
  record({ logicalId: uuid, state, restarts: uint32, reason: text }),
  optional("instance", instanceId),
);

export const nodeUpdate: fc.Arbitrary<NodeUpdate> = merged(
  record({
    nodeId: uuid,
    agentUrl: text,
    invocationUrl: text,
    resourceProviders: fc.array(record({ providerId: name, classType: name, outputs: texts }), {
      maxLength: 3,
    }),
    capabilities: nodeCapabilities,
    refreshDeadline: uint64,
    nonce: uint64,
    health,
    samples,
  }),
  merged(
    optional("instances", fc.array(instanceStatus, { maxLength: 3 })),
    optional("gateway", record({ nonce: uint64, agentUrl: text })),
  ),
);

const placementNode: fc.Arbitrary<PlacementNode> = record({
  nodeId: uuid,
  labels: texts,
  runtimes: texts,
  isTeeRunning: fc.boolean(),
  hasTpm: fc.boolean(),
  acceptsFunctions: fc.boolean(),
  acceptsResources: fc.boolean(),
  providers: fc.array(record({ providerId: text, classType: text }), { maxLength: 2 }),
});

export const domainUpdate: fc.Arbitrary<DomainUpdate> = merged(
  record({
    domainId: text,
    orchestratorUrl: text,
    capabilities: domainCapabilities,
    refreshDeadline: uint64,
    // 0 stands for an update without its offer on the wire.
    counter: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
    nonce: uint64,
  }),
  merged(
    optional("nodes", fc.array(placementNode, { maxLength: 2 })),
    merged(
      optional("components", fc.array(componentStatus, { maxLength: 2 })),
      optional("isSameOffer", fc.constant(true)),
    ),
  ),
);

export const workflow: fc.Arbitrary<Workflow> = record({
  functions: fc.array(
    record({ name: text, functionClass, outputMapping: stringMap, annotations: stringMap }),
    { maxLength: 2 },
  ),
  resources: fc.array(
    record({ name: text, classType: text, outputMapping: stringMap, configurations: stringMap }),
    { maxLength: 2 },
  ),
  annotations: stringMap,
});

export const workflowInstance: fc.Arbitrary<WorkflowInstance> = record({
  workflowId: uuid,
  mapping: fc.array(record({ name: text, logicalId: uuid, domainId: text }), { maxLength: 3 }),
  statuses: fc.array(componentStatus, { maxLength: 2 }),
});

export const workflowInfo: fc.Arbitrary<WorkflowInfo> = record({ workflow, instance: workflowInstance });
export const migration: fc.Arbitrary<Migration> = record({
  workflowId: uuid,
  domainId: text,
  component: text,
});

const hex = (digits: number) =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => Buffer.from(bytes).toString("hex"));
const metadata: fc.Arbitrary<EventMetadata> = record({ traceId: hex(32), spanId: hex(16) });
const data: fc.Arbitrary<EventData> = fc.oneof(
  record({
    type: fc.constantFrom("cast" as const, "call" as const, "call-ret" as const),
    payload: text,
  }),
  record({ type: fc.constantFrom("call-no-ret" as const, "err" as const) }),
);
export const event: fc.Arbitrary<Event> = record({
  target: instanceId,
  source: instanceId,
  streamId: uint64,
  data,
  created: time,
  metadata,
});

export const boot: fc.Arbitrary<GuestBoot> = record({ hostUrl: text, instance: instanceId });
export const init: fc.Arbitrary<GuestInit> = merged(record({ payload: text }), optional("state", bytes));
export const input: fc.Arbitrary<GuestInput> = record({ source: instanceId, payload: text });
export const outcome: fc.Arbitrary<CallOutcome> = fc.oneof(
  record({ type: fc.constant("reply" as const), payload: text }),
  record({ type: fc.constantFrom("no-reply" as const, "err" as const) }),
);
export const output: fc.Arbitrary<GuestOutput> = record({
  originator: instanceId,
  channel: text,
  payload: text,
});
export const rawOutput: fc.Arbitrary<GuestRawOutput> = record({
  originator: instanceId,
  target: instanceId,
  payload: text,
});
export const delayedOutput: fc.Arbitrary<GuestDelayedOutput> = merged(
  output,
  record({ delayMs: fc.maxSafeNat(), metadata }),
);
export const guestLog: fc.Arbitrary<GuestLog> = record({
  originator: instanceId,
  level: fc.constantFrom(
    "error" as const,
    "warn" as const,
    "info" as const,
    "debug" as const,
    "trace" as const,
  ),
  target: text,
  message: text,
});
export const guestState: fc.Arbitrary<GuestState> = record({
  originator: instanceId,
  state: fc.uint8Array({ maxLength: 40 }),
});
export const anyText = text;
export const uuids = fc.array(uuid, { maxLength: 4 });
export const domainAnswer = merged(
  record({ reset: fc.boolean() }),
  optional("keepsOffer", fc.constant(true)),
);
export const eventBatch: fc.Arbitrary<readonly Uint8Array[]> = fc.array(bytes, { maxLength: 4 });
export const refusals: fc.Arbitrary<ReadonlyMap<number, string>> = fc
  .array(fc.tuple(uint32, text), { maxLength: 3 })
  .map((entries) => new Map(entries));
