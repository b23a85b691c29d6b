import t from "tap";
import { blockExponent, blockMore, blockNumber, blockValue } from "../../coap-api/block/block-option.js";
import {
  ACK,
  BAD_OPTION,
  CHANGED,
  CON,
  CONTENT,
  CONTINUE,
  CREATED,
  DELETE,
  DELETED,
  EMPTY,
  GET,
  NON,
  NOT_ACCEPTABLE,
  NOT_FOUND,
  POST,
  PUT,
  RST,
} from "../../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../../coap-api/coap/message.js";
import type { IncomingRequest, Reply } from "../../coap-api/endpoint/request-server.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { fromHex, Lockstep, message, type Partly, toHex } from "../kit/lockstep-peer.js";

/*
 * The cases of the ETSI CoAP plugtests that concern what this project offers, with our endpoint as the server and, where
 * the case has one, as the client. Not offered, and therefore absent: proxying (CORE_24 to 31), Location-Query (CORE_19),
 * validation by ETag (CORE_21) and If-None-Match (CORE_23).
 */

const BODY = utf8Bytes("plugtest");
const LARGE = new Uint8Array(1280).fill(0x61);

/** The resources of the plugtest server. */
function plugtestServer(): { l: Lockstep; state: { content: Uint8Array }; separate: Reply[] } {
  const l = new Lockstep({ duplicatesPerPeer: 64 });
  const state = { content: BODY };
  const separate: Reply[] = [];
  l.endpoint.onRequest((request, reply) => {
    l.handled.push(`${request.code} ${request.path}${request.query === "" ? "" : `?${request.query}`}`);
    if (request.path === "separate") separate.push(reply);
    else serve(request, reply, state);
  });
  return { l, state, separate };
}

function serve(request: IncomingRequest, reply: Reply, state: { content: Uint8Array }): void {
  const {
    code,
    path,
    payload,
    message: { accept },
  } = request;
  const nothing = new Uint8Array(0);
  if (path === "large")
    reply(
      code === GET ? CONTENT : code === POST ? CREATED : CHANGED,
      code === GET ? LARGE : nothing,
      code === POST ? { locationPath: "large-create/1" } : {},
    );
  else if (path === "large-post") reply(CHANGED, LARGE);
  else if (path === "location1/location2/location3" || code === POST)
    reply(CREATED, nothing, { locationPath: "location1/location2/location3" });
  else if (path === "multi-format") {
    // The endpoint itself refuses what is not accepted.
    reply(CONTENT, BODY, { contentFormat: accept === 50 ? 50 : 0 });
  } else if (code === GET)
    reply(CONTENT, state.content, { contentFormat: 0, observable: path.startsWith("obs") });
  else if (code === DELETE) reply(DELETED, nothing);
  else {
    state.content = new Uint8Array(payload);
    reply(CHANGED, nothing);
  }
}

let messageId = 0x100;

function ask(l: Lockstep, parts: Partly): Message {
  l.arrive({ messageId: ++messageId, token: fromHex("c0"), ...parts });
  return l.next();
}

const METHODS = [
  ["GET", GET, CONTENT],
  ["DELETE", DELETE, DELETED],
  ["PUT", PUT, CHANGED],
  ["POST", POST, CREATED],
] as const;

for (const [index, [name, code, expected]] of METHODS.entries()) {
  t.test(`TD_COAP_CORE_0${index + 1}: ${name} as a confirmable transaction`, async (t) => {
    const { l } = plugtestServer();
    const request = {
      type: CON,
      code,
      path: "test",
      payload: code === PUT || code === POST ? BODY : new Uint8Array(0),
    };
    const answer = ask(l, request);
    t.match(answer, { type: ACK, code: expected, messageId, token: fromHex("c0") });
    if (code === GET) t.match(answer, { contentFormat: 0, payload: BODY });
    const client = new Lockstep();
    const codes: unknown[] = [];
    client.endpoint.request("peer", 5683, { code, path: "test", payload: request.payload }, (response) =>
      codes.push(response?.code),
    );
    const sent = client.next();
    t.match(sent, { type: CON, code, path: "test", payload: request.payload });
    client.arrive({ type: ACK, code: expected, messageId: sent.messageId, token: sent.token });
    t.same(codes, [expected]);
  });

  t.test(`TD_COAP_CORE_0${index + 5}: ${name} as a non-confirmable transaction`, async (t) => {
    const { l } = plugtestServer();
    const payload = code === PUT || code === POST ? BODY : new Uint8Array(0);
    const answer = ask(l, { type: NON, code, path: "test", payload });
    t.match(answer, { type: NON, code: expected, token: fromHex("c0") });
    const client = new Lockstep();
    const codes: unknown[] = [];
    client.endpoint.request("peer", 5683, { code, path: "test", payload, nonConfirmable: true }, (response) =>
      codes.push(response?.code),
    );
    const sent = client.next();
    t.match(sent, { type: NON, code });
    client.arrive({ type: NON, code: expected, messageId: 1, token: sent.token });
    t.same(codes, [expected]);
    t.equal(client.timers.pending, 0);
  });
}

