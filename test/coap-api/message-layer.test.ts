import t from "tap";
import {
  ACK,
  BAD_OPTION,
  BAD_REQUEST,
  CHANGED,
  CON,
  CONTENT,
  EMPTY,
  GET,
  INTERNAL_SERVER_ERROR,
  NON,
  NOT_FOUND,
  POST,
  PROXYING_NOT_SUPPORTED,
  RST,
  SERVICE_UNAVAILABLE,
  UNAUTHORIZED,
} from "../../coap-api/coap/codes.js";
import type { Reply } from "../../coap-api/endpoint/request-server.js";
import type { EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { WireFault } from "../../coap-api/wire-fault.js";
import { fromHex, Lockstep, toHex } from "../kit/lockstep-peer.js";

const TOKEN = fromHex("a1b2");
const HELLO = utf8Bytes("hello");
const NOTHING = new Uint8Array(0);

/** An endpoint that answers at once. */
function server(settings: Partial<EndpointSettings> = {}): Lockstep {
  const lockstep = new Lockstep(settings);
  lockstep.endpoint.onRequest((request, reply) => {
    lockstep.handled.push(`${request.code} ${request.path}`);
    if (request.code === GET) reply(CONTENT, HELLO, { observable: true });
    else reply(CHANGED, NOTHING);
  });
  return lockstep;
}

/** An endpoint whose answers wait for the test. */
function slowServer(settings: Partial<EndpointSettings> = {}): { l: Lockstep; late: Reply[] } {
  const l = new Lockstep(settings);
  const late: Reply[] = [];
  l.endpoint.onRequest((request, reply) => {
    l.handled.push(`${request.code} ${request.path}`);
    late.push(reply);
  });
  return { l, late };
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
    t.same(l.handled, ["2 e"]);
    t.equal(toHex(l.nextBytes()), toHex(l.nextBytes()));
    t.equal(l.unseen, 1);
    t.equal(l.endpoint.counters.duplicates, 2);
    l.timers.advance(247_001);
    l.arrive({ code: POST, messageId: 7, token: TOKEN, path: "e" });
    t.equal(l.handled.length, 2, "after EXCHANGE_LIFETIME the id is free again");
  },
);

t.test(
  "given the same message id, when from another host, port or start of the peer, then it is another message",
  async (t) => {
    const l = server();
    const request = { code: POST, messageId: 7, token: TOKEN, path: "e" };
    l.arrive(request);
    l.arrive(request, "other");
    l.arrive(request, "peer", 5684);
    l.arrive({ ...request, token: fromHex("ffff") });
    t.equal(l.handled.length, 4);
    t.equal(l.unseen, 4);
  },
);

t.test(
  "given more messages than are remembered, when old ones come again, then memory stays bounded and new ones count",
  async (t) => {
    const l = server({ duplicatesPerPeer: 4 });
    for (let messageId = 0; messageId < 1000; messageId++)
      l.arrive({ code: POST, messageId, token: TOKEN, path: "e" });
    t.equal(l.peers.find("peer", 5683)?.seen.keys.length, 4);
    for (let messageId = 996; messageId < 1000; messageId++)
      l.arrive({ code: POST, messageId, token: TOKEN, path: "e" });
    t.equal(l.handled.length, 1000);
  },
);

t.test(
  "given a slow handler, when the answer comes late, then it is separate and repeated until acknowledged",
  async (t) => {
    const { l, late } = slowServer();
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
    late[0]?.(CHANGED, NOTHING);
    t.equal(l.unseen, 0, "only the first answer counts");
  },
);

t.test(
  "given a slow handler, when the request is repeated before any answer, then it is still carried out once",
  async (t) => {
    const { l, late } = slowServer({ ackDelayMs: 5000 });
    for (let i = 0; i < 3; i++) l.arrive({ code: POST, messageId: 9, token: TOKEN, path: "e" });
    t.equal(late.length, 1);
    late[0]?.(CHANGED, NOTHING);
    t.match(l.next(), { type: ACK, code: CHANGED, messageId: 9, token: TOKEN });
    t.equal(l.timers.pending, 0);
  },
);

