import fc from "fast-check";
import t from "tap";
import {
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CREATED,
  DELETE,
  DELETED,
  FORBIDDEN,
  formatCode,
  GET,
  METHOD_NOT_ALLOWED,
  NOT_ACCEPTABLE,
  NOT_FOUND,
  POST,
  PUT,
  REQUEST_ENTITY_TOO_LARGE,
  SERVICE_UNAVAILABLE,
  UNSUPPORTED_CONTENT_FORMAT,
} from "../../coap-api/coap/codes.js";
import type { Message } from "../../coap-api/coap/message.js";
import type { OutgoingRequest } from "../../coap-api/endpoint/exchange.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { CALL, ERROR, encodeDownlinkEvent, NO_REPLY, NONE, REPLY } from "../../coap-api/operations/event.js";
import { CRASHED, RUNNING } from "../../coap-api/operations/instance-state.js";
import { decodeStatus } from "../../coap-api/operations/status.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { MAILBOX_FULL, NO_ROUTE, NOT_TAKEN } from "../../embedded/device-counters.js";
import { peerNodeId, peerOf } from "../../embedded/peer-id.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { DeviceRig, digestOf } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";
import { handleOf, ScriptedGateway } from "../kit/scripted-gateway.js";

const MESSAGING = shippedModule("messaging_test");
const DOUBLE = shippedModule("double");
const NOTHING = new Uint8Array(0);

/** Number of the error in a refusal. */
function errorIn(response: Message | undefined): number {
  return decodeDiagnostic(response?.payload ?? NOTHING).error;
}

function counter(rig: DeviceRig, number: number): number | undefined {
  return rig.device.device?.status().counters[number];
}

/** State and reason of an instance, from the newest refresh that tells of it. */
function reported(rig: DeviceRig, handle: number): { state: number; reason: string } | undefined {
  const states = rig.gateway.refreshes.flatMap(({ instances }) => instances ?? []);
  return states.reverse().find((state) => state.handle === handle);
}

t.test(
  "given a lossy link, when an image is uploaded, then it arrives whole, and again costs nothing",
  async (t) => {
    const rig = await new DeviceRig({
      link: { loss: 0.2, jitterMs: 20, duplication: 0.1, reordering: 0.1 },
      endpoint: { ackTimeoutMs: 200, maxRetransmit: 8 },
      seed: 4,
    }).boot();
    const wasm = shippedModule("move_arm");
    const digest = Buffer.from(digestOf(wasm)).toString("hex");
    t.equal((await rig.put(`i/${digest}`, wasm))?.code, CREATED);
    t.same(rig.device.flash.read(`i${digest}`), Buffer.from(wasm));
    t.equal((await rig.put(`i/${digest}`, wasm))?.code, CHANGED);
    const list = await rig.ask(GET, "i");
    t.equal(Buffer.from(list?.payload ?? NOTHING).toString("hex"), `8148${digest}`);
    for (const { datagram } of rig.passed) t.ok(datagram.length <= 512);
  },
);

t.test(
  "given an image, when a function starts and is patched, then its casts leave by its routes",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const handle = await rig.start(DOUBLE, { result: 7 });
    await rig.send(handle, "21");
    t.match(rig.gateway.events, [{ kind: 0, route: 7 }]);
    t.same(rig.gateway.texts(), ["42"]);
    await rig.wire("f", handle, { result: 9 });
    await rig.send(handle, "-4");
    t.match(rig.gateway.events[1], { route: 9 });
    await rig.wire("f", handle, {});
    await rig.send(handle, "5");
    t.equal(rig.gateway.events.length, 2);
    t.equal(counter(rig, NO_ROUTE), 1);
    t.equal((await rig.ask(DELETE, `f/${handle}`))?.code, DELETED);
    t.equal((await rig.send(handle, "5"))?.code, NOT_FOUND);
    t.equal((await rig.ask(DELETE, `f/${handle}`))?.code, DELETED, "stopping twice is no error");
    t.equal(rig.device.device?.status().freeMemoryBytes, 262_144, "its memory is free again");
    await rig.clock.advance(3000);
    t.same(rig.gateway.logs, ["double: started", "double: 21", "double: -4", "double: 5", "double: stopped"]);
  },
);