for (const [name, token] of [
  ["TD_COAP_CORE_09: GET with separate response", "c0"],
  ["TD_COAP_CORE_11: GET with token, separate response", "0102030405060708"],
] as const) {
  t.test(name, async (t) => {
    const { l, separate } = plugtestServer();
    l.arrive({ code: GET, messageId: 5, token: fromHex(token), path: "separate" });
    l.timers.advance(200);
    t.match(l.next(), { type: ACK, code: EMPTY, messageId: 5, token: new Uint8Array(0) });
    separate[0]?.(CONTENT, BODY);
    const answer = l.next();
    t.match(answer, { type: CON, code: CONTENT, token: fromHex(token), payload: BODY });
    l.arrive({ type: ACK, code: EMPTY, messageId: answer.messageId });
    t.equal(l.timers.pending, 0);
  });
}

t.test("TD_COAP_CORE_10: GET with a token", async (t) => {
  t.same(
    ask(plugtestServer().l, { code: GET, token: fromHex("0102030405060708"), path: "test" }).token,
    fromHex("0102030405060708"),
  );
});

t.test("TD_COAP_CORE_12: GET without a token", async (t) => {
  t.match(ask(plugtestServer().l, { code: GET, token: new Uint8Array(0), path: "test" }), {
    code: CONTENT,
    token: new Uint8Array(0),
  });
});

t.test("TD_COAP_CORE_13: GET with several Uri-Path options", async (t) => {
  const { l } = plugtestServer();
  t.match(ask(l, { code: GET, path: "seg1/seg2/seg3" }), { code: CONTENT });
  t.same(l.handled, ["1 seg1/seg2/seg3"]);
});

t.test("TD_COAP_CORE_14: GET with several Uri-Query options", async (t) => {
  const { l } = plugtestServer();
  t.match(ask(l, { code: GET, path: "query", query: "first=1&second=2" }), { code: CONTENT });
  t.same(l.handled, ["1 query?first=1&second=2"]);
});

t.test("TD_COAP_CORE_15: GET over a lossy link, piggybacked response", async (t) => {
  const { l } = plugtestServer();
  const request = { code: GET, messageId: 9, token: fromHex("c0"), path: "test" };
  l.arrive(request);
  const lost = l.nextBytes();
  l.arrive(request);
  t.same(l.nextBytes(), lost);
  t.equal(l.handled.length, 1);
  const client = new Lockstep();
  const codes: unknown[] = [];
  client.endpoint.request("peer", 5683, { code: GET, path: "test" }, (response) =>
    codes.push(response?.code),
  );
  const sent = client.nextBytes();
  client.timers.advance(3000);
  t.same(client.nextBytes(), sent);
  client.arrive({
    type: ACK,
    code: CONTENT,
    messageId: (Number(sent[2]) << 8) | Number(sent[3]),
    token: sent.subarray(4, 6),
  });
  t.same(codes, [CONTENT]);
});

t.test("TD_COAP_CORE_16: GET over a lossy link, separate response", async (t) => {
  const { l, separate } = plugtestServer();
  const request = { code: GET, messageId: 9, token: fromHex("c0"), path: "separate" };
  l.arrive(request);
  l.timers.advance(200);
  const lost = l.nextBytes();
  l.arrive(request);
  t.same(l.nextBytes(), lost, "the acknowledgement comes again");
  separate[0]?.(CONTENT, BODY);
  const answer = l.nextBytes();
  l.timers.advance(3000);
  t.same(l.nextBytes(), answer, "the response comes again");
  l.arrive({ type: ACK, code: EMPTY, messageId: (Number(answer[2]) << 8) | Number(answer[3]) });
  t.equal(l.timers.pending, 0);
});

