import t from "tap";
import { NO_CAPABILITIES, NO_DOMAIN_CAPABILITIES } from "../../core/capabilities.js";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import { HEALTH_ZERO } from "../../core/health.js";
import type { LogFields } from "../../core/log.js";
import { SILENT } from "../../core/log.js";
import { NO_SAMPLES } from "../../core/samples.js";
import { NIL_UUID, type Uuid } from "../../core/uuid.js";
import { managementMethods } from "../../grpc-api/agent.js";
import { componentMethods } from "../../grpc-api/components.js";
import { updateDomainMethod } from "../../grpc-api/domain-registration.js";
import * as proto from "../../grpc-api/generated/messages.js";
import { guestFunctionMethods } from "../../grpc-api/guest-function.js";
import { guestHostMethods } from "../../grpc-api/guest-host.js";
import { handleMethod } from "../../grpc-api/invocation-method.js";
import { healthToMessage } from "../../grpc-api/mapping/health.js";
import { logicalIds, physicalIds } from "../../grpc-api/mapping/identifiers.js";
import { updateNodeMethod } from "../../grpc-api/node-registration.js";
import { workflowMethods } from "../../grpc-api/workflow.js";

const A = "11111111-2222-4333-8444-555555555555" as Uuid;
const B = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" as Uuid;
const ID = { nodeId: A, functionId: B };
const physical = componentMethods(physicalIds);
const logical = componentMethods(logicalIds);

/** Reads a message that is given as a generated value. */
function receive<M, T>(
  codec: { decode(bytes: Uint8Array): T },
  message: { encode(m: M): { finish(): Uint8Array } },
  value: M,
): T {
  return codec.decode(message.encode(value).finish());
}

const bad = (message: RegExp) => ({ code: "EDGELESS_BAD_MESSAGE", message });

/** An event in which everything is there. */
const EVENT: proto.Event = {
  target: ID,
  source: ID,
  streamId: 0n,
  msg: { eventType: proto.EventType.CAST, payload: "hi" },
  created: { secs: 0n, nsecs: 0 },
  metadata: { traceId: new Uint8Array(16), spanId: new Uint8Array(8) },
};
const receiveEvent = (change: Partial<proto.Event>) =>
  receive(handleMethod.request, proto.Event, { ...EVENT, ...change });

t.test("given ids in unusual forms, when received, then they become canonical", async (t) => {
  for (const form of [A.toUpperCase(), A.replaceAll("-", ""), `{${A}}`, `urn:uuid:${A}`]) {
    t.equal(receive(workflowMethods.stop.request, proto.WorkflowId, { workflowId: form }), A);
  }
  for (const form of ["", "x", `${A}0`]) {
    t.throws(
      () => receive(workflowMethods.stop.request, proto.WorkflowId, { workflowId: form }),
      bad(/WorkflowId\.workflow_id is not a UUID/),
    );
  }
});

t.test("given an id of the other level, when received, then the missing arm is named", async (t) => {
  const physicalBytes = physical.stopFunction.request.encode(ID);
  const logicalBytes = logical.stopFunction.request.encode(A);
  t.throws(() => logical.stopFunction.request.decode(physicalBytes), bad(/domain_managed_instance_id/));
  t.throws(() => physical.stopResource.request.decode(logicalBytes), bad(/instance_id is missing/));
  t.throws(() => physical.stopFunction.request.decode(new Uint8Array(0)), bad(/instance_id is missing/));
});

t.test("given an event that lacks a part, when received, then the part is named", async (t) => {
  t.match(receiveEvent({}), { data: { type: "cast", payload: "hi" }, metadata: METADATA_NONE });
  t.throws(() => receiveEvent({ target: undefined }), bad(/Event\.target is missing/));
  t.throws(() => receiveEvent({ source: undefined }), bad(/Event\.source is missing/));
  t.throws(() => receiveEvent({ msg: undefined }), bad(/Event\.msg is missing/));
  t.throws(() => receiveEvent({ created: undefined }), bad(/Event\.created is missing/));
  t.throws(() => receiveEvent({ metadata: undefined }), bad(/Event\.metadata is missing/));
  t.throws(() => receiveEvent({ source: { nodeId: A, functionId: "" } }), bad(/Event\.source\.function_id/));
  t.throws(() => receiveEvent({ created: { secs: 0n, nsecs: 1_000_000_000 } }), bad(/Event\.created/));
  t.throws(() => receiveEvent({ created: { secs: 1n << 60n, nsecs: 0 } }), bad(/Event\.created/));
});

