import t from "tap";
import {
  ACK,
  CHANGED,
  CON,
  CONTENT,
  EMPTY,
  GET,
  NON,
  POST,
  RST,
  UNAUTHORIZED,
} from "../../coap-api/coap/codes.js";
import type { Message } from "../../coap-api/coap/message.js";
import type { EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { fromHex, Lockstep, toHex } from "../kit/lockstep-peer.js";

const HELLO = utf8Bytes("hello");
const NOTHING = new Uint8Array(0);

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

t.test("given a request of ours under way, when strangers flood, then it is not given up", async (t) => {
  const { l, outcomes, sent } = client({ maxPeers: 2 });
  l.endpoint.onRequest((_request, reply) => reply(CHANGED, NOTHING));
  for (let i = 0; i < 100; i++) l.arrive({ code: POST, messageId: 1, path: "e" }, `forged-${i}`);
  l.arrive({ type: ACK, code: CHANGED, messageId: sent.messageId, token: sent.token });
  t.same(outcomes, ["68 "]);
});

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