t.test("TD_COAP_CORE_17: separate response to a non-confirmable request", async (t) => {
  const { l, separate } = plugtestServer();
  l.arrive({ type: NON, code: GET, messageId: 9, token: fromHex("c0"), path: "separate" });
  l.timers.advance(1000);
  t.equal(l.unseen, 0, "a NON is not acknowledged");
  separate[0]?.(CONTENT, BODY);
  t.match(l.next(), { type: NON, code: CONTENT, token: fromHex("c0"), payload: BODY });
});

t.test("TD_COAP_CORE_18: POST with several Location-Path options in the answer", async (t) => {
  const { l } = plugtestServer();
  t.match(ask(l, { code: POST, path: "test", payload: BODY }), {
    code: CREATED,
    locationPath: "location1/location2/location3",
  });
});

t.test("TD_COAP_CORE_20: GET with the Accept option", async (t) => {
  const { l } = plugtestServer();
  t.match(ask(l, { code: GET, path: "multi-format", accept: 0 }), { code: CONTENT, contentFormat: 0 });
  t.match(ask(l, { code: GET, path: "multi-format", accept: 50 }), { code: CONTENT, contentFormat: 50 });
  t.match(ask(l, { code: GET, path: "multi-format", accept: 41 }), { code: NOT_ACCEPTABLE });
});

t.test("TD_COAP_CORE_22: PUT with If-Match is refused, never carried out unconditionally", async (t) => {
  const { l } = plugtestServer();
  l.arriveBytes(fromHex("4103 0f0f c0 1401020304 a474657374 ff 61"));
  t.match(l.next(), { code: BAD_OPTION });
  t.same(l.handled, []);
});

/** Fetches a large resource with our endpoint as the server. */
function fetchBlocks(l: Lockstep, parts: Partly, exponent: number, from: number): Message[] {
  const answers: Message[] = [];
  for (let number = from, more = true; more; number++) {
    const answer = ask(l, { ...parts, block2: blockValue(number, false, exponent) });
    answers.push(answer);
    more = blockMore(answer.block2);
  }
  return answers;
}

t.test("TD_COAP_BLOCK_01: GET of a large resource, size agreed early", async (t) => {
  const { l } = plugtestServer();
  const answers = fetchBlocks(l, { code: GET, path: "large" }, 2, 0);
  t.equal(answers.length, 20);
  t.ok(answers.every(({ block2 }, i) => blockNumber(block2) === i && blockExponent(block2) === 2));
  t.equal(toHex(Buffer.concat(answers.map(({ payload }) => payload))), toHex(LARGE));
});

t.test("TD_COAP_BLOCK_02: GET of a large resource, size agreed late", async (t) => {
  const { l } = plugtestServer();
  const first = ask(l, { code: GET, path: "large" });
  t.match(first, { code: CONTENT, block2: blockValue(0, true, 4), size2: LARGE.length });
  const answers = [first, ...fetchBlocks(l, { code: GET, path: "large" }, 4, 1)];
  t.equal(toHex(Buffer.concat(answers.map(({ payload }) => payload))), toHex(LARGE));
});

/** Sends a large body to our endpoint and returns the final answer. */
function sendBlocks(l: Lockstep, parts: Partly, exponent: number): Message {
  const size = 16 << exponent;
  for (let number = 0; ; number++) {
    const more = (number + 1) * size < LARGE.length;
    const payload = LARGE.subarray(number * size, (number + 1) * size);
    const answer = ask(l, { ...parts, block1: blockValue(number, more, exponent), payload });
    if (answer.code !== CONTINUE) return answer;
  }
}

t.test("TD_COAP_BLOCK_03: PUT of a large resource", async (t) => {
  const { l, state } = plugtestServer();
  t.match(sendBlocks(l, { code: PUT, path: "large-update" }, 4), {
    code: CHANGED,
    block1: blockValue(4, false, 4),
  });
  t.equal(toHex(state.content), toHex(LARGE));
});

t.test("TD_COAP_BLOCK_04: POST that creates a large resource", async (t) => {
  const { l } = plugtestServer();
  t.match(sendBlocks(l, { code: POST, path: "large" }, 4), { code: CREATED, locationPath: "large-create/1" });
});

t.test("TD_COAP_BLOCK_05: POST with blocks in both directions", async (t) => {
  const { l } = plugtestServer();
  const first = sendBlocks(l, { code: POST, path: "large-post" }, 4);
  t.match(first, { code: CHANGED, block1: blockValue(4, false, 4), block2: blockValue(0, true, 4) });
  const answers = [first, ...fetchBlocks(l, { code: POST, path: "large-post" }, 4, 1)];
  t.equal(toHex(Buffer.concat(answers.map(({ payload }) => payload))), toHex(LARGE));
  t.equal(l.handled.length, 1);
});