t.test("given trace ids of other lengths, when received, then they are refused", async (t) => {
  for (const length of [0, 15, 17]) {
    const traceId = new Uint8Array(length);
    t.throws(() => receiveEvent({ metadata: { traceId, spanId: new Uint8Array(8) } }), bad(/trace_id/));
  }
  for (const length of [0, 7, 9]) {
    const spanId = new Uint8Array(length);
    t.throws(() => receiveEvent({ metadata: { traceId: new Uint8Array(16), spanId } }), bad(/span_id/));
  }
  const metadata = { traceId: "zz".repeat(16), spanId: "00".repeat(8) };
  t.throws(
    () => handleMethod.request.encode({ ...handleMethod.request.decode(golden()), metadata }),
    bad(/trace_id/),
  );
});

function golden(): Uint8Array {
  return proto.Event.encode(EVENT).finish();
}

t.test(
  "given an event type on the wire, when received, then zero is a call and an unknown one an error",
  async (t) => {
    const typeOf = (eventType: number) => receiveEvent({ msg: { eventType, payload: "p" } }).data;
    t.strictSame(typeOf(0), { type: "call", payload: "p" });
    t.strictSame(typeOf(1), { type: "cast", payload: "p" });
    t.strictSame(typeOf(2), { type: "call-ret", payload: "p" });
    t.strictSame(typeOf(3), { type: "call-no-ret" });
    t.strictSame(typeOf(4), { type: "err" });
    for (const unknown of [5, 99, -1]) t.strictSame(typeOf(unknown), { type: "err" });
  },
);

t.test("given a payload that is not UTF-8, when received or sent, then it becomes well-formed", async (t) => {
  const bytes = golden();
  const at = Buffer.from(bytes).indexOf("hi");
  bytes[at] = 0xff;
  t.strictSame(handleMethod.request.decode(bytes).data, { type: "cast", payload: "\ufffdi" });
  const event = handleMethod.request.decode(golden());
  const sent = handleMethod.request.encode({ ...event, data: { type: "cast", payload: "a\ud800b" } });
  t.strictSame(handleMethod.request.decode(sent).data, { type: "cast", payload: "a\ufffdb" });
  const input = { source: ID, payload: "a\ud800b" };
  const { cast } = guestFunctionMethods;
  t.equal(cast.request.decode(cast.request.encode(input)).payload, "a\ufffdb");
});

t.test("given a payload that starts with U+FEFF, when it travels, then it is kept", async (t) => {
  const event = {
    ...handleMethod.request.decode(golden()),
    data: { type: "cast" as const, payload: "\ufeffx" },
  };
  t.strictSame(handleMethod.request.decode(handleMethod.request.encode(event)), event);
});

t.test("given a creation time of zero, when sent, then the sub-message is there", async (t) => {
  const event = { ...handleMethod.request.decode(golden()), created: TIMESTAMP_ZERO };
  t.match(Buffer.from(handleMethod.request.encode(event)).toString("hex"), /2a00321c/);
});

t.test("given a function to start, when a mandatory part lacks, then it is named", async (t) => {
  const code = {
    id: "f",
    functionType: "RUST_WASM",
    version: "",
    binary: new Uint8Array(0),
    code: "",
    outputs: [],
  };
  const request: proto.SpawnFunctionRequest = {
    code,
    annotations: new Map(),
    stateSpecification: { stateId: A, policy: Number("77") },
    workflowId: "not validated",
  };
  const get = (change: Partial<proto.SpawnFunctionRequest>) =>
    receive(physical.startFunction.request, proto.SpawnFunctionRequest, { ...request, ...change });
  const read = get({});
  t.equal(read.state.policy, "transient", "an unknown policy is transient");
  t.notOk("binary" in read.code, "empty bytes mean absent");
  t.notOk("code" in read.code, "an empty locator means absent");
  t.throws(() => get({ code: undefined }), bad(/SpawnFunctionRequest\.code is missing/));
  t.throws(() => get({ stateSpecification: undefined }), bad(/state_specification is missing/));
  const stateSpecification = { stateId: "", policy: 0 };
  t.throws(() => get({ stateSpecification }), bad(/StateSpecification\.state_id/));
});