t.test("given a 4-byte cast, when it leaves, then it is 20 bytes of UDP payload at most", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(DOUBLE, { result: 7 });
  rig.passed.length = 0;
  await rig.send(handle, "2345");
  const uplink = rig.passed.find(({ from, datagram }) => from === "10.0.0.2:5683" && datagram[0] === 0x42);
  t.equal(
    Buffer.from(uplink?.datagram ?? NOTHING)
      .toString("hex")
      .slice(12),
    "b165ff8207443436" + "3930",
  );
  t.ok((uplink?.datagram.length ?? 99) <= 20, `${uplink?.datagram.length} bytes up`);
  const downlink = rig.passed.find(({ from }) => from === "10.0.0.1:5683");
  t.ok((downlink?.datagram.length ?? 99) <= 20, `${downlink?.datagram.length} bytes down`);
});

t.test(
  "given the imports of the guest ABI, when a function uses them, then each does its work",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const handle = await rig.start(MESSAGING, { test: 7 });
    await rig.send(handle, "test_cast_raw_output", 3);
    t.match(rig.gateway.events[0], { route: NONE, peer: 3, handle, kind: 0 });
    await rig.send(handle, "test_delayed_cast_output");
    t.equal(rig.gateway.events.length, 1);
    await rig.clock.advance(100);
    t.match(rig.gateway.events[1], { route: 7, kind: 0 });
    t.same(rig.gateway.texts(), ["cast_raw_output", "delayed_cast_output"]);
    await rig.send(handle, "test_cast_raw_output", 0);
    t.equal(rig.gateway.events.length, 2, "nobody has no address");
  },
);

t.test("given a delayed cast, when the function stops first, then it is not sent", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(MESSAGING, { test: 7 });
  await rig.send(handle, "test_delayed_cast_output");
  await rig.ask(DELETE, `f/${handle}`);
  await rig.clock.advance(1000);
  t.equal(rig.gateway.events.length, 0);
});

t.test("given calls of the gateway, when they are handled, then each has its answer", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(MESSAGING);
  await rig.send(handle, "test_ret", 3, 101);
  await rig.send(handle, "other", 3, 102);
  await rig.send(handle, "test_err", 3, 4_294_967_295);
  t.match(rig.gateway.events, [
    { kind: REPLY, stream: 101, payload: utf8Bytes("test_reply") },
    { kind: NO_REPLY, stream: 102 },
    { kind: ERROR, stream: 4_294_967_295 },
  ]);
});

t.test("given calls of a function, when the answer comes, then it goes on where it was", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(shippedModule("ping"), { ponger: 5 });
  await rig.until(() => rig.gateway.events.length === 1, 1000);
  const [call] = rig.gateway.events;
  t.match(call, { kind: CALL, route: 5, payload: utf8Bytes("PING-0") });
  t.equal((await rig.send(handle, "not yet"))?.code, CHANGED, "others wait meanwhile");
  const answer = (stream: number, kind = REPLY, text = "PONG") =>
    rig.post("e", encodeDownlinkEvent({ kind, handle: NONE, peer: NONE, stream, payload: utf8Bytes(text) }));
  t.equal((await answer((call?.stream ?? 0) + 1))?.code, NOT_FOUND, "an answer to another call is none");
  t.equal((await answer(call?.stream ?? 0))?.code, CHANGED);
  await rig.clock.advance(3000);
  t.equal((await answer(call?.stream ?? 0))?.code, NOT_FOUND, "the second answer comes too late");
  t.ok(rig.gateway.logs.includes("ping: reply: PONG"), rig.gateway.logs.join());
  t.same(rig.gateway.states, [
    { handle, text: '{"count":1}' },
    { handle, text: '{"count":2}' },
  ]);
  t.same(rig.gateway.texts(), ["PING-0", "PING-1"]);
});

t.test(
  "given a call without an answer, when the time is over, then the call fails and the function lives",
  async (t) => {
    const rig = await new DeviceRig({ settings: { callTimeoutMs: 4000 } }).boot();
    const handle = await rig.start(shippedModule("ping"), { ponger: 5 });
    await rig.clock.advance(11_000);
    t.same(rig.gateway.texts(), ["PING-0", "PING-1", "PING-2"]);
    t.equal(reported(rig, handle)?.state ?? RUNNING, RUNNING);
    await rig.ask(DELETE, `f/${handle}`);
    await rig.clock.advance(10_000);
    t.equal(rig.gateway.events.length, 3, "stopped while it waited");
  },
);

