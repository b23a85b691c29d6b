import fc from "fast-check";
import { decodeDiagnostic, encodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import {
  CALL,
  CAST,
  type DownlinkEvent,
  decodeDownlinkEvent,
  decodeUplinkEvent,
  ERROR,
  encodeDownlinkEvent,
  encodeUplinkEvent,
  NO_REPLY,
  NONE,
  REPLY,
  type UplinkEvent,
} from "../../coap-api/operations/event.js";
import {
  decodeFirmwareManifest,
  decodeFirmwarePart,
  encodeFirmwareManifest,
  encodeFirmwarePart,
} from "../../coap-api/operations/firmware.js";
import { decodeGatewayStatus, encodeGatewayStatus } from "../../coap-api/operations/gateway-status.js";
import { decodeDigests, encodeDigests } from "../../coap-api/operations/image-digests.js";
import { decodeLogLines, encodeLogLines } from "../../coap-api/operations/log-lines.js";
import { decodeOutputs, encodeOutputs } from "../../coap-api/operations/outputs.js";
import { decodeRefresh, encodeRefresh } from "../../coap-api/operations/refresh.js";
import { decodeRegistration, encodeRegistration } from "../../coap-api/operations/register.js";
import { decodeRegistered, encodeRegistered } from "../../coap-api/operations/registered.js";
import { decodeStartFunction, encodeStartFunction } from "../../coap-api/operations/start-function.js";
import { decodeStartResource, encodeStartResource } from "../../coap-api/operations/start-resource.js";
import { decodeKeptState, encodeKeptState } from "../../coap-api/operations/state.js";
import { decodeStatus, encodeStatus } from "../../coap-api/operations/status.js";

/** One operation of the API with any value that it may carry. */
export interface Operation {
  /** Its rule in coap-api/edgeless.cddl. */
  readonly rule: string;
  /** Values in their encoded form. */
  readonly encoded: fc.Arbitrary<{ readonly value: unknown; readonly bytes: Uint8Array }>;
  readonly decode: (bytes: Uint8Array) => unknown;
}

function operation<T>(
  rule: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): Operation {
  return { rule, encoded: values.map((value) => ({ value, bytes: new Uint8Array(encode(value)) })), decode };
}

/** Records with the prototype that objects of this project have. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const uint = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 0xffffffff }));
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 4 });
const digests = few(exactly(8));
const counters = fc.array(uint, { maxLength: 12 });
const instances = few(record({ handle: uint, state: uint, restarts: uint, reason: text }));

const empty = fc.constant(new Uint8Array(0));
const none = fc.constant(NONE);
const answers = <T extends object>(rest: fc.Arbitrary<T>) =>
  fc.oneof(
    fc.tuple(rest, record({ kind: fc.constant(REPLY), stream: uint32, payload: bytes })),
    fc.tuple(rest, record({ kind: fc.constantFrom(NO_REPLY, ERROR), stream: uint32, payload: empty })),
  );
const sent = <T extends object>(rest: fc.Arbitrary<T>) =>
  fc.oneof(
    fc.tuple(rest, record({ kind: fc.constant(CAST), stream: none, payload: bytes })),
    fc.tuple(rest, record({ kind: fc.constant(CALL), stream: uint32, payload: bytes })),
  );
const nobody = record({ route: none, peer: none, handle: none });

const uplinkEvents: fc.Arbitrary<UplinkEvent> = fc
  .oneof(
    sent(record({ route: uint, peer: none, handle: none })),
    sent(record({ route: none, peer: uint, handle: uint })),
    answers(nobody),
  )
  .map(([rest, event]) => ({ ...rest, ...event }));

const downlinkEvents: fc.Arbitrary<DownlinkEvent> = fc
  .oneof(sent(record({ handle: uint, peer: uint })), answers(record({ handle: none, peer: none })))
  .map(([rest, event]) => ({ ...rest, ...event }));

const registration = {
  edition: fc.integer({ min: 1, max: 9 }),
  bootNonce: uint32,
  board: text,
  freeMemoryBytes: uint,
  runtimes: fc.array(uint, { maxLength: 3 }),
  providers: few(record({ providerId: text, classType: text, outputs: few(text) })),
  digests,
  instances: few(record({ handle: uint, kind: uint, tag: exactly(8) })),
  limits: record({ imageBytes: uint, instances: uint, functionMemoryBytes: uint, payloadBytes: uint }),
  labels: few(text),
  name: text,
};
const registrations = fc.oneof(
  record(registration),
  record({ ...registration, firmware: record({ version: text, state: uint }) }),
);

const refreshes = fc.record(
  { freeMemoryBytes: uint, instances, counters, uptimeSeconds: uint },
  { requiredKeys: [], noNullPrototype: true },
);

const starts = fc.record(
  {
    digest: exactly(8),
    functionId: exactly(16),
    tag: exactly(8),
    initPayload: bytes,
    state: bytes,
    maxRunTimeMs: uint,
    maxMemoryBytes: uint,
    name: text,
  },
  {
    requiredKeys: ["digest", "functionId", "tag", "maxRunTimeMs", "maxMemoryBytes", "name"],
    noNullPrototype: true,
  },
);

const resources = record({
  classType: fc.string({ minLength: 1, maxLength: 20 }),
  resourceId: exactly(16),
  tag: exactly(8),
  configuration: fc.uniqueArray(record({ key: text, value: text }), {
    maxLength: 4,
    selector: ({ key }) => key,
  }),
});

const outputs = fc.uniqueArray(
  fc.oneof(
    record({ channel: text, route: uint, handle: none }),
    record({ channel: text, route: none, handle: uint }),
  ),
  { maxLength: 5, selector: ({ channel }) => channel },
);

const statuses = record({
  freeMemoryBytes: uint,
  uptimeSeconds: uint,
  instances,
  counters,
  bootNonce: uint32,
  digests,
});

const gatewayStatuses = record({
  freeImageBytes: uint,
  uptimeSeconds: uint,
  counters,
  bootNonce: uint32,
  digests,
  devices: uint,
  mostDevices: uint,
  instances: uint,
  queuedEvents: uint,
});

/** Every payload of the API. */
export const OPERATIONS: readonly Operation[] = [
  operation("registration", registrations, encodeRegistration, decodeRegistration),
  operation("registered", record({ timeSeconds: uint }), encodeRegistered, decodeRegistered),
  operation("refresh", refreshes, encodeRefresh, decodeRefresh),
  operation("uplink-event", uplinkEvents, encodeUplinkEvent, decodeUplinkEvent),
  operation("downlink-event", downlinkEvents, encodeDownlinkEvent, decodeDownlinkEvent),
  operation(
    "log-lines",
    few(record({ handle: uint, level: uint, target: bytes, message: bytes })),
    encodeLogLines,
    decodeLogLines,
  ),
  operation("kept-state", record({ handle: uint, state: bytes }), encodeKeptState, decodeKeptState),
  operation("start-function", starts, encodeStartFunction, decodeStartFunction),
  operation("start-resource", resources, encodeStartResource, decodeStartResource),
  operation("outputs", outputs, encodeOutputs, decodeOutputs),
  operation("status", statuses, encodeStatus, decodeStatus),
  operation("gateway-status", gatewayStatuses, encodeGatewayStatus, decodeGatewayStatus),
  operation("digests", digests, encodeDigests, decodeDigests),
  operation(
    "firmware-part",
    record({ at: uint, total: uint, bytes }),
    encodeFirmwarePart,
    decodeFirmwarePart,
  ),
  operation(
    "firmware-manifest",
    record({
      version: text,
      files: few(record({ name: text, bytes: uint, crc32: uint32, sha256: exactly(32) })),
    }),
    encodeFirmwareManifest,
    decodeFirmwareManifest,
  ),
  operation("diagnostic", record({ error: uint, reason: text }), encodeDiagnostic, decodeDiagnostic),
];