t.test("given a start answer, when read, then the id wins and neither is a fault", async (t) => {
  const variant = logicalIds.toVariant(A);
  const responseError = { summary: "s", detail: undefined };
  const get = (message: proto.StartComponentResponse) =>
    receive(logical.startResource.answer, proto.StartComponentResponse, message);
  t.strictSame(get({ instanceId: variant, responseError }), { ok: true, value: A });
  t.strictSame(get({ responseError }), { ok: false, error: { summary: "s" } });
  t.strictSame(get({ responseError: { summary: "", detail: "" } }), {
    ok: false,
    error: { summary: "", detail: "" },
  });
  t.throws(() => get({}), bad(/StartComponentResponse/));
  t.throws(() => get({ instanceId: { InstanceIdType: undefined } }), bad(/instance_id/));
});

t.test(
  "given a patch towards an orchestrator, when sent, then node ids are nil and still needed",
  async (t) => {
    const outputs = new Map([["out", B]]);
    const message = proto.PatchRequest.decode(logical.patchFunction.request.encode({ source: A, outputs }));
    t.strictSame(message.outputMapping.get("out"), { nodeId: NIL_UUID, functionId: B });
    const get = (target: proto.InstanceId) =>
      receive(logical.patchFunction.request, proto.PatchRequest, {
        functionId: A,
        outputMapping: new Map([["out", target]]),
      });
    t.strictSame(get({ nodeId: A, functionId: B }).outputs, outputs);
    t.throws(() => get({ nodeId: "", functionId: B }), bad(/output_mapping\["out"\]\.node_id/));
    t.throws(() => get({ nodeId: A, functionId: "x" }), bad(/output_mapping\["out"\]\.function_id/));
  },
);

t.test("given a patch entry without a target, when received, then the patch is refused", async (t) => {
  const bytes = Buffer.concat([
    Buffer.from([0x0a, 36]),
    Buffer.from(A),
    Buffer.from("1a050a036f7574", "hex"),
  ]);
  t.throws(() => physical.patchFunction.request.decode(bytes), bad(/map entry/));
});

t.test("given peer updates, when a part lacks or the type is unknown, then they are refused", async (t) => {
  const get = (message: proto.UpdatePeersRequest) =>
    receive(managementMethods.updatePeers.request, proto.UpdatePeersRequest, message);
  t.throws(() => get({ requestType: 0, nodeId: A }), bad(/invocation_url is missing/));
  t.throws(() => get({ requestType: 0, invocationUrl: "u" }), bad(/node_id is missing/));
  t.throws(() => get({ requestType: 1 }), bad(/node_id is missing/));
  t.throws(() => get({ requestType: 1, nodeId: "" }), bad(/node_id is not a UUID/));
  t.throws(() => get({ requestType: Number("3") }), bad(/request_type is unknown: 3/));
  t.strictSame(get({ requestType: 2 }), { type: "clear" });
});

/** A node update without optional parts. */
const NODE: proto.UpdateNodeRequest = {
  nodeId: A,
  agentUrl: "",
  invocationUrl: "",
  resourceProviders: [],
  capabilities: undefined,
  refreshDeadline: 0xffff_ffff_ffff_ffffn,
  nonce: 1n << 63n,
  healthStatus: undefined,
  performanceSamples: undefined,
  instances: [],
  reportsInstances: false,
};

t.test("given a bare node update, when received, then absent parts are none and zero", async (t) => {
  const read = receive(updateNodeMethod(SILENT).request, proto.UpdateNodeRequest, NODE);
  t.strictSame(read.capabilities, NO_CAPABILITIES);
  t.strictSame(read.health, HEALTH_ZERO);
  t.strictSame(read.samples, NO_SAMPLES);
  t.equal(read.refreshDeadline, 0xffff_ffff_ffff_ffffn, "the largest deadline is kept");
  t.equal(read.nonce, 1n << 63n);
  t.notOk("instances" in read, "not reported is not the same as none");
  const reporting = { ...NODE, reportsInstances: true };
  t.strictSame(receive(updateNodeMethod(SILENT).request, proto.UpdateNodeRequest, reporting).instances, []);
});

t.test("given a node update with a provider without name, when received, then it is refused", async (t) => {
  const get = (providerId: string, classType: string) =>
    receive(updateNodeMethod(SILENT).request, proto.UpdateNodeRequest, {
      ...NODE,
      resourceProviders: [{ providerId, classType, outputs: [] }],
    });
  t.throws(() => get("", "c"), bad(/provider_id is empty/));
  t.throws(() => get("p", ""), bad(/class_type is empty/));
  t.equal(get("p", "c").resourceProviders.length, 1);
});