t.test(
  "given two functions, when they are wired to each other, then nothing goes over the radio",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const pong = await rig.start(shippedModule("pong"));
    const double = await rig.start(DOUBLE, { result: { handle: pong } });
    const ping = await rig.start(shippedModule("ping"), { ponger: { handle: pong } });
    await rig.clock.advance(1500);
    await rig.send(double, "8");
    await rig.clock.advance(2000);
    t.same(rig.gateway.events, []);
    const logs = rig.gateway.logs.filter((line) => line.startsWith("p"));
    t.ok(logs.includes("pong: cast: 16"), logs.join());
    t.ok(logs.includes("ping: reply: PONG"), logs.join());
    await rig.ask(DELETE, `f/${ping}`);
    await rig.ask(DELETE, `f/${pong}`);
    await rig.clock.advance(30_000);
    rig.passed.length = 0;
    await rig.send(double, "9");
    await rig.clock.advance(50);
    t.equal(rig.passed.length, 2, "the request and its acknowledgement");
  },
);

t.test(
  "given a callee that crashes or goes, when it is called on the device, then the caller hears an error",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const callee = await rig.start(MESSAGING);
    const caller = await rig.start(MESSAGING, { test: { handle: callee } });
    await rig.send(callee, "test_call_output");
    t.match(rig.device.device?.status().instances[0], { state: CRASHED });
    await rig.send(caller, "test_call_output");
    await rig.clock.advance(100);
    t.match(rig.device.device?.status().instances[1], { state: RUNNING });
    t.equal((await rig.send(callee, "x"))?.code, NOT_FOUND);
  },
);

t.test(
  "given a busy function, when its mailbox is full, then the gateway is told to wait, and local casts are counted",
  async (t) => {
    const rig = await new DeviceRig({ settings: { mailboxCapacity: 2 } }).boot();
    const busy = await rig.start(MESSAGING, { test: 5 });
    const source = await rig.start(DOUBLE, { result: { handle: busy } });
    await rig.send(busy, "test_call_output");
    t.equal((await rig.send(busy, "one"))?.code, CHANGED);
    t.equal((await rig.send(busy, "two"))?.code, CHANGED);
    const refused = await rig.send(busy, "three");
    t.equal(refused?.code, SERVICE_UNAVAILABLE);
    t.equal(refused?.maxAge, 1);
    await rig.send(source, "1");
    t.equal(counter(rig, MAILBOX_FULL), 1);
  },
);

t.test(
  "given no room for an event, when there is some soon, then the event waits for it, and otherwise is refused",
  async (t) => {
    const rig = await new DeviceRig({ settings: { uplinkCapacity: 1 } }).boot();
    const handle = await rig.start(DOUBLE, { result: 7 });
    const answers: (() => void)[] = [];
    rig.gateway.override = ({ path }, reply) => {
      if (path === "e") answers.push(() => reply(CHANGED, NOTHING));
      return path === "e";
    };
    const sendSecond = async (value: string, roomAfterMs: number) => {
      t.equal((await rig.send(handle, value))?.code, CHANGED);
      rig.clock.setTimer(roomAfterMs, () => answers.shift()?.());
      const sinceMs = rig.clock.monotonicMs();
      const response = await rig.send(handle, value);
      return { code: response?.code, waitedMs: rig.clock.monotonicMs() - sinceMs };
    };
    const taken = await sendSecond("1", 50);
    t.equal(taken.code, CHANGED);
    t.ok(taken.waitedMs >= 50, `${taken.waitedMs} ms`);
    await rig.until(() => answers.length === 1);
    answers.shift()?.();
    await rig.clock.advance(20);
    t.match(await sendSecond("2", 500), { code: SERVICE_UNAVAILABLE });
  },
);