t.test("TD_COAP_BLOCK_06: a client that wants the smallest blocks", async (t) => {
  const { l } = plugtestServer();
  const answers = fetchBlocks(l, { code: GET, path: "large" }, 0, 0);
  t.equal(answers.length, 80);
  t.equal(toHex(Buffer.concat(answers.map(({ payload }) => payload))), toHex(LARGE));
});

/** Registers an observer and returns its server. */
function observed(type: number): ReturnType<typeof plugtestServer> & { tell: (text: string) => void } {
  const server = plugtestServer();
  const answer = ask(server.l, { type, code: GET, path: "obs", observe: 0, token: fromHex("0b") });
  if (answer.observe < 0) throw new Error("not observed");
  return {
    ...server,
    tell: (text) => server.l.endpoint.notify("obs", CONTENT, utf8Bytes(text), { contentFormat: 0 }),
  };
}

for (const [name, type] of [
  ["TD_COAP_OBS_01: observation by confirmable messages", CON],
  ["TD_COAP_OBS_02: observation by non-confirmable messages", NON],
] as const) {
  t.test(name, async (t) => {
    const { l, tell } = observed(type);
    let last = -1;
    for (const text of ["1", "2", "3"]) {
      tell(text);
      const told = l.next();
      t.match(told, { code: CONTENT, token: fromHex("0b"), contentFormat: 0, payload: utf8Bytes(text) });
      t.ok(told.observe > last);
      last = told.observe;
      l.arrive({ type: ACK, code: EMPTY, messageId: told.messageId });
    }
  });
}

t.test("TD_COAP_OBS_03: the client stops the observation", async (t) => {
  const { l, tell } = observed(CON);
  t.equal(ask(l, { code: GET, path: "obs", observe: 1, token: fromHex("0b") }).observe, ABSENT);
  tell("2");
  t.equal(l.unseen, 0);
});

t.test("TD_COAP_OBS_04: the client finds out that the server began anew", async (t) => {
  const { l } = observed(CON);
  l.endpoint.close();
  const anew = plugtestServer();
  anew.l.endpoint.notify("obs", CONTENT, BODY);
  t.equal(anew.l.unseen, 0, "no notification: the client registers again when Max-Age is over");
  t.ok(ask(anew.l, { code: GET, path: "obs", observe: 0 }).observe >= 0);
});

t.test("TD_COAP_OBS_05: the server finds out that the client is off", async (t) => {
  const { l, tell } = observed(CON);
  tell("2");
  l.timers.advance(100_000);
  t.equal(l.endpoint.observerCount(), 0);
});

t.test("TD_COAP_OBS_06: the client resets a notification", async (t) => {
  const { l, tell } = observed(CON);
  tell("2");
  l.arrive({ type: RST, code: EMPTY, messageId: l.next().messageId });
  t.equal(l.endpoint.observerCount(), 0);
});

t.test("TD_COAP_OBS_07: the observed resource is deleted", async (t) => {
  const { l, tell } = observed(CON);
  ask(l, { code: DELETE, path: "obs" });
  l.endpoint.notify("obs", NOT_FOUND, new Uint8Array(0));
  t.match(l.next(), { type: CON, code: NOT_FOUND, token: fromHex("0b"), observe: ABSENT });
  tell("2");
  t.equal(l.unseen, 0);
});

t.test("TD_COAP_OBS_08: the content format of the observed resource changes", async (t) => {
  const { l } = observed(CON);
  l.endpoint.notify("obs", NOT_ACCEPTABLE, new Uint8Array(0));
  t.match(l.next(), { code: NOT_ACCEPTABLE, observe: ABSENT });
  t.equal(l.endpoint.observerCount(), 0);
});

t.test("TD_COAP_OBS_09: the observed resource is updated by a PUT", async (t) => {
  const { l, state, tell } = observed(CON);
  t.match(ask(l, { code: PUT, path: "obs", payload: utf8Bytes("new") }), { code: CHANGED });
  tell(Buffer.from(state.content).toString());
  t.match(l.next(), { code: CONTENT, payload: utf8Bytes("new") });
});

t.test("TD_COAP_OBS_10: a plain GET does not end the observation", async (t) => {
  const { l, tell } = observed(CON);
  t.equal(ask(l, { code: GET, path: "obs", token: fromHex("0c") }).observe, ABSENT);
  tell("2");
  t.match(l.next(), { token: fromHex("0b") });
  t.ok(message({ code: GET }).observe === ABSENT);
});
