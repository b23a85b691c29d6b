import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../core/errors.js";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import type { Uuid } from "../../core/uuid.js";
import { managementMethods } from "../../grpc-api/agent.js";
import { componentMethods } from "../../grpc-api/components.js";
import { updateDomainMethod } from "../../grpc-api/domain-registration.js";
import * as proto from "../../grpc-api/generated/messages.js";
import * as services from "../../grpc-api/generated/services.js";
import { guestFunctionMethods } from "../../grpc-api/guest-function.js";
import { handleMethod } from "../../grpc-api/invocation-method.js";
import { logicalIds, physicalIds } from "../../grpc-api/mapping/identifiers.js";
import { DIRECTIONS } from "./every-method.js";

const A = "11111111-2222-4333-8444-555555555555" as Uuid;
const B = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" as Uuid;

/** Golden bytes, defaults omitted, fields in the order of their numbers. */
const V1 = "12260a2431313131313131312d323232322d343333332d383434342d353535353535353535353535";
const V2 =
  "122431313131313131312d323232322d343333332d383434342d3535353535353535353535351a14687474703a2f2f31302e302e302e313a37303036";
const V3 = "0802";
const V4 = "1001";
const V5 = "520164a2010175c00201900302980303";
const V6 = "0a060a0173120164";
const V8 = "080112026f6b";
const V9 = "a001ffffffffffffffffff01";
const V10 = "5004650000c03fa2010161a2010162c00201";
const V11 = "c20c0f0a0178520a080110021a017422016d";
const V12 = "0a01661a0d0a036f757412060a016e120167";
const V13 =
  "0a4c0a2431313131313131312d323232322d343333332d383434342d353535353535353535353535122461616161616161612d626262622d346363632d386464642d656565656565656565656565" +
  "124c0a2461616161616161612d626262622d346363632d386464642d656565656565656565656565122431313131313131312d323232322d343333332d383434342d353535353535353535353535" +
  "22060801120268692a00321c0a100000000000000000000000000000000012080000000000000000";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

t.test(
  "given the golden vectors, when mapped from and to core types, then both directions agree",
  async (t) => {
    const logical = componentMethods(logicalIds);
    const check = <T>(
      codec: { encode(v: T): Uint8Array; decode(b: Uint8Array): T },
      value: T,
      vector: string,
    ) => {
      t.equal(hex(codec.encode(value)), vector);
      t.strictSame(codec.decode(bytes(vector)), value);
    };
    check(logical.stopFunction.request, A, V1);
    const { updatePeers } = managementMethods;
    check(updatePeers.request, { type: "add", nodeId: A, invocationUrl: "http://10.0.0.1:7006" }, V2);
    check(updatePeers.request, { type: "clear" }, V3);
    check(updateDomainMethod.answer, { ok: true, value: { reset: true } }, V4);
    check(logical.startFunction.answer, { ok: false, error: { summary: "s", detail: "d" } }, V6);
    check(guestFunctionMethods.call.answer, { type: "no-reply" }, "");
    check(guestFunctionMethods.call.answer, { type: "reply", payload: "ok" }, V8);
    check(
      handleMethod.request,
      {
        target: { nodeId: A, functionId: B },
        source: { nodeId: B, functionId: A },
        streamId: 0n,
        data: { type: "cast", payload: "hi" },
        created: TIMESTAMP_ZERO,
        metadata: METADATA_NONE,
      },
      V13,
    );
  },
);

t.test(
  "given the golden vectors of plain messages, when read and written, then no bit changes",
  async (t) => {
    const trip = <M>(
      message: { encode(m: M): { finish(): Uint8Array }; decode(b: Uint8Array): M },
      vector: string,
    ) => {
      const value = message.decode(bytes(vector));
      t.equal(hex(message.encode(value).finish()), vector);
      return value;
    };
    const domain = trip(proto.UpdateDomainRequest, V5);
    t.match(domain, { domainId: "d", orchestratorUrl: "u", refreshDeadline: 1n, counter: 2n, nonce: 3n });
    t.equal(trip(proto.NodeHealthStatus, V9).memFree, -1);
    t.match(trip(proto.NodeCapabilities, V10), {
      numCpus: 4,
      clockFreqCpu: 1.5,
      labels: ["a", "b"],
      hasTpm: true,
    });
    t.strictSame(trip(proto.NodePerformanceSamples, V11).functionLogEntries, [
      { id: "x", entries: [{ timestampSec: 1n, timestampNs: 2, target: "t", msg: "m" }] },
    ]);
    const patch = trip(proto.PatchRequest, V12);
    t.strictSame(patch.outputMapping.get("out"), { nodeId: "n", functionId: "g" });
  },
);

