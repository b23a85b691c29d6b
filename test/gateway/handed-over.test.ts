import { join } from "node:path";
import t, { type Test } from "tap";
import { ACK, CHANGED, CON, CREATED, formatCode, POST, PUT } from "../../coap-api/coap/codes.js";
import { createMessage, decodeMessage, encodeMessage } from "../../coap-api/coap/message.js";
import { CAST, encodeUplinkEvent, NONE } from "../../coap-api/operations/event.js";
import { decodeOutputs } from "../../coap-api/operations/outputs.js";
import { encodeRegistration, RUNTIME_WASM } from "../../coap-api/operations/register.js";
import { SILENT } from "../../core/log.js";
import { TAKEN_EVENT_BYTES, TakenEvents } from "../../gateway/taken-events.js";
import { SlotFile } from "../../platform/slot-file.js";
import { eventually } from "../kit/eventually.js";
import { TcpRelay } from "../kit/tcp-relay.js";
import { uuid } from "../node/kit/events.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { type GatewayRig, PEER } from "./kit/gateway-rig.js";
import { rigFor, run, sink } from "./kit/gateway-steps.js";

t.setTimeout(60_000);

const BOARD = "10.0.9.9";

/** A board whose function sends to the peer over a relay, with all that is needed to write its events by hand. */
async function boardFor(t: Test, rig: GatewayRig) {
  const relay = await TcpRelay.start(new URL(rig.peerUrl).host);
  t.teardown(() => relay.close());
  const client = new ForeignClient(rig, BOARD);
  let route = NONE;
  client.endpoint.onRequest(({ code, path, payload }, reply) => {
    if (code === PUT && path === "f/1") route = decodeOutputs(payload)[0]?.route ?? NONE;
    if (code === POST && path === "f") reply(CREATED, new Uint8Array(0), { locationPath: "f/1" });
    else reply(CHANGED, new Uint8Array(0));
  });
  const registration = { ...REGISTRATION, runtimes: [RUNTIME_WASM], freeMemoryBytes: 100_000 };
  registration.limits = { ...registration.limits, functionMemoryBytes: 131_072 };
  await client.ask(POST, "rd", encodeRegistration(registration), `ep=${uuid(1)}&lt=3600`);
  const agent = await rig.admit(1);
  await agent.updatePeers({ type: "add", nodeId: PEER, invocationUrl: `http://${relay.place}` });
  await run(rig, agent, "incr", { result: sink(1) });
  return { relay, route };
}

/** Sends an event as the board; the codes of the acknowledgements are collected. */
function eventOf(rig: GatewayRig, route: number) {
  const codes: string[] = [];
  const socket = rig.network.open(BOARD, 5683);
  socket.onDatagram((datagram) => {
    const { type, code } = decodeMessage(datagram);
    if (type === ACK) codes.push(formatCode(code));
  });
  const send = (messageId: number, text: string) => {
    const event = { kind: CAST, route, peer: NONE, handle: NONE, stream: NONE, payload: Buffer.from(text) };
    const message = createMessage(CON, POST, messageId, Uint8Array.of(1, 2));
    socket.send(
      encodeMessage({ ...message, path: "e", payload: encodeUplinkEvent(event) }),
      rig.address,
      5683,
    );
  };
  return { codes, send };
}

t.test(
  "given a receiver that hangs, when the gateway is killed with its event, then the board was not told that it was taken, and repeats it",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "a") });
    const { relay, route } = await boardFor(t, rig);
    const board = eventOf(rig, route);
    board.send(1, "one");
    await eventually("acknowledged when the peer has it", () => board.codes.length === 1);
    t.same(rig.payloads(), ["one"]);

    relay.freeze();
    board.send(2, "two");
    await eventually("taken", () => rig.gateway.metrics.taken === 2);
    await rig.crashGateway(join(folder, "b"));
    t.same(board.codes, ["2.04"], "not acknowledged");
    relay.thaw();
    await rig.startGateway(join(folder, "b"));
    board.send(2, "two");
    await eventually("the repetition is passed on", () => rig.payloads().length === 2);
    await eventually("and acknowledged", () => board.codes.length === 2);
    t.same(rig.payloads(), ["one", "two"]);
  },
);

t.test(
  "given an event whose acknowledgement was lost, when the gateway was killed since, then its repetition is acknowledged and not passed on again",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "a") });
    const { route } = await boardFor(t, rig);
    const board = eventOf(rig, route);
    board.send(7, "one");
    await eventually("acknowledged", () => board.codes.length === 1);
    await rig.crashGateway(join(folder, "b"));
    await rig.startGateway(join(folder, "b"));
    board.send(7, "one");
    board.send(7, "one");
    await eventually("acknowledged again", () => board.codes.length === 3);
    board.send(8, "one");
    await eventually("another event with the same payload", () => rig.payloads().length === 2);
    t.same(board.codes.slice(0, 3), ["2.04", "2.04", "2.04"]);
    t.equal(rig.gateway.metrics.taken, 1);
  },
);

t.test(
  "given a receiver that hangs or is not there, when events for it come, then the board waits for a moment at most",
  async (t) => {
    const rig = await rigFor(t);
    const { relay, route } = await boardFor(t, rig);
    const board = eventOf(rig, route);
    board.send(1, "one");
    await eventually("one", () => board.codes.length === 1);
    relay.freeze();
    const beganMs = performance.now();
    board.send(2, "two");
    board.send(2, "two");
    await eventually("acknowledged", () => board.codes.length === 2);
    const tookMs = performance.now() - beganMs;
    t.ok(tookMs > 700 && tookMs < 3_000, `${tookMs} ms`);
    relay.close();
    await eventually("known to be unreachable", async () => {
      board.send(100 + board.codes.length, "x");
      const sentMs = performance.now();
      const { length } = board.codes;
      await eventually("an answer", () => board.codes.length > length);
      return performance.now() - sentMs < 400;
    });
    t.same(new Set(board.codes), new Set(["2.04"]));
  },
);

t.test(
  "given a file of taken events, when it is damaged or cut short, then nothing is known of it",
  async (t) => {
    const path = join(t.testdir(), "folder", "events");
    const open = () => new SlotFile(path, TAKEN_EVENT_BYTES);
    const file = open();
    const events = new TakenEvents(file, SILENT);
    t.equal(events.lastOf(0), undefined);
    events.add(3, -5);
    events.add(1, 0);
    t.same(
      [0, 1, 2, 3, 4].map((location) => events.lastOf(location)),
      [undefined, 0, undefined, -5, undefined],
    );
    file.write(3, new Uint8Array(TAKEN_EVENT_BYTES).fill(7));
    t.equal(events.lastOf(3), undefined);
    events.close();
    const again = new TakenEvents(open(), SILENT);
    t.equal(again.lastOf(1), 0);
    again.close();
    again.add(1, 6);
    t.equal(new TakenEvents(undefined, SILENT).lastOf(1), undefined);
  },
);