t.test(
  "given an endless handler, when its time is over, then only this function ends, and says so soon",
  async (t) => {
    const rig = await new DeviceRig({ settings: { maxRunTimeMs: 100 } }).boot();
    const other = await rig.start(DOUBLE, { result: 7 });
    const endless = await rig.start(shippedModule("infinite_test"));
    await rig.until(() => reported(rig, endless)?.state === CRASHED, 3000);
    t.match(reported(rig, endless)?.reason, /^54 no end within 100 ms/);
    await rig.send(other, "4");
    t.same(rig.gateway.texts(), ["8"]);
    t.equal(rig.device.device?.status().freeMemoryBytes, 262_144 - 65_536, "what crashed holds no memory");
  },
);

t.test("given a function that kept a state, when it starts again with it, then it knows", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(shippedModule("state_test"));
  await rig.send(handle, "test_cast_raw_output");
  await rig.until(() => rig.gateway.states.length === 1, 1000);
  t.same(rig.gateway.states, [{ handle, text: "new_state" }]);
  await rig.clock.advance(2000);
  rig.device.powerOff();
  await rig.boot();
  await rig.start(shippedModule("state_test"), {}, { state: "new_state" });
  await rig.clock.advance(2000);
  t.same(rig.gateway.logs, ["state_test: no_state", "edgeless_test_state: new_state"]);
});

t.test(
  "given a gateway that takes no states for a while, when it does again, then it gets the newest",
  async (t) => {
    const rig = await new DeviceRig({ settings: { callTimeoutMs: 200 } }).boot();
    rig.gateway.override = ({ path }, reply) => {
      if (path !== "y") return false;
      reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: 6 });
      return true;
    };
    await rig.start(shippedModule("ping"), { ponger: 5 });
    await rig.clock.advance(5000);
    rig.gateway.override = undefined;
    await rig.until(() => rig.gateway.states.length === 1, 7000);
    t.match(rig.gateway.states[0]?.text, /"count":[5-6]/);
  },
);

t.test("given an unknown route, when an event goes there, then the device forgets it", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(DOUBLE, { result: 7 });
  rig.gateway.override = ({ path }, reply) => {
    if (path === "e") reply(NOT_FOUND, NOTHING);
    return path === "e";
  };
  await rig.send(handle, "1");
  t.equal(counter(rig, NO_ROUTE), 1);
  rig.gateway.override = undefined;
  await rig.send(handle, "1");
  t.same(rig.gateway.events, []);
});

t.test(
  "given an overloaded gateway, when it recovers, then the events arrive in order, and meanwhile no more are taken",
  async (t) => {
    const rig = await new DeviceRig({ settings: { uplinkCapacity: 3 } }).boot();
    const handle = await rig.start(DOUBLE, { result: 7 });
    let overloaded = true;
    rig.gateway.override = ({ path }, reply) => {
      if (path !== "e" || !overloaded) return false;
      reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: 1 });
      return true;
    };
    for (let i = 1; i <= 3; i++) t.equal((await rig.send(handle, `${i}`))?.code, CHANGED);
    t.match(await rig.send(handle, "4"), { code: SERVICE_UNAVAILABLE, maxAge: 1 });
    const call = await rig.send(handle, "4", 0, 12);
    t.match(call, { code: SERVICE_UNAVAILABLE, maxAge: 1 });
    overloaded = false;
    await rig.clock.advance(5000);
    t.same(rig.gateway.texts(), ["2", "4", "6"]);
    t.equal((await rig.send(handle, "4"))?.code, CHANGED);
    t.same(rig.gateway.texts(), ["2", "4", "6", "8"]);
    t.equal(counter(rig, NOT_TAKEN), 0, "nothing is lost");
  },
);

t.test(
  "given a full queue to the gateway, when a display is sent a text, then it takes it: it sends nothing on",
  async (t) => {
    const rig = await new DeviceRig({ settings: { uplinkCapacity: 1 } }).boot();
    const handle = await rig.start(DOUBLE, { result: 7 });
    const display = await rig.startResource("epaper-display");
    rig.gateway.override = ({ path }, reply) => {
      if (path !== "e") return false;
      reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: 100 });
      return true;
    };
    await rig.send(handle, "1");
    t.equal((await rig.send(handle, "2"))?.code, SERVICE_UNAVAILABLE);
    t.equal((await rig.send(display, "text"))?.code, CHANGED);
    t.equal((await rig.ask(POST, "x"))?.code, CHANGED);
    const next = await rig.start(DOUBLE, { result: 7 });
    t.equal((await rig.send(next, "1"))?.code, CHANGED, "a reset empties the queue");
  },
);

