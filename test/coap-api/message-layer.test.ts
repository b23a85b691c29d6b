import t from "tap";
import { ACK, CHANGED, CON, CONTENT, EMPTY, GET, NON, POST, RST } from "../../coap-api/coap/codes.js";
import type { Reply } from "../../coap-api/endpoint/request-server.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { fromHex, Lockstep, toHex } from "../kit/lockstep-peer.js";

const TOKEN = fromHex("a1b2");
const HELLO = utf8Bytes("hello");

/** An endpoint that answers at once. */
function server(settings = {}): Lockstep {
  const lockstep = new Lockstep(settings);
  lockstep.endpoint.onRequest((request, reply) => {
    lockstep.handled.push(`${request.code} ${request.path} ${toHex(request.payload)}`);
    reply(request.code === GET ? CONTENT : CHANGED, request.code === GET ? HELLO : new Uint8Array(0));
  });
  return lockstep;
}

t.test(
  "given a confirmable request, when it is answered at once, then the response is piggybacked",
  async (t) => {
    const l = server();
    l.arriveBytes(fromHex("42 01 1234 a1b2 b1 73"));
    t.equal(toHex(l.nextBytes()), "62451234a1b2ff68656c6c6f");
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given a confirmable request, when it is repeated, then it is carried out once and answered again",
  async (t) => {
    const l = server();
    for (let i = 0; i < 3; i++) l.arrive({ code: POST, messageId: 7, token: TOKEN, path: "e" });
    t.same(l.handled, ["2 e "]);
    t.equal(toHex(l.nextBytes()), toHex(l.nextBytes()));
    t.equal(l.unseen, 1);
    t.equal(l.endpoint.counters.duplicates, 2);
    l.timers.advance(247_001);
    l.arrive({ code: POST, messageId: 7, token: TOKEN, path: "e" });
    t.equal(l.handled.length, 2, "after EXCHANGE_LIFETIME the id is free again");
  },
);

t.test(
  "given a slow handler, when the answer comes late, then it is separate and repeated until acknowledged",
  async (t) => {
    const l = new Lockstep();
    const late: Reply[] = [];
    l.endpoint.onRequest((_request, reply) => late.push(reply));
    l.arrive({ code: GET, messageId: 9, token: TOKEN, path: "s" });
    t.equal(l.unseen, 0);
    l.timers.advance(200);
    t.match(l.next(), { type: ACK, code: EMPTY, messageId: 9 });
    l.arrive({ code: GET, messageId: 9, token: TOKEN, path: "s" });
    t.match(l.next(), { type: ACK, code: EMPTY, messageId: 9 }, "a repetition is acknowledged again");
    late[0]?.(CONTENT, HELLO);
    const response = l.next();
    t.match(response, { type: CON, code: CONTENT, token: TOKEN });
    l.timers.advance(3000);
    t.same(l.next(), response);
    l.arrive({ type: ACK, code: EMPTY, messageId: response.messageId });
    l.timers.advance(300_000);
    t.equal(l.unseen, 0);
    t.equal(l.timers.pending, 0);
    t.equal(late.length, 1);
  },
);

t.test(
  "given a NON request, when it is answered, then by one NON of its own id; a repetition is ignored",
  async (t) => {
    const l = server();
    l.arrive({ type: NON, code: GET, messageId: 3, token: TOKEN, path: "s" });
    l.arrive({ type: NON, code: GET, messageId: 3, token: TOKEN, path: "s" });
    t.match(l.next(), { type: NON, code: CONTENT, token: TOKEN });
    t.equal(l.unseen, 0);
    t.equal(l.handled.length, 1);
  },
);

t.test("given a ping, when it arrives, then it is reset without remembering the peer", async (t) => {
  const l = server();
  l.arriveBytes(fromHex("40 00 00ff"));
  t.equal(toHex(l.nextBytes()), "700000ff");
  t.equal(l.peers.find("peer", 5683), undefined);
  t.match(l.endpoint.counters, { malformed: 0, unexpected: 0 });
  t.match(RST, 3);
});