t.test("given ill-formed samples, when received, then the rest is kept and the loss is logged", async (t) => {
  const records: (LogFields | undefined)[] = [];
  const logger = { ...SILENT, warn: (_: string, fields?: LogFields) => void records.push(fields) };
  const good = { timestampSec: 5n, timestampNs: 6, sample: 0.5 };
  const performanceSamples: proto.NodePerformanceSamples = {
    functionInstantiateTimes: [],
    functionInitTimes: [{ id: "nonsense", samples: [good] }],
    functionExecutionTimes: [
      { id: A, samples: [good, { ...good, timestampNs: 1_000_000_000 }] },
      { id: A, samples: [good] },
    ],
    functionStopTimes: [],
    functionTransferTimes: [],
    functionLogEntries: [{ id: "", entries: [] }],
  };
  const read = receive(updateNodeMethod(logger).request, proto.UpdateNodeRequest, {
    ...NODE,
    performanceSamples,
  });
  const sample = { time: { seconds: 5, nanoseconds: 6 }, seconds: 0.5 };
  t.strictSame(read.samples.executionTimes, new Map([[A, [sample, sample]]]));
  t.equal(read.samples.initTimes.size, 0);
  t.strictSame(records, [{ nodeId: A, dropped: 3 }]);
});

t.test("given a component state of a later version, when received, then it is unknown", async (t) => {
  const get = (state: number) =>
    receive(updateNodeMethod(SILENT).request, proto.UpdateNodeRequest, {
      ...NODE,
      reportsInstances: true,
      instances: [{ functionId: A, state, restarts: 1, reason: "r" }],
    }).instances;
  t.strictSame(get(77), [{ functionId: A, state: "unknown", restarts: 1, reason: "r" }]);
  t.match(get(0), [{ state: "unknown" }]);
  t.match(get(3), [{ state: "running" }]);
});

t.test(
  "given measurements that do not fit, when sent, then they are rounded and kept in range",
  async (t) => {
    const message = healthToMessage({
      ...HEALTH_ZERO,
      procCpuUsage: 12.6,
      memFree: 1e12,
      memUsed: Number.NaN,
      totRxBytes: 1e300,
      diskTotReads: 1.4,
    });
    t.equal(message.procCpuUsage, 13);
    t.equal(message.memFree, 0x7fffffff);
    t.equal(message.memUsed, -1, "no number means not available");
    t.equal(message.totRxBytes, BigInt(Number.MAX_SAFE_INTEGER));
    t.equal(message.diskTotReads, 1n);
  },
);

t.test("given a value beyond its field, when sent, then the fault is typed", async (t) => {
  const update = updateDomainMethod.request.decode(new Uint8Array(0));
  t.throws(
    () => updateDomainMethod.request.encode({ ...update, nonce: 1n << 64n }),
    bad(/UpdateDomainRequest/),
  );
  t.throws(() => updateDomainMethod.request.encode({ ...update, counter: -1n }), bad(/UpdateDomainRequest/));
});

t.test("given a bare domain update, when received, then absent parts are none", async (t) => {
  const read = updateDomainMethod.request.decode(new Uint8Array(0));
  t.strictSame(read, {
    domainId: "",
    orchestratorUrl: "",
    capabilities: NO_DOMAIN_CAPABILITIES,
    refreshDeadline: 0n,
    counter: 0n,
    nonce: 0n,
  });
  const empty = { ...read, nodes: [], components: [] };
  t.strictSame(updateDomainMethod.request.decode(updateDomainMethod.request.encode(empty)), empty);
});