t.test(
  "given many and long log lines, when they are sent, then batches are small and the surplus is told",
  async (t) => {
    const rig = await new DeviceRig({ settings: { logCapacity: 4 } }).boot();
    const handle = await rig.start(DOUBLE);
    for (let i = 0; i < 6; i++) await rig.send(handle, `${"é".repeat(150)}${i}`);
    await rig.clock.advance(10_000);
    t.ok(
      rig.gateway.logs.some((line) => line === "device: 3 log lines dropped"),
      rig.gateway.logs.join("|"),
    );
    t.ok(
      rig.gateway.logs.some((line) => /^double: é{103}$/.test(line)),
      "cut between characters",
    );
    const batches = rig.passed.filter(
      ({ from, datagram }) => from === "10.0.0.2:5683" && datagram[6] === 0xb1 && datagram[7] === 0x6c,
    );
    t.ok(batches.length >= 4);
    for (const { datagram } of batches) t.ok(datagram.length <= 270, `${datagram.length}`);
  },
);

t.test(
  "given a reply that is too long, when a function gives it, then the caller hears an error",
  async (t) => {
    const rig = await new DeviceRig({ settings: { maxPayloadBytes: 9 } }).boot();
    const handle = await rig.start(MESSAGING);
    await rig.send(handle, "test_ret", 3, 101);
    t.match(rig.gateway.events, [{ kind: ERROR, stream: 101 }]);
  },
);

t.test("given limits, when a request exceeds them, then it is refused with the reason", async (t) => {
  const rig = await new DeviceRig({
    settings: { maxInstances: 2, maxOutputs: 1, maxPayloadBytes: 64, maxImageBytes: 6000 },
    profile: { functionMemoryBytes: 65_536, memoryBytes: 130_000 },
  }).boot();
  const absent = await rig.post("f", rig.startPayload(new Uint8Array(8)));
  t.same([absent?.code, errorIn(absent)], [NOT_FOUND, 70]);
  const large = shippedModule("move_arm");
  const refused = await rig.put(`i/${Buffer.from(digestOf(large)).toString("hex")}`, large);
  t.equal(refused?.code, REQUEST_ENTITY_TOO_LARGE);
  t.ok((refused?.size1 ?? -1) >= 0, `room for ${refused?.size1}`);
  const handle = await rig.start(DOUBLE, { result: 1 });
  const outputs = await rig.wire("f", handle, { a: 1, b: 2 });
  t.same([outputs?.code, errorIn(outputs)], [BAD_REQUEST, 71]);
  t.equal((await rig.send(handle, "x".repeat(65)))?.code, REQUEST_ENTITY_TOO_LARGE);
  const memory = await rig.post("f", rig.startPayload(digestOf(DOUBLE)));
  t.same([memory?.code, errorIn(memory)], [BAD_REQUEST, 55], "no memory for a second one");
  await rig.startResource("gpio-out", { pin: "D4" });
  const full = await rig.post("f", rig.startPayload(digestOf(DOUBLE)));
  t.same([full?.code, errorIn(full)], [SERVICE_UNAVAILABLE, 71]);
  const unknown = await rig.ask(PUT, "f/99");
  t.same([unknown?.code, errorIn(unknown)], [NOT_FOUND, 47]);
});

t.test("given images that are none, when they are started, then the diagnostic says why", async (t) => {
  const rig = await new DeviceRig().boot();
  for (const [bytes, error] of [
    [new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), 51],
    [new Uint8Array([0, 0x61, 0x73, 0x6d, 9]), 50],
    [utf8Bytes("function f(){}"), 50],
  ] as const) {
    const digest = await rig.upload(bytes);
    const response = await rig.post("f", rig.startPayload(digest));
    t.same([response?.code, errorIn(response)], [BAD_REQUEST, error]);
  }
  t.same(rig.device.device?.status().instances, []);
});

