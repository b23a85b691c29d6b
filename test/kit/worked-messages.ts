import { blockValue } from "../../coap-api/block/block-option.js";
import {
  ACK,
  BAD_REQUEST,
  CHANGED,
  CON,
  CONTENT,
  CONTINUE,
  CREATED,
  DELETE,
  DELETED,
  GET,
  NOT_FOUND,
  POST,
  PUT,
  REQUEST_ENTITY_TOO_LARGE,
  SERVICE_UNAVAILABLE,
} from "../../coap-api/coap/codes.js";
import { encodeMessage, type Message } from "../../coap-api/coap/message.js";
import { encodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import {
  CALL,
  CAST,
  type DownlinkEvent,
  ERROR,
  encodeDownlinkEvent,
  encodeUplinkEvent,
  NO_REPLY,
  NONE,
  REPLY,
  type UplinkEvent,
} from "../../coap-api/operations/event.js";
import { encodeFirmwareManifest, encodeFirmwarePart } from "../../coap-api/operations/firmware.js";
import { encodeGatewayStatus } from "../../coap-api/operations/gateway-status.js";
import { encodeDigests } from "../../coap-api/operations/image-digests.js";
import { CRASHED, RUNNING } from "../../coap-api/operations/instance-state.js";
import { encodeLogLines } from "../../coap-api/operations/log-lines.js";
import { encodeOutputs } from "../../coap-api/operations/outputs.js";
import { encodeRefresh } from "../../coap-api/operations/refresh.js";
import { EDITION, encodeRegistration, FUNCTION, RUNTIME_WASM } from "../../coap-api/operations/register.js";
import { encodeRegistered } from "../../coap-api/operations/registered.js";
import { encodeStartFunction } from "../../coap-api/operations/start-function.js";
import { encodeStartResource } from "../../coap-api/operations/start-resource.js";
import { encodeKeptState } from "../../coap-api/operations/state.js";
import { encodeStatus } from "../../coap-api/operations/status.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { ERRORS } from "../../core/errors.js";
import { fromHex, message, type Partly } from "./lockstep-peer.js";

/** A datagram of the specification with the CDDL rule of its payload; no rule: the payload is no CBOR or a part of it. */
export interface WorkedDatagram {
  readonly datagram: Uint8Array;
  readonly message: Message;
  readonly rule: string | undefined;
}

/** An exchange that docs/coap-api.md shows byte by byte. */
export interface WorkedExchange {
  readonly name: string;
  readonly datagrams: readonly WorkedDatagram[];
}

const NODE_ID = "0827240a-3050-4604-bf3e-564c41c77106";
const FUNCTION_ID = fromHex("7a1b2c3d4e5f4a6b8c7d9e0fa1b2c3d4");
const RESOURCE_ID = fromHex("5c2e9d140b374f689a01d3e4f5061728");
const DIGEST = fromHex("d1e8a70b5ccab1dc");
const TAG = fromHex("0102030405060708");
const READING = utf8Bytes("21.5");
const NO_EVENT = { stream: NONE, payload: new Uint8Array(0) };

let nextId = 0x7d00;

function datagram(parts: Partly, rule: string | undefined): WorkedDatagram {
  const whole = message(parts);
  return { datagram: encodeMessage(whole), message: whole, rule };
}

function exchange(
  name: string,
  request: Partly,
  requestRule: string | undefined,
  response: Partly,
  responseRule?: string,
): WorkedExchange {
  const messageId = nextId++;
  const token = new Uint8Array([0xa0, messageId & 0xff]);
  return {
    name,
    datagrams: [
      datagram({ type: CON, messageId, token, ...request }, requestRule),
      datagram({ type: ACK, messageId, token, ...response }, responseRule),
    ],
  };
}

function uplink(name: string, event: Partial<UplinkEvent>): WorkedExchange {
  const whole = { kind: CAST, route: NONE, peer: NONE, handle: NONE, ...NO_EVENT, ...event };
  const payload = encodeUplinkEvent(whole);
  return exchange(name, { code: POST, path: "e", payload }, "uplink-event", { code: CHANGED });
}

function downlink(name: string, event: Partial<DownlinkEvent>): WorkedExchange {
  const whole = { kind: CAST, handle: NONE, peer: NONE, ...NO_EVENT, ...event };
  const payload = encodeDownlinkEvent(whole);
  return exchange(name, { code: POST, path: "e", payload }, "downlink-event", { code: CHANGED });
}

/** Every message of the API, as a device and a gateway would exchange them. */
export function workedExchanges(): WorkedExchange[] {
  nextId = 0x7d00;
  const image = new Uint8Array(300).fill(0x2a);
  const instances = [{ handle: 1, state: CRASHED, restarts: 2, reason: "unreachable" }];
  const status = encodeStatus({
    freeMemoryBytes: 21_000,
    uptimeSeconds: 3600,
    instances: [{ handle: 1, state: RUNNING, restarts: 0, reason: "" }],
    counters: [12, 40, 0, 0, 0, 0, 1, 0, 0],
    bootNonce: 0x5eed1234,
    digests: [DIGEST],
  });
  return [
    exchange(
      "register",
      {
        code: POST,
        path: "rd",
        query: `ep=${NODE_ID}&lt=60`,
        payload: encodeRegistration({
          edition: EDITION,
          bootNonce: 0x5eed1234,
          board: "ESP32",
          freeMemoryBytes: 23_000,
          runtimes: [RUNTIME_WASM],
          providers: [{ providerId: "scd30-sensor-1", classType: "scd30-sensor", outputs: ["data_out"] }],
          digests: [DIGEST],
          instances: [{ handle: 1, kind: FUNCTION, tag: TAG }],
          limits: { imageBytes: 16_384, instances: 8, functionMemoryBytes: 65_536, payloadBytes: 1024 },
          labels: ["greenhouse"],
          name: "desk",
        }),
      },
      "registration",
      { code: CREATED, locationPath: "rd/5", payload: encodeRegistered({ timeSeconds: 1_764_000_000 }) },
      "registered",
    ),
    exchange("refresh-unchanged", { code: POST, path: "rd/5" }, undefined, { code: CHANGED }),
    exchange(
      "refresh-changed",
      {
        code: POST,
        path: "rd/5",
        payload: encodeRefresh({
          freeMemoryBytes: 21_000,
          instances,
          counters: [12, 40, 0, 0, 0, 0, 1, 0, 1],
          uptimeSeconds: 3600,
        }),
      },
      "refresh",
      { code: CHANGED },
    ),
    exchange("refresh-forgotten", { code: POST, path: "rd/5" }, undefined, { code: NOT_FOUND }),
    exchange("leave", { code: DELETE, path: "rd/5" }, undefined, { code: DELETED }),
    uplink("uplink-cast", { route: 3, payload: READING }),
    uplink("uplink-call", { kind: CALL, route: 3, payload: READING, stream: 1 }),
    uplink("uplink-cast-peer", { peer: 2, handle: 1, payload: READING }),
    uplink("uplink-call-peer", { kind: CALL, peer: 2, handle: 1, payload: READING, stream: 2 }),
    uplink("uplink-reply", { kind: REPLY, payload: utf8Bytes("ok"), stream: 77 }),
    uplink("uplink-no-reply", { kind: NO_REPLY, stream: 78 }),
    uplink("uplink-error", { kind: ERROR, stream: 79 }),
    exchange(
      "uplink-overload",
      {
        code: POST,
        path: "e",
        payload: encodeUplinkEvent({
          kind: CAST,
          route: 3,
          peer: NONE,
          handle: NONE,
          stream: NONE,
          payload: READING,
        }),
      },
      "uplink-event",
      { code: SERVICE_UNAVAILABLE, maxAge: 2 },
    ),
    exchange(
      "log",
      {
        code: POST,
        path: "l",
        payload: encodeLogLines([
          { handle: 1, level: 3, target: utf8Bytes("thermostat"), message: utf8Bytes("heating on") },
        ]),
      },
      "log-lines",
      { code: CHANGED },
    ),
    exchange(
      "state",
      { code: POST, path: "y", payload: encodeKeptState({ handle: 1, state: utf8Bytes("on;21.0") }) },
      "kept-state",
      { code: CHANGED },
    ),
    exchange("discover", { code: GET, path: ".well-known/core" }, undefined, {
      code: CONTENT,
      contentFormat: 40,
      payload: utf8Bytes("</i>;ct=60,</f>,</r>,</e>,</s>;obs;ct=60,</x>"),
    }),
    exchange(
      "image-first-block",
      {
        code: PUT,
        path: "i/d1e8a70b5ccab1dc",
        block1: blockValue(0, true, 4),
        size1: image.length,
        payload: image.subarray(0, 256),
      },
      undefined,
      { code: CONTINUE, block1: blockValue(0, true, 4) },
    ),
    exchange(
      "image-last-block",
      {
        code: PUT,
        path: "i/d1e8a70b5ccab1dc",
        block1: blockValue(1, false, 4),
        payload: image.subarray(256),
      },
      undefined,
      { code: CREATED, block1: blockValue(1, false, 4) },
    ),
    exchange(
      "image-too-large",
      {
        code: PUT,
        path: "i/d1e8a70b5ccab1dc",
        block1: blockValue(0, true, 4),
        size1: 40_000,
        payload: image.subarray(0, 256),
      },
      undefined,
      { code: REQUEST_ENTITY_TOO_LARGE, block1: blockValue(0, false, 4), size1: 16_384 },
    ),
    exchange(
      "image-list",
      { code: GET, path: "i" },
      undefined,
      {
        code: CONTENT,
        contentFormat: 60,
        payload: encodeDigests([DIGEST]),
      },
      "digests",
    ),
    exchange("image-delete", { code: DELETE, path: "i/d1e8a70b5ccab1dc" }, undefined, { code: DELETED }),
    exchange(
      "start-function",
      {
        code: POST,
        path: "f",
        payload: encodeStartFunction({
          digest: DIGEST,
          functionId: FUNCTION_ID,
          tag: TAG,
          initPayload: utf8Bytes("21"),
          maxRunTimeMs: 1000,
          maxMemoryBytes: 65_536,
          name: "thermostat",
        }),
      },
      "start-function",
      { code: CREATED, locationPath: "f/1" },
    ),
    exchange(
      "start-function-refused",
      {
        code: POST,
        path: "f",
        payload: encodeStartFunction({
          digest: DIGEST,
          functionId: FUNCTION_ID,
          tag: TAG,
          state: utf8Bytes("on;21.0"),
          maxRunTimeMs: 1000,
          maxMemoryBytes: 65_536,
          name: "thermostat",
        }),
      },
      "start-function",
      {
        code: NOT_FOUND,
        contentFormat: 60,
        payload: encodeDiagnostic({
          error: ERRORS.EDGELESS_IMAGE_NOT_HELD.number,
          reason: "image d1e8a70b5ccab1dc is not held",
        }),
      },
      "diagnostic",
    ),
    exchange(
      "outputs",
      {
        code: PUT,
        path: "f/1",
        payload: encodeOutputs([
          { channel: "heater", route: 3, handle: NONE },
          { channel: "display", route: NONE, handle: 2 },
        ]),
      },
      "outputs",
      { code: CHANGED },
    ),
    exchange("stop", { code: DELETE, path: "f/1" }, undefined, { code: DELETED }),
    exchange(
      "start-resource",
      {
        code: POST,
        path: "r",
        payload: encodeStartResource({
          classType: "scd30-sensor",
          resourceId: RESOURCE_ID,
          tag: TAG,
          configuration: [{ key: "delay", value: "5" }],
        }),
      },
      "start-resource",
      { code: CREATED, locationPath: "r/2" },
    ),
    downlink("downlink-cast", { handle: 1, payload: READING, peer: 2 }),
    downlink("downlink-call", { kind: CALL, handle: 1, payload: READING, peer: 2, stream: 77 }),
    downlink("downlink-reply", { kind: REPLY, payload: utf8Bytes("ok"), stream: 1 }),
    downlink("downlink-no-reply", { kind: NO_REPLY, stream: 1 }),
    downlink("downlink-error", { kind: ERROR, stream: 2 }),
    exchange(
      "status",
      { code: GET, path: "s" },
      undefined,
      { code: CONTENT, contentFormat: 60, payload: status },
      "status",
    ),
    {
      name: "observe",
      datagrams: [
        datagram(
          { type: CON, code: GET, messageId: 0x7e00, token: fromHex("b0"), observe: 0, path: "s" },
          undefined,
        ),
        datagram(
          {
            type: ACK,
            code: CONTENT,
            messageId: 0x7e00,
            token: fromHex("b0"),
            observe: 2,
            contentFormat: 60,
            payload: status,
          },
          "status",
        ),
        datagram(
          {
            type: CON,
            code: CONTENT,
            messageId: 0x1101,
            token: fromHex("b0"),
            observe: 3,
            contentFormat: 60,
            payload: status,
          },
          "status",
        ),
        datagram({ type: ACK, code: 0, messageId: 0x1101 }, undefined),
      ],
    },
    exchange("reset", { code: POST, path: "x" }, undefined, { code: CHANGED }),
    exchange(
      "firmware-part",
      {
        code: PUT,
        path: "u/edgeless.cold",
        payload: encodeFirmwarePart({ at: 800, total: 26_000, bytes: new Uint8Array(64).fill(0x2a) }),
      },
      "firmware-part",
      { code: CHANGED },
    ),
    exchange(
      "firmware-trial",
      {
        code: POST,
        path: "u",
        payload: encodeFirmwareManifest({
          version: "1.1.0",
          files: [
            { name: "edgeless", bytes: 21_000, crc32: 0x1c2d3e4f, sha256: new Uint8Array(32).fill(0x5a) },
            {
              name: "edgeless.cold",
              bytes: 26_000,
              crc32: 0x9a8b7c6d,
              sha256: new Uint8Array(32).fill(0xa5),
            },
          ],
        }),
      },
      "firmware-manifest",
      { code: CHANGED },
    ),
    exchange(
      "firmware-damaged",
      {
        code: POST,
        path: "u",
        payload: encodeFirmwareManifest({
          version: "1.1.0",
          files: [
            { name: "edgeless", bytes: 21_000, crc32: 0x1c2d3e4f, sha256: new Uint8Array(32).fill(0x5a) },
          ],
        }),
      },
      "firmware-manifest",
      {
        code: BAD_REQUEST,
        contentFormat: 60,
        payload: encodeDiagnostic({
          error: ERRORS.EDGELESS_UPDATE_DAMAGED.number,
          reason: "edgeless is missing or damaged",
        }),
      },
      "diagnostic",
    ),
    exchange("gateway-discover", { code: GET, path: ".well-known/core" }, undefined, {
      code: CONTENT,
      contentFormat: 40,
      payload: utf8Bytes('</rd>;rt="core.rd",</e>,</l>,</y>,</i>;ct=60,</s>;obs;ct=60'),
    }),
    exchange("gateway-image-read", { code: GET, path: "i/d1e8a70b5ccab1dc" }, undefined, {
      code: CONTENT,
      contentFormat: 42,
      block2: blockValue(0, true, 4),
      size2: image.length,
      etag: fromHex("0b01"),
      payload: image.subarray(0, 256),
    }),
    exchange(
      "gateway-status",
      { code: GET, path: "s" },
      undefined,
      {
        code: CONTENT,
        contentFormat: 60,
        payload: encodeGatewayStatus({
          freeImageBytes: 1_048_276,
          uptimeSeconds: 3600,
          counters: [40, 12, 0, 1, 0, 0, 1, 0],
          bootNonce: 0x5eed5678,
          digests: [DIGEST],
          devices: 3,
          mostDevices: 10_000,
          instances: 4,
          queuedEvents: 0,
        }),
      },
      "gateway-status",
    ),
  ];
}
