import t from "tap";
import { blockExponent, blockMore, blockNumber, blockValue } from "../../coap-api/block/block-option.js";
import {
  ACK,
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CONTINUE,
  GET,
  POST,
  PUT,
  REQUEST_ENTITY_INCOMPLETE,
  REQUEST_ENTITY_TOO_LARGE,
} from "../../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../../coap-api/coap/message.js";
import { Endpoint } from "../../coap-api/endpoint/endpoint.js";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../../coap-api/endpoint/small-peer-table.js";
import { fromHex, Lockstep, type Partly, toHex } from "../kit/lockstep-peer.js";
import { LossyNetwork, type NetworkConditions, PERFECT } from "../kit/lossy-network.js";
import { ManualTimers } from "../kit/manual-timers.js";
import { seededRandom } from "../kit/seeded-random.js";

const NOTHING = new Uint8Array(0);

/** A body of which each block is another one. */
function body(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** A server that keeps what is put and gives `content` to who asks. */
function server(settings: Partial<EndpointSettings> = {}, content: () => Uint8Array = () => body(600)) {
  const l = new Lockstep({ duplicatesPerPeer: 64, ...settings });
  const bodies: string[] = [];
  l.endpoint.onRequest((request, reply) => {
    bodies.push(toHex(request.payload));
    if (request.code === PUT) reply(CHANGED, NOTHING);
    else reply(request.code === GET ? CONTENT : CHANGED, content(), { contentFormat: 42 });
  });
  let messageId = 100;
  const ask = (parts: Partly): Message => {
    messageId++;
    l.arrive({ messageId, token: Uint8Array.of(messageId), ...parts });
    return l.next();
  };
  const put = (whole: Uint8Array, number: number, exponent = 4, parts: Partly = {}): Message => {
    const size = 16 << exponent;
    const payload = whole.subarray(number * size, (number + 1) * size);
    const block1 = blockValue(number, (number + 1) * size < whole.length, exponent);
    return ask({ code: PUT, path: "i", block1, payload, ...parts });
  };
  return { l, bodies, ask, put };
}

/** Two endpoints on one network. */
function pair(
  conditions: NetworkConditions,
  seed: number,
  clientSettings: Partial<EndpointSettings> = {},
  serverSettings: Partial<EndpointSettings> = {},
) {
  const timers = new ManualTimers();
  const network = new LossyNetwork(timers, conditions, seed);
  const open = (address: string, settings: Partial<EndpointSettings>) => {
    const random = seededRandom(seed * 1000 + address.length);
    const all = { ...DEVICE_SETTINGS, duplicatesPerPeer: 32, ...settings };
    return new Endpoint(
      network.host(address),
      timers,
      (target) => random.fill(target),
      all,
      new SmallPeerTable(4),
    );
  };
  return {
    timers,
    network,
    client: open("client", clientSettings),
    server: open("a server", serverSettings),
  };
}

t.test(
  "given a large request body, when its blocks come in order, then it is handed over once and whole",
  async (t) => {
    const { bodies, put } = server();
    const whole = body(600);
    t.match(put(whole, 0), { code: CONTINUE, block1: blockValue(0, true, 4) });
    t.match(put(whole, 1), { code: CONTINUE, block1: blockValue(1, true, 4) });
    t.match(put(whole, 2), { code: CHANGED, block1: blockValue(2, false, 4) });
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given a body whose last block is full, when taken, then it is whole; a single block is one too",
  async (t) => {
    const { bodies, put } = server();
    put(body(512), 0);
    t.match(put(body(512), 1), { code: CHANGED });
    t.match(put(body(256), 0), { code: CHANGED });
    t.same(bodies, [toHex(body(512)), toHex(body(256))]);
  },
);

t.test(
  "given blocks larger than wanted, when the first arrives, then a smaller size is asked for and taken",
  async (t) => {
    const { bodies, put } = server({ blockExponent: 2 });
    const whole = body(600);
    const first = put(whole, 0, 4);
    t.match(first, { code: CONTINUE, block1: blockValue(0, true, 2) });
    for (let number = 4; number < 9; number++) t.match(put(whole, number, 2), { code: CONTINUE });
    t.match(put(whole, 9, 2), { code: CHANGED });
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given a peer that keeps to its larger blocks, when they come, then they are taken as they are",
  async (t) => {
    const { bodies, put } = server({ blockExponent: 2 });
    const whole = body(600);
    put(whole, 0, 4);
    t.match(put(whole, 1, 4), { code: CONTINUE, block1: blockValue(1, true, 4) });
    t.match(put(whole, 2, 4), { code: CHANGED, block1: blockValue(2, false, 4) });
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given blocks out of order, missing or without a beginning, when they arrive, then 4.08 and nothing is handed over",
  async (t) => {
    const { bodies, put } = server();
    const whole = body(1000);
    t.match(put(whole, 1), { code: REQUEST_ENTITY_INCOMPLETE }, "without a beginning");
    put(whole, 0);
    t.match(put(whole, 2), { code: REQUEST_ENTITY_INCOMPLETE }, "one is missing");
    t.match(put(whole, 3), { code: REQUEST_ENTITY_INCOMPLETE }, "the last one does not complete it");
    t.match(put(whole, 1), { code: CONTINUE }, "what came before still counts");
    t.match(put(whole, 2), { code: CONTINUE });
    t.match(put(whole, 3), { code: CHANGED });
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given a transfer that begins again, when the first block comes, then the former one is forgotten",
  async (t) => {
    const { bodies, put } = server();
    put(body(600), 0);
    put(body(600), 1);
    const other = new Uint8Array(300).fill(7);
    t.match(put(other, 0), { code: CONTINUE });
    t.match(put(other, 1), { code: CHANGED });
    t.same(bodies, [toHex(other)]);
  },
);

t.test(
  "given the newest block once more under another message id, when it arrives, then it counts once",
  async (t) => {
    const { bodies, put } = server();
    const whole = body(600);
    for (const number of [0, 0, 1, 1]) t.match(put(whole, number), { code: CONTINUE });
    put(whole, 2);
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given bodies for two paths from one peer, when their blocks are mixed, then both arrive",
  async (t) => {
    const { bodies, put } = server();
    const [one, two] = [body(600), new Uint8Array(600).fill(9)];
    for (let number = 0; number < 3; number++) {
      put(one, number, 4, { path: "i/1" });
      put(two, number, 4, { path: "i/2" });
    }
    t.same(bodies, [toHex(one), toHex(two)]);
  },
);

t.test(
  "given many bodies that were taken, when two more are mixed, then there is room for both",
  async (t) => {
    const { bodies, put } = server({ maxHeldBytes: 4000 });
    for (let round = 0; round < 20; round++) for (const number of [0, 1, 2]) put(body(600), number);
    for (const number of [0, 1, 2]) for (const path of ["i/1", "i/2"]) put(body(600), number, 4, { path });
    t.equal(bodies.length, 22);
  },
);

t.test(
  "given an answer that is fetched, when the next request to the same path is sent in blocks, then both go on",
  async (t) => {
    const { ask, bodies } = server({}, () => body(700));
    const post = (number: number, more: boolean) =>
      ask({ code: POST, path: "f", block1: blockValue(number, more, 4), payload: body(more ? 256 : 10) });
    const first = ask({ code: POST, path: "f", payload: body(3) });
    t.match(ask({ code: POST, path: "f", block1: blockValue(0, true, 4), payload: body(9) }), {
      code: BAD_REQUEST,
    });
    t.match(post(0, true), { code: CONTINUE });
    t.match(ask({ code: POST, path: "f", block2: blockValue(1, false, 4) }), {
      code: CHANGED,
      etag: first.etag,
    });
    t.match(post(1, false), { code: CHANGED, block2: blockValue(0, true, 4) });
    t.same(bodies, [toHex(body(3)), toHex(body(256)) + toHex(body(10))]);
  },
);

t.test("given blocks of a wrong form, when they arrive, then 4.00", async (t) => {
  const { ask, put } = server();
  t.match(
    ask({ code: PUT, path: "i", block1: 7, payload: body(16) }),
    { code: BAD_REQUEST, block1: ABSENT },
    "size exponent 7",
  );
  t.match(
    ask({ code: PUT, path: "i", block1: blockValue(0, true, 4), payload: body(255) }),
    { code: BAD_REQUEST },
    "too short",
  );
  t.match(
    ask({ code: PUT, path: "i", block1: blockValue(0, false, 0), payload: body(17) }),
    { code: BAD_REQUEST },
    "too long",
  );
  t.match(ask({ code: GET, path: "s", block2: 7 }), { code: BAD_REQUEST });
  t.match(
    ask({ code: GET, path: "s", block2: blockValue(99, false, 4) }),
    { code: BAD_REQUEST },
    "behind the end",
  );
  t.match(put(body(300), 0), { code: CONTINUE }, "the endpoint goes on");
});

t.test(
  "given a body that is too large, when announced, sent in blocks or at once, then 4.13 with the limit and no memory",
  async (t) => {
    const { l, put, ask, bodies } = server({ maxBodyBytes: 500 });
    t.match(
      put(body(2000), 0, 4, { size1: 2000 }),
      { code: REQUEST_ENTITY_TOO_LARGE, size1: 500 },
      "announced",
    );
    put(body(2000), 0);
    t.match(put(body(2000), 1), { code: REQUEST_ENTITY_TOO_LARGE, size1: 500 }, "without a word");
    t.match(
      ask({ code: PUT, path: "i", payload: body(501) }),
      { code: REQUEST_ENTITY_TOO_LARGE, size1: 500 },
      "in one message",
    );
    t.match(ask({ code: PUT, path: "i", block1: blockValue(0xfffff, false, 6), payload: body(10) }), {
      code: REQUEST_ENTITY_INCOMPLETE,
    });
    t.same(l.peers.find("peer", 5683)?.bodies, []);
    t.same(bodies, []);
  },
);

t.test("given a limit for each path, when bodies arrive, then it holds", async (t) => {
  const { l, put } = server();
  l.endpoint.onBodyLimit(({ path }) => (path === "i" ? 300 : 100_000));
  t.match(put(body(2000), 0, 4, { size1: 2000 }), { code: REQUEST_ENTITY_TOO_LARGE, size1: 300 });
  t.match(put(body(2000), 0, 4, { size1: 2000, path: "y" }), { code: CONTINUE });
});

t.test(
  "given a peer that announces a large body, when little of it comes, then little is kept for it",
  async (t) => {
    const { l, put, bodies } = server();
    l.endpoint.onBodyLimit(() => 1_000_000);
    const whole = body(40_000);
    const kept = () => l.peers.find("peer", 5683)?.bodies.map(({ room }) => room);
    put(whole, 0, 6, { size1: 900_000 });
    t.same(kept(), [16_384]);
    put(whole, 0, 6, { size1: whole.length });
    for (let number = 1; number < 20; number++) put(whole, number, 6);
    t.same(kept(), [2 * 17 * 1024]);
    for (let number = 20; number * 1024 < whole.length; number++) put(whole, number, 6);
    t.same(bodies, [toHex(whole)]);
  },
);

t.test(
  "given many unfinished bodies from forged addresses, when memory is full, then the stalest make room",
  async (t) => {
    const l = new Lockstep({ maxPeers: 1000, maxHeldBytes: 10_000, maxBodyBytes: 4000 });
    l.endpoint.onRequest((_request, reply) => reply(CHANGED, NOTHING));
    for (let i = 0; i < 500; i++) {
      l.arrive(
        {
          code: PUT,
          messageId: 1,
          path: "i",
          block1: blockValue(0, true, 4),
          size1: 3000,
          payload: body(256),
        },
        `forged-${i}`,
      );
    }
    let held = 0;
    l.peers.each((peer) => {
      for (const { body: part } of peer.bodies) held += part.buffer.length;
    });
    t.ok(held > 0 && held <= 10_000, `${held} bytes`);
    l.timers.advance(248_000);
    l.arrive(
      { code: PUT, messageId: 1, path: "i", block1: blockValue(0, true, 4), payload: body(256) },
      "peer",
    );
    held = 0;
    l.peers.each((peer) => {
      held += peer.bodies.length;
    });
    t.equal(held, 1, "unfinished bodies do not live for ever");
  },
);

t.test(
  "given a large answer, when blocks of any size are asked for, then together they are the answer, with one tag",
  async (t) => {
    for (let exponent = 0; exponent <= 6; exponent++) {
      const whole = body(1500);
      const { bodies, ask } = server({ blockExponent: 6 }, () => whole);
      const parts: Uint8Array[] = [];
      const tags = new Set<string>();
      for (let number = 0, more = true; more; number++) {
        const answer = ask({ code: GET, path: "s", block2: blockValue(number, false, exponent) });
        t.equal(blockNumber(answer.block2), number);
        t.equal(blockExponent(answer.block2), exponent);
        t.equal(answer.contentFormat, 42);
        t.equal(answer.size2, number === 0 ? 1500 : ABSENT);
        tags.add(toHex(answer.etag));
        parts.push(answer.payload);
        more = blockMore(answer.block2);
      }
      t.equal(toHex(Buffer.concat(parts)), toHex(whole));
      t.equal(tags.size, 1);
      t.equal(bodies.length, 1, "the handler ran once");
    }
  },
);

t.test(
  "given a large answer, when the request says nothing of blocks, then the first block comes in the server's size",
  async (t) => {
    const { ask } = server();
    t.match(ask({ code: GET, path: "s" }), {
      block2: blockValue(0, true, 4),
      size2: 600,
      payload: body(600).subarray(0, 256),
    });
    t.match(
      ask({ code: GET, path: "s", block2: blockValue(1, false, 6) }),
      { code: BAD_REQUEST },
      "1024 is behind the end",
    );
    t.match(
      ask({ code: GET, path: "s", block2: blockValue(8, false, 2) }),
      { block2: blockValue(8, true, 2) },
      "smaller is fine",
    );
  },
);

t.test(
  "given an answer of one block, when blocks are asked for, then it says that no more follow",
  async (t) => {
    const { ask } = server({}, () => body(100));
    const answer = ask({ code: GET, path: "s", block2: blockValue(0, false, 4) });
    t.match(answer, { block2: blockValue(0, false, 4), payload: body(100), size2: ABSENT });
    t.equal(answer.etag.length, 0);
  },
);

t.test(
  "given a representation that changes while it is fetched, when later blocks are asked for, then they are of the first one",
  async (t) => {
    let content = body(600);
    const { ask } = server({}, () => content);
    const first = ask({ code: GET, path: "s" });
    content = new Uint8Array(600).fill(1);
    const second = ask({ code: GET, path: "s", block2: blockValue(1, false, 4) });
    t.same(second.payload, body(600).subarray(256, 512));
    t.same(second.etag, first.etag);
    const anew = ask({ code: GET, path: "s" });
    t.notSame(anew.etag, first.etag, "a new transfer gets the new one");
  },
);

t.test(
  "given a request that is not safe, when later blocks of its forgotten answer are asked for, then it is not carried out again",
  async (t) => {
    const { l, ask, bodies } = server();
    t.match(ask({ code: POST, path: "f", payload: body(3) }), {
      code: CHANGED,
      block2: blockValue(0, true, 4),
    });
    t.match(ask({ code: POST, path: "f", block2: blockValue(1, false, 4) }), { code: CHANGED });
    l.timers.advance(248_000);
    t.match(ask({ code: POST, path: "f", block2: blockValue(2, false, 4) }), {
      code: REQUEST_ENTITY_INCOMPLETE,
    });
    t.equal(bodies.length, 1);
  },
);

t.test(
  "given a server that answers 4.13 with a smaller size, when our body is sent, then it begins again in that size",
  async (t) => {
    for (const length of [100, 600]) {
      const l = new Lockstep();
      const outcomes: (number | undefined)[] = [];
      const whole = body(length);
      l.endpoint.request("peer", 5683, { code: PUT, path: "i", payload: whole }, (response) =>
        outcomes.push(response?.code),
      );
      let { messageId, token } = l.next();
      l.arrive({
        type: ACK,
        code: REQUEST_ENTITY_TOO_LARGE,
        messageId,
        token,
        block1: blockValue(0, false, 1),
      });
      const parts: Uint8Array[] = [];
      for (let more = true; more; ) {
        const sent = l.next();
        ({ messageId, token } = sent);
        t.equal(blockExponent(sent.block1), 1);
        t.equal(blockNumber(sent.block1), parts.length);
        t.equal(sent.size1, parts.length === 0 ? length : ABSENT);
        parts.push(sent.payload);
        more = blockMore(sent.block1);
        l.arrive({ type: ACK, code: more ? CONTINUE : CHANGED, messageId, token, block1: sent.block1 });
      }
      t.equal(toHex(Buffer.concat(parts)), toHex(whole));
      t.same(outcomes, [CHANGED]);
    }
  },
);

t.test("given a server that is full, when our body is sent, then its 4.13 is the answer", async (t) => {
  const l = new Lockstep();
  const outcomes: (number | undefined)[] = [];
  l.endpoint.request("peer", 5683, { code: PUT, path: "i", payload: body(600) }, (response) =>
    outcomes.push(response?.size1),
  );
  const { messageId, token, block1 } = l.next();
  l.arrive({ type: ACK, code: REQUEST_ENTITY_TOO_LARGE, messageId, token, block1, size1: 400 });
  t.same(outcomes, [400]);
  t.equal(l.timers.pending, 0);
});

t.test(
  "given a server that forgot the first blocks, when it says 4.08, then our body begins again, but only once",
  async (t) => {
    const l = new Lockstep();
    const outcomes: (number | undefined)[] = [];
    l.endpoint.request("peer", 5683, { code: PUT, path: "i", payload: body(600) }, (response) =>
      outcomes.push(response?.code),
    );
    const answer = (code: number) => {
      const sent = l.next();
      l.arrive({ type: ACK, code, messageId: sent.messageId, token: sent.token, block1: sent.block1 });
      return blockNumber(sent.block1);
    };
    t.equal(answer(CONTINUE), 0);
    t.equal(answer(REQUEST_ENTITY_INCOMPLETE), 1);
    t.equal(answer(CONTINUE), 0);
    t.equal(answer(REQUEST_ENTITY_INCOMPLETE), 1);
    t.same(outcomes, [REQUEST_ENTITY_INCOMPLETE]);
  },
);

t.test(
  "given a server that acts on each block by itself, when it answers 2.04 to each, then all blocks are sent",
  async (t) => {
    const l = new Lockstep();
    const outcomes: (number | undefined)[] = [];
    l.endpoint.request("peer", 5683, { code: PUT, path: "i", payload: body(600) }, (response) =>
      outcomes.push(response?.code),
    );
    for (let number = 0; number < 3; number++) {
      const sent = l.next();
      t.equal(blockNumber(sent.block1), number);
      l.arrive({
        type: ACK,
        code: CHANGED,
        messageId: sent.messageId,
        token: sent.token,
        block1: blockValue(number, false, 4),
      });
    }
    t.same(outcomes, [CHANGED]);
  },
);

t.test(
  "given a server with nonsense in its blocks, when our request is answered, then it ends as malformed or begins once more",
  async (t) => {
    const run = (answers: Partly[]) => {
      const l = new Lockstep();
      const outcomes: string[] = [];
      l.endpoint.request("peer", 5683, { code: GET, path: "s" }, (response, failure) =>
        outcomes.push(failure ?? toHex(response?.payload ?? NOTHING)),
      );
      for (const parts of answers) {
        const { messageId, token } = l.next();
        l.arrive({ type: ACK, code: CONTENT, messageId, token, ...parts });
      }
      t.equal(l.timers.pending === 0, outcomes.length === 1);
      return outcomes.join();
    };
    const block = (number: number, more: boolean, tag = "01", length = 16): Partly => ({
      block2: blockValue(number, more, 0),
      etag: fromHex(tag),
      payload: new Uint8Array(length).fill(number),
    });
    t.equal(run([{ block2: 7 }]), "malformed");
    t.equal(run([block(0, true, "01", 15)]), "malformed");
    t.equal(run([block(0, false, "01", 17)]), "malformed");
    t.equal(run([{ code: CONTINUE }]), "malformed");
    t.equal(run([block(1, true), block(1, true)]), "malformed", "a block that nobody asked for, twice");
    t.equal(
      run([block(0, true), block(1, false, "02", 2), block(0, true, "02"), block(1, false, "02", 2)]),
      `${"00".repeat(16)}0101`,
      "another tag: from the beginning",
    );
    t.equal(
      run([block(0, true), block(1, false, "02"), block(0, true, "02"), block(1, false, "03")]),
      "malformed",
      "but only once",
    );
    t.equal(run([block(0, true), { code: REQUEST_ENTITY_INCOMPLETE }]), "", "an error ends it");
  },
);

t.test("given an answer that never ends, when it is fetched, then that stops at the limit", async (t) => {
  const l = new Lockstep({ maxBodyBytes: 1000 });
  const outcomes: string[] = [];
  l.endpoint.request("peer", 5683, { code: GET, path: "s" }, (_response, failure) =>
    outcomes.push(`${failure}`),
  );
  let blocks = 0;
  while (outcomes.length === 0) {
    const { messageId, token } = l.next();
    l.arrive({
      type: ACK,
      code: CONTENT,
      messageId,
      token,
      block2: blockValue(blocks++, true, 4),
      payload: body(256),
    });
  }
  t.same(outcomes, ["too large"]);
  t.equal(blocks, 4);
});

for (const [clientExponent, serverExponent] of [
  [0, 0],
  [4, 4],
  [6, 2],
  [2, 6],
  [5, 3],
] as const) {
  t.test(
    `given blocks of ${16 << clientExponent} and ${16 << serverExponent} bytes, when both bodies are large, then both arrive`,
    async (t) => {
      const { timers, client, server } = pair(
        PERFECT,
        1,
        { blockExponent: clientExponent },
        { blockExponent: serverExponent },
      );
      const got: string[] = [];
      server.onRequest((request, reply) => {
        got.push(toHex(request.payload));
        reply(CHANGED, body(1234));
      });
      client.request("a server", 5683, { code: POST, path: "f", payload: body(999) }, (response, failure) =>
        got.push(failure ?? toHex(response?.payload ?? NOTHING)),
      );
      timers.advance(60_000);
      t.same(got, [toHex(body(999)), toHex(body(1234))]);
      t.equal(timers.pending, 0);
    },
  );
}

t.test(
  "given a lossy, duplicating, reordering link, when bodies of 12 KB go both ways, then each arrives intact and once",
  async (t) => {
    for (let seed = 1; seed <= 20; seed++) {
      const conditions = { loss: 0.2, duplication: 0.1, minDelayMs: 5, maxDelayMs: 400 };
      const { timers, client, server } = pair(
        conditions,
        seed,
        { maxRetransmit: 12, maxTimeoutMs: 8000 },
        { maxRetransmit: 12 },
      );
      const [image, status] = [body(12_000), body(12_345)];
      const got: string[] = [];
      server.onRequest((request, reply) => {
        if (request.code === PUT) {
          got.push(`put ${toHex(request.payload) === toHex(image)}`);
          timers.set(1000, () => reply(CHANGED, NOTHING));
        } else reply(CONTENT, status);
      });
      client.request("a server", 5683, { code: PUT, path: "i", payload: image }, (response) =>
        got.push(`${response?.code}`),
      );
      client.request("a server", 5683, { code: GET, path: "s" }, (response) =>
        got.push(`got ${toHex(response?.payload ?? NOTHING) === toHex(status)}`),
      );
      timers.advance(3_600_000);
      t.same(got, ["put true", "68", "got true"], `seed ${seed}`);
      t.equal(timers.pending, 0);
    }
  },
);

t.test(
  "given a lossy link, when 2,000 events are confirmed, then each is carried out exactly once and in order",
  async (t) => {
    const conditions = { loss: 0.2, duplication: 0.1, minDelayMs: 5, maxDelayMs: 300 };
    const { timers, client, server } = pair(conditions, 42, {
      queueCapacity: 2000,
      maxRetransmit: 12,
      maxTimeoutMs: 8000,
    });
    const arrived: number[] = [];
    let confirmed = 0;
    server.onRequest((request, reply) => {
      arrived.push(((request.payload[0] ?? 0) << 8) | (request.payload[1] ?? 0));
      if (arrived.length % 3 === 0) timers.set(500, () => reply(CHANGED, NOTHING));
      else reply(CHANGED, NOTHING);
    });
    for (let i = 0; i < 2000; i++) {
      client.request(
        "a server",
        5683,
        { code: POST, path: "e", payload: Uint8Array.of(i >> 8, i & 0xff) },
        (response) => {
          if (response?.code === CHANGED) confirmed++;
        },
      );
    }
    timers.advance(24 * 3_600_000);
    t.same(
      arrived,
      Array.from({ length: 2000 }, (_, i) => i),
    );
    t.equal(confirmed, 2000);
    t.ok(client.counters.retransmissions > 500 && server.counters.duplicates > 100, "the link was bad");
  },
);

t.test(
  "given any single datagram lost, when a transfer goes both ways, then it succeeds all the same",
  async (t) => {
    const run = (lost: number) => {
      const { timers, client, server, network } = pair(PERFECT, 3);
      network.drop = (_passing, index) => index === lost;
      const got: string[] = [];
      server.onRequest((request, reply) => {
        got.push(toHex(request.payload));
        timers.set(300, () => reply(CHANGED, body(700)));
      });
      client.request("a server", 5683, { code: POST, path: "f", payload: body(600) }, (response) =>
        got.push(toHex(response?.payload ?? NOTHING)),
      );
      timers.advance(600_000);
      t.same(got, [toHex(body(600)), toHex(body(700))], `datagram ${lost}`);
      return network.sent.length;
    };
    const datagrams = run(-1);
    t.ok(datagrams >= 12, `${datagrams} datagrams`);
    for (let lost = 0; lost < datagrams; lost++) run(lost);
  },
);

t.test("given any message, when large bodies are sent, then no datagram is over 512 bytes", async (t) => {
  const { timers, client, server, network } = pair(PERFECT, 4);
  server.onRequest((_request, reply) => reply(CHANGED, body(3000), { contentFormat: 60, maxAge: 100_000 }));
  const query = "ep=0827240a-3050-4604-bf3e-564c41c77106&lt=86400";
  client.request("a server", 5683, { code: POST, path: "rd", query, payload: body(3000) }, () => {});
  timers.advance(60_000);
  const largest = Math.max(...network.sent.map(({ datagram }) => datagram.length));
  t.ok(largest > 256 && largest <= 512, `${largest} bytes`);
});