t.test("given workflow messages that lack a part, when read, then the part is named", async (t) => {
  const request: proto.SpawnWorkflowRequest = {
    workflowFunctions: [
      { name: "f", classSpec: undefined, outputMapping: new Map(), annotations: new Map() },
    ],
    workflowResources: [],
    annotations: new Map(),
  };
  t.throws(
    () => receive(workflowMethods.start.request, proto.SpawnWorkflowRequest, request),
    bad(/class_spec of "f" is missing/),
  );
  const status = { workflowId: { workflowId: A }, domainMapping: [], components: [] };
  const result = (message: proto.SpawnWorkflowResponse) =>
    receive(workflowMethods.start.answer, proto.SpawnWorkflowResponse, message);
  t.match(result({ workflowStatus: status, responseError: { summary: "s", detail: undefined } }), {
    ok: true,
  });
  t.throws(() => result({}), bad(/SpawnWorkflowResponse/));
  t.throws(
    () => result({ workflowStatus: { ...status, workflowId: undefined } }),
    bad(/workflow_id is missing/),
  );
  const domainMapping = [{ name: "f", functionId: "x", domainId: "d" }];
  t.throws(() => result({ workflowStatus: { ...status, domainMapping } }), bad(/function_id/));
  const info = (message: proto.WorkflowInstanceInfo) =>
    receive(workflowMethods.inspect.answer, proto.WorkflowInstanceInfo, message);
  t.throws(() => info({ request: undefined, status }), bad(/request is missing/));
  t.throws(
    () => info({ request: { ...request, workflowFunctions: [] }, status: undefined }),
    bad(/status is missing/),
  );
  const migrate = (message: proto.MigrateWorkflowRequest) =>
    receive(workflowMethods.migrate.request, proto.MigrateWorkflowRequest, message);
  const domainId = { domainId: "d" };
  t.throws(() => migrate({ workflowId: undefined, domainId, component: "" }), bad(/workflow_id is missing/));
  t.throws(
    () => migrate({ workflowId: { workflowId: A }, domainId: undefined, component: "" }),
    bad(/domain_id is missing/),
  );
  t.throws(
    () => receive(workflowMethods.list.answer, proto.WorkflowIdList, { identifiers: [A, "x"] }),
    bad(/identifiers/),
  );
  t.throws(
    () =>
      receive(workflowMethods.domains.answer, proto.DomainCapabilitiesList, {
        domainCapabilities: [{ domainId: "d", domainCapabilities: undefined }],
      }),
    bad(/domain_capabilities is missing/),
  );
});

t.test("given guest messages that lack a part, when read, then the part is named", async (t) => {
  const empty = new Uint8Array(0);
  t.throws(() => guestFunctionMethods.boot.request.decode(empty), bad(/BootData\.instance_id is missing/));
  t.throws(() => guestFunctionMethods.cast.request.decode(empty), bad(/InputEventData\.src is missing/));
  t.throws(() => guestHostMethods.cast.request.decode(empty), bad(/OutputEventData\.originator is missing/));
  t.throws(
    () => guestHostMethods.castRaw.request.decode(empty),
    bad(/OutputEventDataRaw\.originator is missing/),
  );
  t.throws(() => guestHostMethods.sync.request.decode(empty), bad(/SyncData\.originator is missing/));
  t.throws(() => guestHostMethods.slf.answer.decode(empty), bad(/InstanceId\.node_id/));
  t.throws(() => guestFunctionMethods.call.answer.decode(new Uint8Array([8, 9])), bad(/CallReturn\.type/));
  const delayed = { originator: ID, alias: "", msg: empty, delay: 1n << 60n, metadata: undefined };
  const get = (message: proto.DelayedEventData) =>
    receive(guestHostMethods.delayedCast.request, proto.DelayedEventData, message);
  t.throws(() => get(delayed), bad(/delay is too long/));
  t.throws(() => get({ ...delayed, delay: 1n }), bad(/metadata is missing/));
  const log = (logLevel: number) =>
    receive(guestHostMethods.telemetryLog.request, proto.TelemetryLogEvent, {
      originator: ID,
      logLevel,
      target: "",
      msg: "",
    });
  t.equal(log(0).level, "error");
  t.equal(log(4).level, "trace");
  t.throws(() => log(5), bad(/log_level is unknown: 5/));
});

t.test(
  "given a clock frequency in 32 bits, when read, then it has the decimals that were meant",
  async (t) => {
    const frequencyOf = (hex: string) => {
      const capabilities = proto.NodeCapabilities.decode(Buffer.from(hex, "hex"));
      const codec = updateNodeMethod(SILENT).request;
      return receive(codec, proto.UpdateNodeRequest, { ...NODE, capabilities }).capabilities.clockFreqCpu;
    };
    // Field 12, as another implementation writes 2596.144 and 2596.
    t.equal(frequencyOf("654e422245"), 2596.144);
    t.equal(frequencyOf("6500402245"), 2596);
  },
);
