import t from "tap";
import { blockValue } from "../../coap-api/block/block-option.js";
import { FITS } from "../../coap-api/block/body.js";
import {
  BAD_REQUEST,
  CHANGED,
  CONTINUE,
  PUT,
  REQUEST_ENTITY_INCOMPLETE,
  REQUEST_ENTITY_TOO_LARGE,
} from "../../coap-api/coap/codes.js";
import type { Message } from "../../coap-api/coap/message.js";
import { Lockstep, type Partly, toHex } from "../kit/lockstep-peer.js";

/** A body of which each block is another one. */
function body(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** An endpoint that takes everything; `bodies` is what its handler got. */
function server() {
  const l = new Lockstep({ duplicatesPerPeer: 64 });
  const bodies: string[] = [];
  l.endpoint.onRequest((request, reply) => {
    bodies.push(toHex(request.payload));
    reply(CHANGED, new Uint8Array(0));
  });
  let messageId = 100;
  const put = (whole: Uint8Array, number: number, exponent = 4, parts: Partly = {}): Message => {
    const size = 16 << exponent;
    const payload = whole.subarray(number * size, (number + 1) * size);
    const block1 = blockValue(number, (number + 1) * size < whole.length, exponent);
    messageId++;
    l.arrive({
      ...{ messageId, token: Uint8Array.of(messageId), code: PUT, path: "i", block1, payload },
      ...parts,
    });
    return l.next();
  };
  return { l, bodies, put };
}

t.test(
  "given a server that keeps no large bodies as a whole, when one comes, then its parts go on in order, each with the length",
  async (t) => {
    const { l, put, bodies } = server();
    const parts: string[] = [];
    let room = 2000;
    l.endpoint.onBodySink(({ path }) =>
      path === "i"
        ? (at, bytes, total) => {
            if (total > room) return room;
            parts.push(`${at}+${bytes.length}/${total}`);
            return FITS;
          }
        : undefined,
    );
    const whole = body(600);
    t.match(put(whole, 0, 4, { size1: 600 }), { code: CONTINUE });
    t.match(put(whole, 2, 4), { code: REQUEST_ENTITY_INCOMPLETE }, "a gap");
    t.match(put(whole, 1, 4), { code: CONTINUE });
    t.match(put(whole, 1, 4), { code: CONTINUE }, "the newest once more");
    t.match(put(whole, 2, 4), { code: CHANGED });
    t.same(parts, ["0+256/600", "256+256/600", "256+256/600", "512+88/600"]);
    t.same(bodies, [""], "the handler gets none of it");

    t.match(put(whole, 0, 4, { size1: 500 }), { code: CONTINUE });
    t.match(put(whole, 1, 4), { code: BAD_REQUEST }, "more than was announced");
    t.match(put(whole, 0, 4, { size1: 3000 }), { code: REQUEST_ENTITY_TOO_LARGE, size1: 2000 });
    t.match(put(whole, 0, 4, { size1: 600 }), { code: CONTINUE });
    room = 100;
    t.match(put(whole, 1, 4), { code: REQUEST_ENTITY_TOO_LARGE, size1: 100 }, "the room is gone");

    room = 2000;
    t.match(put(whole, 0, 4, { size1: 600 }), { code: CONTINUE });
    const before = parts.length;
    for (let number = 0; number < 3; number++) put(whole, number, 4);
    t.equal(parts.length, before, "anew and without its length, it is kept as a whole");
    t.equal(bodies.at(-1), toHex(whole));
    for (let number = 0; number < 3; number++) put(whole, number, 4, { path: "y", size1: 600 });
    t.equal(bodies.at(-1), toHex(whole), "another path");
  },
);
