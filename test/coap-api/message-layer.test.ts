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
import type { Message } from "../../coap-api/coap/message.js";
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

/** An endpoint that sent a request; `outcomes` collects how it ended. */
function client(
  settings: Partial<EndpointSettings> = {},
  parts = {},
): { l: Lockstep; outcomes: string[]; sent: Message } {
  const l = new Lockstep(settings);
  const outcomes: string[] = [];
  l.endpoint.request(
    "peer",
    5683,
    { code: POST, path: "e", payload: HELLO, ...parts },
    (response, failure) => {
      outcomes.push(failure ?? `${response?.code} ${toHex(response?.payload ?? NOTHING)}`);
    },
  );
  return { l, outcomes, sent: l.next() };
}

/** Runs the endpoint on and lists when it sends the message again, milliseconds. */
function repetitions(l: Lockstep, untilMs: number): number[] {
  const times: number[] = [];
  while (l.timers.nowMs() < untilMs) {
    l.timers.advance(1);
    for (; l.unseen > 0; l.next()) times.push(l.timers.nowMs());
  }
  return times;
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
  "given a confirmable request of ours, when nobody answers, then it is repeated at the times of RFC 7252",
  async (t) => {
    const { l, outcomes } = client({ ackRandomFactor: 1 });
    t.same(repetitions(l, 61_999), [2000, 6000, 14_000, 30_000]);
    t.same(outcomes, []);
    t.same(repetitions(l, 62_000), []);
    t.same(outcomes, ["timeout"], "2 + 4 + 8 + 16 + 32 seconds");
    t.match(l.endpoint.counters, { retransmissions: 4, timeouts: 1 });
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given a request without an answer, when it is to be repeated at once, then it is, under its id, and then at the usual times",
  async (t) => {
    const { l, sent, outcomes } = client({ ackRandomFactor: 1 });
    t.same(repetitions(l, 10_000), [2_000, 6_000]);
    l.endpoint.repeatRequest("peer", 5683);
    t.match(l.next(), { type: CON, messageId: sent.messageId, token: sent.token });
    t.same(repetitions(l, 20_000), [12_000, 16_000]);
    l.arrive({ type: ACK, code: EMPTY, messageId: sent.messageId });
    l.endpoint.repeatRequest("peer", 5683);
    l.endpoint.repeatRequest("other", 5683);
    t.equal(l.unseen, 0, "the peer has it");
    l.endpoint.abandonRequests("peer", 5683);
    t.same(outcomes, ["closed"]);
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given the random factor, when many requests are sent, then the first repetition comes after 2 to 3 seconds",
  async (t) => {
    const first: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const l = new Lockstep({ maxRetransmit: 1 }, seed);
      l.endpoint.request("peer", 5683, { code: GET, path: "s" }, () => {});
      l.next();
      const [time = 0] = repetitions(l, 4000);
      first.push(time);
    }
    t.ok(
      first.every((time) => time >= 2000 && time <= 3000),
      first.join(" "),
    );
    t.ok(Math.max(...first) - Math.min(...first) > 500, "they are spread");
  },
);

t.test("given a bounded pause, when nobody answers, then repetitions come no more seldom", async (t) => {
  const { l } = client({ ackRandomFactor: 1, maxTimeoutMs: 5000 });
  t.same(repetitions(l, 40_000), [2000, 6000, 11_000, 16_000]);
  t.equal(l.peers.find("peer", 5683)?.repetitions, 4);
});

t.test(
  "given a request of ours, when the response is piggybacked, then it ends with it; stray ones change nothing",
  async (t) => {
    const { l, outcomes, sent } = client();
    const { messageId, token } = sent;
    l.arrive({ type: ACK, code: CHANGED, messageId: messageId ^ 1, token });
    l.arrive({ type: ACK, code: CHANGED, messageId, token: fromHex("0000") });
    l.arrive({ type: ACK, code: CHANGED, messageId, token }, "other");
    t.same(outcomes, []);
    t.equal(l.endpoint.counters.unexpected, 3);
    l.arrive({ type: ACK, code: CHANGED, messageId, token });
    t.same(outcomes, ["68 "]);
    l.arrive({ type: ACK, code: CHANGED, messageId, token });
    t.equal(outcomes.length, 1);
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given a request of ours, when a 2.04 has another form than usual, then it counts for what it is",
  async (t) => {
    const { l, outcomes, sent } = client();
    const { messageId, token } = sent;
    for (const strange of [Uint8Array.of(...token, 0), token.subarray(1), NOTHING])
      l.arrive({ type: ACK, code: CHANGED, messageId, token: strange });
    t.same(outcomes, []);
    t.equal(l.endpoint.counters.unexpected, 3);
    l.arriveBytes(Uint8Array.of(0x62, CHANGED, messageId >> 8, messageId & 0xff, token[0] ?? 0));
    t.equal(l.endpoint.counters.malformed, 1, "its token is cut");
    l.arrive({ type: ACK, code: CHANGED, messageId, token, payload: HELLO });
    t.same(outcomes, ["68 68656c6c6f"]);
    const separate = client();
    separate.l.arrive({
      type: CON,
      code: CHANGED,
      messageId: separate.sent.messageId,
      token: separate.sent.token,
    });
    t.same(separate.outcomes, ["68 "]);
    t.match(separate.l.next(), { type: ACK, code: EMPTY });
  },
);

t.test(
  "given a request of ours, when it is acknowledged, then it is not repeated and the response must come in time",
  async (t) => {
    const { l, outcomes, sent } = client();
    l.arrive({ type: ACK, code: EMPTY, messageId: sent.messageId });
    t.same(repetitions(l, 29_999), []);
    t.same(outcomes, []);
    l.timers.advance(1);
    t.same(outcomes, ["timeout"]);
    l.arrive({ type: CON, code: CHANGED, messageId: 5, token: sent.token });
    t.match(l.next(), { type: RST, code: EMPTY, messageId: 5 }, "nobody waits for it any more");
  },
);

t.test(
  "given a separate response, when it arrives twice, then it is acknowledged twice and taken once",
  async (t) => {
    const { l, outcomes, sent } = client();
    l.arrive({ type: ACK, code: EMPTY, messageId: sent.messageId });
    for (let i = 0; i < 2; i++) {
      l.arrive({ type: CON, code: CONTENT, messageId: 77, token: sent.token, payload: HELLO });
      t.match(l.next(), { type: ACK, code: EMPTY, messageId: 77 });
    }
    t.same(outcomes, ["69 68656c6c6f"]);
    t.equal(l.endpoint.counters.duplicates, 1);
    t.equal(l.timers.pending, 0);
  },
);

t.test(
  "given a separate response, when it overtakes its acknowledgement or is a NON, then it is taken",
  async (t) => {
    for (const type of [CON, NON]) {
      const { l, outcomes, sent } = client();
      l.arrive({ type, code: CONTENT, messageId: 77, token: sent.token, payload: HELLO });
      t.equal(l.unseen, type === CON ? 1 : 0);
      t.same(outcomes, ["69 68656c6c6f"]);
      l.arrive({ type: ACK, code: EMPTY, messageId: sent.messageId });
      t.equal(l.timers.pending, 0);
    }
  },
);

t.test("given a response with an unknown critical option, when it arrives, then it is refused", async (t) => {
  const { l, outcomes, sent } = client();
  const header = (type: string) => `${type}2 45 0050 ${toHex(sent.token)} 91 aa`;
  l.arriveBytes(fromHex(header("4")));
  t.match(l.next(), { type: RST, messageId: 0x50 });
  t.same(outcomes, ["malformed"]);
  t.equal(l.timers.pending, 0);
});

t.test("given a request of ours, when it is reset, then it ends so", async (t) => {
  const { l, outcomes, sent } = client();
  l.arrive({ type: RST, code: EMPTY, messageId: sent.messageId });
  t.same(outcomes, ["reset"]);
  t.equal(l.timers.pending, 0);
});

t.test(
  "given a NON request of ours, when sent, then once; its response is taken, or it ends in time",
  async (t) => {
    const { l, outcomes, sent } = client({}, { nonConfirmable: true });
    t.equal(sent.type, NON);
    l.arrive({ type: ACK, code: CHANGED, messageId: sent.messageId, token: sent.token });
    t.same(outcomes, [], "nobody acknowledges a NON");
    l.arrive({ type: NON, code: CHANGED, messageId: 4, token: sent.token });
    t.same(outcomes, ["68 "]);
    const other = client({}, { nonConfirmable: true });
    t.same(repetitions(other.l, 30_000), []);
    t.same(other.outcomes, ["timeout"]);
  },
);

t.test(
  "given several requests to one peer, when sent, then one is under way at a time (NSTART) and too many are refused",
  async (t) => {
    const l = new Lockstep({ queueCapacity: 2 });
    const ended: string[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      l.endpoint.request("peer", 5683, { code: GET, path: name }, (response, failure) =>
        ended.push(`${name} ${failure ?? response?.code}`),
      );
    }
    l.endpoint.request("other", 5683, { code: GET, path: "x" }, () => {});
    t.same(ended, ["d refused"]);
    t.equal(l.unseen, 2, "one to each peer");
    for (const name of ["a", "x", "b", "c"]) {
      const to = l.nextAddress().split(":")[0] ?? "";
      const { messageId, token, path } = l.next();
      t.equal(path, name);
      l.arrive({ type: ACK, code: CONTENT, messageId, token }, to);
    }
    t.same(ended, ["d refused", "a 69", "b 69", "c 69"]);
    t.match(l.endpoint.counters, { refused: 1 });
  },
);

t.test("given requests in a row, when sent, then message ids and tokens are new each time", async (t) => {
  const l = new Lockstep();
  const ids = new Set<number>();
  const tokens = new Set<string>();
  for (let i = 0; i < 50; i++) {
    l.endpoint.request("peer", 5683, { code: GET, path: "s" }, () => {});
    const { messageId, token } = l.next();
    ids.add(messageId);
    tokens.add(toHex(token));
    l.arrive({ type: ACK, code: CONTENT, messageId, token });
  }
  t.equal(ids.size, 50);
  t.ok(tokens.size > 45, "random tokens");
});

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

t.test("given a request of ours under way, when strangers flood, then it is not given up", async (t) => {
  const { l, outcomes, sent } = client({ maxPeers: 2 });
  l.endpoint.onRequest((_request, reply) => reply(CHANGED, NOTHING));
  for (let i = 0; i < 100; i++) l.arrive({ code: POST, messageId: 1, path: "e" }, `forged-${i}`);
  l.arrive({ type: ACK, code: CHANGED, messageId: sent.messageId, token: sent.token });
  t.same(outcomes, ["68 "]);
});

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

t.test(
  "given a server that wants proof, when our request is challenged, then it is sent again with the proof, once",
  async (t) => {
    const { l, outcomes, sent } = client();
    l.arrive({
      type: ACK,
      code: UNAUTHORIZED,
      messageId: sent.messageId,
      token: sent.token,
      echo: fromHex("0102"),
    });
    const again = l.next();
    t.match(again, { code: POST, path: "e", payload: HELLO, echo: fromHex("0102") });
    t.not(again.messageId, sent.messageId);
    l.arrive({
      type: ACK,
      code: UNAUTHORIZED,
      messageId: again.messageId,
      token: again.token,
      echo: fromHex("0304"),
    });
    t.same(outcomes, ["129 "], "a second challenge is the answer");
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