t.test("given a separate response, when it is never acknowledged or reset, then it ends", async (t) => {
  for (const reset of [true, false]) {
    const { l, late } = slowServer();
    l.arrive({ code: GET, messageId: 9, token: TOKEN, path: "s" });
    l.timers.advance(200);
    l.next();
    late[0]?.(CONTENT, HELLO);
    const { messageId } = l.next();
    if (reset) l.arrive({ type: RST, code: EMPTY, messageId });
    l.timers.advance(300_000);
    t.equal(l.unseen, reset ? 0 : 4);
    t.equal(l.timers.pending, 0);
  }
});

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
});

t.test(
  "given garbage, when it arrives, then confirmable garbage is reset, the rest ignored, all counted, nothing remembered",
  async (t) => {
    const garbage: readonly (readonly [hex: string, answer: string])[] = [
      ["", ""],
      ["40", ""],
      ["00000000", ""],
      ["c0010001", ""],
      ["49010001", "70000001"],
      ["40010002ff", "70000002"],
      ["50010002ff", ""],
      ["60450002ff", ""],
      ["70000002ff", ""],
      ["40000003aa", "70000003"],
      ["50000004", ""],
      ["40200005", "70000005"],
      ["50200005", ""],
      ["40c00006", "70000006"],
      ["40e00007", "70000007"],
      ["40450008", "70000008"],
      ["50450009", ""],
      ["6045000a", ""],
      ["6001000b", ""],
      ["6020000b", ""],
      ["7001000c", ""],
      ["6000000d", ""],
      ["7000000e", ""],
    ];
    for (const [hex, answer] of garbage) {
      const l = server();
      l.arriveBytes(fromHex(hex));
      t.equal(l.unseen === 0 ? "" : toHex(l.nextBytes()), answer, hex || "an empty datagram");
      t.equal(l.unseen, 0);
      t.equal(l.peers.find("peer", 5683), undefined, "no state");
      t.equal(l.endpoint.counters.malformed + l.endpoint.counters.unexpected, 1, "counted");
      t.equal(l.handled.length, 0);
    }
  },
);

t.test("given a datagram from port 0, when it arrives, then nothing is sent there", async (t) => {
  const l = server();
  l.arrive({ code: GET, messageId: 1, path: "s" }, "peer", 0);
  l.arriveBytes(fromHex("40010002ff"), "peer", 0);
  t.equal(l.unseen, 0);
  t.equal(l.endpoint.counters.malformed, 2);
});

t.test(
  "given unknown critical options, when confirmable, then 4.02 or 5.05; when not, then silence",
  async (t) => {
    const l = server();
    l.arriveBytes(fromHex("40010001 91 aa"));
    t.match(l.next(), { type: ACK, code: BAD_OPTION, messageId: 1 });
    l.arriveBytes(fromHex("40010002 d3 16 616263"));
    t.match(l.next(), { code: PROXYING_NOT_SUPPORTED });
    l.arriveBytes(fromHex("40010003 d3 1a 616263"));
    t.match(l.next(), { code: PROXYING_NOT_SUPPORTED });
    l.arriveBytes(fromHex("50010004 91 aa"));
    t.equal(l.unseen, 0);
    t.equal(l.handled.length, 0);
    t.equal(l.endpoint.counters.malformed, 4);
  },
);

t.test(
  "given a handler that throws, when a request arrives, then it is answered and the endpoint goes on",
  async (t) => {
    const l = new Lockstep();
    const faults: unknown[] = [];
    l.endpoint.onFault((fault) => faults.push(fault));
    const thrown = [new WireFault("truncated", 3), new RangeError("a defect"), "text"];
    l.endpoint.onRequest(() => {
      throw thrown.shift();
    });
    for (const code of [BAD_REQUEST, INTERNAL_SERVER_ERROR, INTERNAL_SERVER_ERROR]) {
      l.arrive({ code: POST, messageId: code, token: Uint8Array.of(thrown.length), path: "e" });
      t.match(l.next(), { code });
    }
    t.match(faults, [/a defect/, "text"]);
    t.match(l.endpoint.counters, { malformed: 1, faults: 2 });
  },
);