t.test(
  "given a start that was answered but not heard, when it comes again, then there is still one instance",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const digest = await rig.upload(MESSAGING);
    const payload = rig.startPayload(digest, { id: 77 });
    const first = handleOf(await rig.post("f", payload));
    t.equal(handleOf(await rig.post("f", payload)), first);
    await rig.clock.advance(200);
    await rig.send(first, "test_call_output");
    const again = handleOf(await rig.post("f", payload));
    t.not(again, first, "one that crashed is started anew");
    t.equal(rig.device.device?.status().instances.length, 1);
  },
);

t.test(
  "given a full flash, when an image comes, then the least recently used one that does not run makes room",
  async (t) => {
    const rig = await new DeviceRig({ profile: { flashBytes: 14_000 } }).boot();
    const running = await rig.upload(MESSAGING);
    await rig.post("f", rig.startPayload(running));
    const old = await rig.upload(DOUBLE);
    await rig.upload(shippedModule("pong"));
    await rig.upload(shippedModule("incr"));
    const held =
      rig.device.device?.status().digests.map((digest) => Buffer.from(digest).toString("hex")) ?? [];
    t.ok(held.includes(Buffer.from(running).toString("hex")));
    t.notOk(held.includes(Buffer.from(old).toString("hex")));
    const huge = await rig.put("i/00112233445566ff", new Uint8Array(9000));
    t.equal(huge?.code, REQUEST_ENTITY_TOO_LARGE);
    t.ok((huge?.size1 ?? 0) > 5000 && (huge?.size1 ?? 0) < 9000, `${huge?.size1} bytes would fit`);
    t.equal((await rig.ask(DELETE, `i/${Buffer.from(running).toString("hex")}`))?.code, FORBIDDEN);
    t.equal((await rig.ask(DELETE, "i/00112233445566ff"))?.code, DELETED);
  },
);

t.test("given other requests, when they arrive, then they are answered as CoAP has it", async (t) => {
  const rig = await new DeviceRig().boot();
  const core = await rig.ask(GET, ".well-known/core");
  t.equal(core?.contentFormat, 40);
  t.match(Buffer.from(core?.payload ?? NOTHING).toString(), "</s>;obs");
  for (const [code, path, expected] of [
    [GET, "e", METHOD_NOT_ALLOWED],
    [GET, "nothing", NOT_FOUND],
    [POST, "s", METHOD_NOT_ALLOWED],
    [GET, "f/1", METHOD_NOT_ALLOWED],
    [PUT, "i/xyz", BAD_REQUEST],
    [POST, "f", BAD_REQUEST],
    [POST, "e", BAD_REQUEST],
  ] as const)
    t.equal((await rig.ask(code, path))?.code, expected, `${formatCode(expected)} for ${code} ${path}`);
  const handle = await rig.start(DOUBLE);
  const status = await rig.ask(GET, "s");
  t.equal(status?.code, CONTENT);
  t.match(decodeStatus(status?.payload ?? NOTHING).instances, [{ handle, state: RUNNING }]);
  const options = async (request: Partial<OutgoingRequest>) => {
    const whole = { code: GET, path: "s", ...request };
    return (
      await rig.answer(
        new Promise<Message | undefined>((resolve) =>
          rig.gateway.endpoint.request(rig.place.address, rig.place.port, whole, resolve),
        ),
      )
    )?.code;
  };
  t.equal(await options({ accept: 60 }), CONTENT);
  t.equal(await options({ accept: 50 }), NOT_ACCEPTABLE);
  t.equal(await options({ path: ".well-known/core", accept: 60 }), NOT_ACCEPTABLE);
  const event = { code: POST, path: "e", payload: Uint8Array.of(0x7b, 0x7d) };
  t.equal(await options({ ...event, contentFormat: 50 }), UNSUPPORTED_CONTENT_FORMAT);
  t.equal(await options({ ...event, contentFormat: 60 }), BAD_REQUEST, "it is read, and is none");
  t.equal((await rig.ask(POST, "x"))?.code, CHANGED);
  t.same(rig.device.device?.status().instances, []);
});

t.test("given any payload, when it is posted anywhere, then the device answers and lives", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(MESSAGING, { test: 7 });
  const paths = fc.constantFrom(
    "e",
    "f",
    "r",
    `f/${handle}`,
    "i",
    "i/0011223344556677",
    "s",
    "x/y",
    "f/1/2",
    "",
  );
  const codes = fc.constantFrom(GET, POST, PUT, DELETE);
  await fc.assert(
    fc.asyncProperty(paths, codes, fc.uint8Array({ maxLength: 40 }), async (path, code, payload) => {
      const response = await rig.answer(rig.gateway.ask(rig.place, code, path, payload));
      return response !== undefined && response.code !== 0xa0;
    }),
    { numRuns: 300, seed: 7 },
  );
  t.ok(rig.device.device?.isRegistered());
});