t.test(
  "given the services, when listed, then there are the nine, with thirty paths, and two extensions",
  async (t) => {
    const expected: Readonly<Record<string, string>> = {
      FunctionInstance: "Start Stop Patch",
      NodeManagement: "UpdatePeers Reset",
      NodeRegistration: "UpdateNode",
      DomainRegistration: "UpdateDomain",
      WorkflowInstance: "Start Stop List Inspect Domains Migrate",
      FunctionInvocation: "Handle",
      ResourceConfiguration: "Start Stop Patch",
      GuestAPIFunction: "Boot Init Cast Call Stop",
      GuestAPIHost: "Cast CastRaw Call CallRaw TelemetryLog Slf DelayedCast Sync",
    };
    const paths = Object.entries(expected).flatMap(([service, methods]) =>
      methods.split(" ").map((method) => `/edgeless_api.${service}/${method}`),
    );
    t.equal(paths.length, 30);
    paths.push("/edgeless_api.FunctionInvocationBatch/HandleAll");
    paths.push("/edgeless_api.NodeRegistrationBatch/UpdateNodes");
    const defined = Object.values(services).flatMap(({ fullName, methods }) =>
      Object.values(methods).map(({ name }) => `/${fullName}/${name}`),
    );
    t.strictSame(defined.sort(), [...paths].sort());
    t.strictSame([...new Set(DIRECTIONS.map(({ path }) => path))].sort(), [...paths].sort());
  },
);

t.test("given any value, when it travels, then it arrives as it was", async (t) => {
  for (const { name, trip, values } of DIRECTIONS) {
    fc.assert(
      fc.property(values, (value) => isDeepStrictEqual(trip(value), value)),
      { numRuns: 60 },
    );
    t.pass(name);
  }
});

t.test("given any value, when written twice, then the bytes are the same", async (t) => {
  for (const { name, encode, decode, values } of DIRECTIONS) {
    fc.assert(
      fc.property(values, (value) => {
        const written = encode(value);
        return Buffer.compare(encode(decode(written)), written) === 0;
      }),
      { numRuns: 20 },
    );
    t.pass(name);
  }
});

/** True when decoding gives a value or the one typed fault. */
function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof EdgelessError && error.code === "EDGELESS_BAD_MESSAGE") return true;
    throw error;
  }
}

t.test("given random bytes, when read as any message, then the fault is typed", async (t) => {
  for (const { name, decode } of DIRECTIONS) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => survives(decode, bytes)),
      { numRuns: 100 },
    );
    t.pass(name);
  }
});

t.test("given damaged messages, when read, then the fault is typed", async (t) => {
  for (const { name, encode, decode, values } of DIRECTIONS) {
    const damage = fc.record({
      value: values,
      cut: fc.nat(),
      flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(damage, ({ value, cut, flips }) => {
        const bytes = Uint8Array.from(encode(value));
        for (const [at, xor] of flips) {
          if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ xor;
        }
        return survives(decode, bytes) && survives(decode, bytes.subarray(0, cut % (bytes.length + 1)));
      }),
      { numRuns: 40 },
    );
    t.pass(name);
  }
});

t.test("given bytes that are no protobuf, when read, then nothing is guessed", async (t) => {
  const { stopFunction } = componentMethods(physicalIds);
  const refused = (text: string, why: RegExp) =>
    t.throws(() => stopFunction.request.decode(bytes(text)), { code: "EDGELESS_BAD_MESSAGE", message: why });
  refused("00", /field tag/);
  refused("0c", /field tag/);
  refused("0a", /./);
  refused("0a05", /./);
  refused("0aff", /./);
  // A string inside the sub-message that is longer than the sub-message.
  refused("0a030a056162636465", /longer than its message/);
  refused(`0a${"ff".repeat(12)}`, /./);
  t.throws(() => managementMethods.updatePeers.request.decode(new Uint8Array(200_000).fill(0x0b)), {
    code: "EDGELESS_BAD_MESSAGE",
  });
});