t.test(
  "given a handler that waits, when a peer sends more than are remembered, then it gets 5.03 and nothing is lost",
  async (t) => {
    const { l, late } = slowServer({ duplicatesPerPeer: 4, ackDelayMs: 10_000 });
    for (let messageId = 0; messageId < 6; messageId++)
      l.arrive({ code: POST, messageId, token: TOKEN, path: "e" });
    t.equal(late.length, 4);
    t.match(l.next(), { code: SERVICE_UNAVAILABLE, messageId: 4, maxAge: 1 });
    t.match(l.next(), { code: SERVICE_UNAVAILABLE, messageId: 5 });
    l.arrive({ code: POST, messageId: 0, token: TOKEN, path: "e" });
    t.equal(late.length, 4, "those under way are still known");
    for (const reply of late.splice(0)) reply(CHANGED, NOTHING);
    l.arrive({ code: POST, messageId: 4, token: TOKEN, path: "e" });
    t.equal(late.length, 1, "the refused one may come again");
    t.equal(l.endpoint.counters.refused, 2);
  },
);

t.test(
  "given a request that is still carried out, when many others follow, then it is not forgotten",
  async (t) => {
    const { l, late } = slowServer({ duplicatesPerPeer: 4, ackDelayMs: 10_000 });
    const slow = { code: POST, messageId: 1, token: TOKEN, path: "e" };
    l.arrive(slow);
    for (let messageId = 2; messageId < 20; messageId++) {
      l.arrive({ code: POST, messageId, token: TOKEN, path: "e" });
      late.pop()?.(CHANGED, NOTHING);
    }
    const handled = l.handled.length;
    l.arrive(slow);
    t.equal(l.handled.length, handled);
  },
);

t.test(
  "given a flood from forged addresses, when a real peer is known, then it stays known and memory stays bounded",
  async (t) => {
    const l = server({ maxPeers: 4 });
    l.endpoint.request("gateway", 5683, { code: GET, path: "s" }, () => {});
    const { messageId, token } = l.next();
    l.arrive({ type: ACK, code: CONTENT, messageId, token }, "gateway");
    l.arrive({ code: POST, messageId: 1, token: TOKEN, path: "e" }, "gateway");
    for (let i = 0; i < 1000; i++)
      l.arrive({ code: POST, messageId: 1, token: TOKEN, path: "e" }, `forged-${i}`);
    const handled = l.handled.length;
    l.arrive({ code: POST, messageId: 1, token: TOKEN, path: "e" }, "gateway");
    t.equal(l.handled.length, handled, "its messages are still known");
    let peers = 0;
    l.peers.each(() => peers++);
    t.equal(peers, 4);
    t.equal(l.endpoint.counters.evictedPeers, 997);
  },
);

t.test(
  "given addresses that must be proved, when a stranger asks for much, then it is challenged first",
  async (t) => {
    const l = new Lockstep({ verifyPeers: true });
    const large = new Uint8Array(200).fill(1);
    l.endpoint.onRequest((request, reply) => {
      l.handled.push(request.path);
      reply(CONTENT, request.path === "s" ? large : NOTHING, { observable: true });
    });
    l.arrive({ code: GET, messageId: 1, token: TOKEN, path: "s" });
    const challenge = l.next();
    t.match(challenge, { type: ACK, code: UNAUTHORIZED, messageId: 1, token: TOKEN });
    t.equal(challenge.echo.length, 8);
    t.equal(challenge.payload.length, 0);
    l.arrive({ code: GET, messageId: 2, token: TOKEN, path: "s", echo: fromHex("0000000000000000") });
    t.match(l.next(), { code: UNAUTHORIZED }, "a guess does not help");
    l.arrive({ code: GET, messageId: 3, token: TOKEN, path: "small" });
    t.match(l.next(), { code: CONTENT }, "small answers need no proof");
    l.arrive({ code: GET, messageId: 4, token: TOKEN, path: "small", observe: 0 });
    t.match(l.next(), { code: UNAUTHORIZED }, "a stranger may not subscribe somebody else");
    l.arrive({ code: GET, messageId: 5, token: TOKEN, path: "s", echo: challenge.echo });
    t.match(l.next(), { code: CONTENT, payload: large });
    l.arrive({ code: GET, messageId: 6, token: TOKEN, path: "s" });
    t.match(l.next(), { code: CONTENT, payload: large }, "proved once and for all");
    t.equal(l.endpoint.counters.challenged, 3);
  },
);

