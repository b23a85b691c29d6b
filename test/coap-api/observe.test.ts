import t from "tap";
import { blockValue } from "../../coap-api/block/block-option.js";
import {
  ACK,
  CHANGED,
  CON,
  CONTENT,
  EMPTY,
  GET,
  NON,
  NOT_FOUND,
  POST,
  RST,
} from "../../coap-api/coap/codes.js";
import { ABSENT } from "../../coap-api/coap/message.js";
import type { EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { fromHex, Lockstep, type Partly, toHex } from "../kit/lockstep-peer.js";

const TOKEN = fromHex("0b5e");
const CBOR = { contentFormat: 60 };

/** A server whose `s` can be observed, and whose `c` cannot. */
function server(settings: Partial<EndpointSettings> = {}) {
  const l = new Lockstep(settings);
  const state = { content: utf8Bytes("one") };
  l.endpoint.onRequest((request, reply) => {
    if (request.code !== GET) reply(CHANGED, new Uint8Array(0));
    else if (request.path === "s") reply(CONTENT, state.content, { observable: true, ...CBOR });
    else if (request.path === "c") reply(CONTENT, state.content);
    else reply(NOT_FOUND, new Uint8Array(0), { observable: true });
  });
  let messageId = 0;
  const ask = (parts: Partly, address = "peer") => {
    l.arrive({ code: GET, messageId: ++messageId, token: TOKEN, path: "s", ...parts }, address);
    return l.next();
  };
  const notify = (text: string) => {
    state.content = utf8Bytes(text);
    l.endpoint.notify("s", CONTENT, state.content, CBOR);
  };
  const confirm = (id: number, address = "peer") =>
    l.arrive({ type: ACK, code: EMPTY, messageId: id }, address);
  return { l, state, ask, notify, confirm };
}

t.test(
  "given an observer, when the resource changes, then it is told with rising numbers and the same token and format",
  async (t) => {
    const { l, ask, notify, confirm } = server();
    const first = ask({ observe: 0 });
    t.match(first, { type: ACK, code: CONTENT, token: TOKEN, payload: utf8Bytes("one") });
    let last = first.observe;
    t.ok(last >= 0);
    for (const text of ["two", "three"]) {
      notify(text);
      const told = l.next();
      t.match(told, { type: CON, code: CONTENT, token: TOKEN, contentFormat: 60, payload: utf8Bytes(text) });
      t.ok(told.observe > last);
      last = told.observe;
      confirm(told.messageId);
    }
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given resources that cannot be observed or are not there, when observed, then the answer has no Observe",
  async (t) => {
    const { l, ask, notify } = server();
    t.equal(ask({ observe: 0, path: "c" }).observe, ABSENT);
    t.equal(ask({ observe: 0, path: "nothing" }).observe, ABSENT);
    t.equal(ask({ observe: 7 }).observe, ABSENT);
    t.match(ask({ code: POST, observe: 0 }), { observe: ABSENT, code: CHANGED });
    notify("two");
    t.equal(l.unseen, 0);
    t.equal(l.endpoint.observerCount(), 0);
  },
);

t.test("given an observer, when it asks to be left alone, then it is", async (t) => {
  const { l, ask, notify } = server();
  ask({ observe: 0 });
  t.match(ask({ observe: 1 }), { code: CONTENT, observe: ABSENT });
  notify("two");
  t.equal(l.unseen, 0);
});

t.test("given an observer, when it resets a notification, then it is left alone", async (t) => {
  const { l, ask, notify } = server();
  ask({ observe: 0 });
  notify("two");
  l.arrive({ type: RST, code: EMPTY, messageId: l.next().messageId });
  notify("three");
  t.equal(l.unseen, 0);
  t.equal(l.endpoint.observerCount(), 0);
  t.equal(l.timers.pending, 0);
});

t.test(
  "given an observer that is gone, when notifications are not acknowledged, then it is forgotten after the last repetition",
  async (t) => {
    const { l, ask, notify } = server();
    ask({ observe: 0 });
    notify("two");
    l.timers.advance(100_000);
    t.equal(l.unseen, 5);
    t.equal(l.endpoint.observerCount(), 0);
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given a notification under way, when more changes follow, then only the newest is sent next",
  async (t) => {
    const { l, ask, notify, confirm } = server();
    ask({ observe: 0 });
    for (const text of ["two", "three", "four"]) notify(text);
    const told = l.next();
    t.equal(l.unseen, 0);
    confirm(told.messageId);
    t.match(l.next(), { payload: utf8Bytes("four") });
    t.equal(l.unseen, 0);
  },
);

t.test(
  "given an observer, when it registers again, then it is told once, under the newest token",
  async (t) => {
    const { l, ask, notify } = server();
    ask({ observe: 0 });
    ask({ observe: 0 });
    notify("two");
    t.equal(l.unseen, 1);
    t.equal(l.endpoint.observerCount(), 1);
  },
);

t.test(
  "given more observers than may be, when one more comes, then it gets an answer but no observation",
  async (t) => {
    const { l, ask, notify } = server({ maxObservers: 2 });
    for (const address of ["a", "b"]) t.ok(ask({ observe: 0 }, address).observe >= 0);
    t.equal(ask({ observe: 0 }, "c").observe, ABSENT);
    notify("two");
    t.equal(l.unseen, 2);
  },
);

t.test(
  "given an observed resource that goes away, when that is told, then the observation ends",
  async (t) => {
    const { l, ask, notify, confirm } = server();
    ask({ observe: 0 });
    l.endpoint.notify("s", NOT_FOUND, new Uint8Array(0));
    const told = l.next();
    t.match(told, { code: NOT_FOUND, observe: ABSENT, token: TOKEN });
    notify("two");
    confirm(told.messageId);
    t.equal(l.unseen, 0);
    t.equal(l.peers.find("peer", 5683)?.observations, 0);
  },
);

t.test(
  "given a large representation, when it changes, then the notification has the first block and the others can be fetched",
  async (t) => {
    const { l, ask, notify, confirm } = server();
    const first = ask({ observe: 0, block2: blockValue(0, false, 2) });
    t.equal(first.block2, blockValue(0, false, 2));
    const text = "x".repeat(150);
    notify(text);
    const told = l.next();
    t.match(told, { block2: blockValue(0, true, 2), size2: 150, contentFormat: 60 });
    confirm(told.messageId);
    const parts = [toHex(told.payload)];
    for (const number of [1, 2]) {
      const next = ask({ token: fromHex("77"), block2: blockValue(number, false, 2) });
      t.same(next.etag, told.etag, "of the same representation");
      t.equal(next.observe, ABSENT, "a later block is no observation");
      parts.push(toHex(next.payload));
    }
    t.equal(parts.join(""), toHex(utf8Bytes(text)));
    l.timers.advance(248_000);
    t.match(ask({ observe: 0, token: fromHex("78"), block2: blockValue(1, false, 2) }), {
      code: CONTENT,
      observe: ABSENT,
    });
    t.equal(l.endpoint.observerCount(), 1);
  },
);

t.test("given an observer that asked by a NON, when the resource changes, then it is told", async (t) => {
  const { l, ask, notify, confirm } = server();
  t.match(ask({ type: NON, observe: 0 }), { type: NON, token: TOKEN });
  notify("two");
  confirm(l.next().messageId);
  t.equal(l.timers.pending, 0);
});

t.test(
  "given a peer that is abandoned or had to make room, when the resource changes, then it is not told",
  async (t) => {
    const { l, ask, notify } = server({ maxPeers: 1 });
    ask({ observe: 0 });
    ask({ path: "c" }, "other");
    notify("two");
    t.equal(l.unseen, 0);
    ask({ observe: 0 });
    notify("three");
    l.next();
    l.endpoint.abandon("peer", 5683);
    t.equal(l.endpoint.observerCount(), 0);
    t.equal(l.timers.pending, 0);
  },
);