t.test("given peers of a device, when a guest sees their ids, then it can answer to them", async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffffffff }), (peer) => peerOf(peerNodeId(peer)) === peer),
  );
  t.equal(Buffer.from(peerNodeId(258)).toString("hex"), "00000000000040008000000000000102");
  t.equal(peerOf(peerNodeId(0)), NONE);
  t.equal(peerOf(new Uint8Array(16).fill(7)), NONE);
});

t.test(
  "given a link that loses every fifth datagram, when events go both ways, then each arrives exactly once",
  async (t) => {
    const seed = 20;
    const rig = new DeviceRig({
      link: { loss: 0.2, delayMs: 5, jitterMs: 10, duplication: 0.05, reordering: 0.05 },
      endpoint: { ackTimeoutMs: 50, maxRetransmit: 12, duplicatesPerPeer: 64, queueCapacity: 1000 },
      settings: { logIntervalMs: 1e9, uplinkCapacity: 1000 },
      seed,
    });
    await rig.boot();
    const handle = await rig.start(DOUBLE, { result: 7 });
    const count = 400;
    for (let i = 1; i <= count; i++) {
      const event = { kind: 0, handle, peer: 0, stream: NONE, payload: utf8Bytes(`${i}`) };
      const response = await rig.post("e", encodeDownlinkEvent(event));
      if (response?.code !== CHANGED) t.fail(`seed ${seed}: event ${i} was answered with ${response?.code}`);
    }
    await rig.until(() => rig.gateway.events.length >= count, 100_000);
    await rig.clock.advance(60_000);
    t.same(
      rig.gateway.texts(),
      Array.from({ length: count }, (_, i) => `${2 * (i + 1)}`),
      `seed ${seed}`,
    );
    t.ok(rig.network.counters.lost > 200, `${rig.network.counters.lost} datagrams were lost`);
  },
);

t.test(
  "given an image that is not what its name says, or of which the end is missing, when it comes, then the device does not hold it",
  async (t) => {
    const rig = new DeviceRig();
    const half = new Uint8Array(3000).fill(0xff);
    half.fill(0x20, 0, 1500);
    rig.device.flash.write("i0123456789abcdef", half);
    await rig.boot();
    t.equal(rig.device.flash.read("i0123456789abcdef"), undefined, "the power was away while it came");
    for (const length of [200, 3000]) {
      const wrong = await rig.put("i/00112233445566ff", new Uint8Array(length));
      t.equal(wrong?.code, BAD_REQUEST, `${length} bytes`);
      t.match(decodeDiagnostic(wrong?.payload ?? new Uint8Array(0)), { reason: /not what its digest says/ });
      t.same(
        rig.device.flash.names().filter((name) => name.startsWith("i")),
        [],
      );
    }
    const image = shippedModule("noop");
    const digest = Buffer.from(await rig.upload(image)).toString("hex");
    t.same(Buffer.from(rig.device.flash.read(`i${digest}`) ?? []), Buffer.from(image));
    rig.device.flash.write(`i${digest}`, half);
    const started = await rig.post("f", rig.startPayload(Buffer.from(digest, "hex")));
    t.equal(started?.code, NOT_FOUND, "what was damaged later is not started either");
  },
);

t.test("given a stranger, when it sends a large body, then the device does not keep it", async (t) => {
  const rig = await new DeviceRig().boot();
  const timers = new NumberedTimers(rig.clock);
  const stranger = new ScriptedGateway(rig.network.open("10.0.0.66", 5683), timers, (target) =>
    target.fill(7),
  );
  const answer = await rig.answer(stranger.put(rig.place, "i/00112233445566ff", new Uint8Array(9000)));
  t.equal(answer?.code, REQUEST_ENTITY_TOO_LARGE);
  t.same(
    rig.device.flash.names().filter((name) => name.startsWith("i")),
    [],
  );
});