t.test(
  "given addresses that must be proved, when a stranger changes something, then it is done once and answered in small parts",
  async (t) => {
    const l = new Lockstep({ verifyPeers: true });
    l.endpoint.onRequest((request, reply) => {
      l.handled.push(request.path);
      reply(CHANGED, new Uint8Array(200).fill(1));
    });
    const request = { code: POST, messageId: 1, token: TOKEN, path: "e", payload: new Uint8Array(10) };
    l.arrive(request);
    const answer = l.nextBytes();
    t.ok(answer.length <= 3 * 19, `${answer.length} bytes for 19`);
    l.arrive({ code: POST, messageId: 2, token: TOKEN, path: "e", block2: (1 << 4) | 0 });
    t.match(l.next(), { code: CHANGED });
    t.same(l.handled, ["e"]);
  },
);

t.test("given no handler, when a request arrives, then it is 4.04", async (t) => {
  const l = new Lockstep();
  l.arrive({ code: GET, messageId: 1, path: "s" });
  t.match(l.next(), { code: NOT_FOUND });
});

t.test(
  "given a callback that throws, when a response arrives, then the endpoint goes on with the next request",
  async (t) => {
    const l = new Lockstep();
    const ended: string[] = [];
    l.endpoint.request("peer", 5683, { code: GET, path: "a" }, () => {
      throw new Error("a defect");
    });
    l.endpoint.request("peer", 5683, { code: GET, path: "b" }, () => ended.push("b"));
    for (let i = 0; i < 2; i++) {
      const { messageId, token } = l.next();
      l.arrive({ type: ACK, code: CONTENT, messageId, token });
    }
    t.same(ended, ["b"]);
    t.equal(l.endpoint.counters.faults, 1);
  },
);

t.test(
  "given a short way for posts to one path, when such a post comes twice, then it is carried out once and answered alike",
  async (t) => {
    const l = server();
    const taken: string[] = [];
    l.endpoint.onQuickPost("e", (datagram, from) => {
      taken.push(Buffer.from(datagram.subarray(from)).toString());
      return taken.length > 1 ? 0 : CHANGED;
    });
    for (const messageId of [7, 7, 8])
      l.arrive({ code: POST, messageId, token: TOKEN, path: "e", payload: HELLO });
    const answers = [l.next(), l.next(), l.next()];
    t.same(taken, ["hello", "hello"], "a repetition is not carried out");
    t.same(
      answers.map(({ type, code, messageId }) => [type, code, messageId]),
      [
        [ACK, CHANGED, 7],
        [ACK, CHANGED, 7],
        [ACK, CHANGED, 8],
      ],
    );
    t.same(l.handled, [`${POST} e`], "what the short way does not take goes the usual way");
    t.equal(l.endpoint.counters.duplicates, 1);
  },
);

t.test(
  "given a peer that is abandoned or an endpoint that is closed, when requests wait, then each ends and no timer is left",
  async (t) => {
    for (const how of ["abandon", "close"] as const) {
      const { l, late } = slowServer();
      const ended: string[] = [];
      for (let i = 0; i < 3; i++)
        l.endpoint.request("peer", 5683, { code: GET, path: "s" }, (_r, failure) => ended.push(`${failure}`));
      l.arrive({ code: GET, messageId: 9, token: TOKEN, path: "s" });
      l.arrive({ code: GET, messageId: 10, token: TOKEN, path: "t" }, "other");
      l.timers.advance(200);
      late[0]?.(CONTENT, HELLO);
      if (how === "abandon") l.endpoint.abandon("peer", 5683);
      else l.endpoint.close();
      t.same(ended, ["closed", "closed", "closed"]);
      t.equal(l.timers.pending, 0, how);
      if (how === "abandon") continue;
      const before = l.unseen;
      late[1]?.(CONTENT, HELLO);
      l.arrive({ code: GET, messageId: 11, path: "s" });
      t.equal(l.unseen, before, "a closed endpoint is silent");
      l.endpoint.request("peer", 5683, { code: GET, path: "s" }, (_r, failure) => ended.push(`${failure}`));
      t.equal(ended.length, 4);
    }
  },
);
