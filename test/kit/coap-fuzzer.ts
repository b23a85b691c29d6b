import { CborReader } from "../../coap-api/cbor/cbor-reader.js";
import { CHANGED, CONTENT, GET } from "../../coap-api/coap/codes.js";
import { decodeMessage, encodeMessage } from "../../coap-api/coap/message.js";
import type { Reply } from "../../coap-api/endpoint/request-server.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { decodeDownlinkEvent, decodeUplinkEvent } from "../../coap-api/operations/event.js";
import { decodeDigests } from "../../coap-api/operations/image-digests.js";
import { decodeLogLines } from "../../coap-api/operations/log-lines.js";
import { decodeOutputs } from "../../coap-api/operations/outputs.js";
import { decodeRefresh } from "../../coap-api/operations/refresh.js";
import { decodeRegistration } from "../../coap-api/operations/register.js";
import { decodeRegistered } from "../../coap-api/operations/registered.js";
import { decodeStartFunction } from "../../coap-api/operations/start-function.js";
import { decodeStartResource } from "../../coap-api/operations/start-resource.js";
import { decodeKeptState } from "../../coap-api/operations/state.js";
import { decodeStatus } from "../../coap-api/operations/status.js";
import { readUtf8 } from "../../coap-api/utf8.js";
import { WireFault } from "../../coap-api/wire-fault.js";
import { Lockstep, message, toHex } from "./lockstep-peer.js";
import { workedExchanges } from "./worked-messages.js";

/** What a run of the fuzzer met. */
export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that were read. */
  readonly accepted: number;
  /** Inputs that were refused by a WireFault. */
  readonly refused: number;
  /** Datagrams that endpoints took, and what they made of them. */
  readonly datagrams: number;
  readonly malformed: number;
  readonly answered: number;
  /** The most that an endpoint held at a time. */
  readonly mostPeers: number;
  readonly mostTimers: number;
  readonly mostHeldBytes: number;
}

/** Decoders of everything that comes from the network. */
const DECODERS: Record<string, (bytes: Uint8Array) => unknown> = {
  message: decodeMessage,
  item: (bytes) => {
    const reader = new CborReader(bytes);
    reader.skip();
    reader.end();
  },
  text: (bytes) => readUtf8(bytes, 0, bytes.length),
  registration: decodeRegistration,
  registered: decodeRegistered,
  refresh: decodeRefresh,
  "uplink-event": decodeUplinkEvent,
  "downlink-event": decodeDownlinkEvent,
  "log-lines": decodeLogLines,
  "kept-state": decodeKeptState,
  "start-function": decodeStartFunction,
  "start-resource": decodeStartResource,
  outputs: decodeOutputs,
  status: decodeStatus,
  digests: decodeDigests,
  diagnostic: decodeDiagnostic,
};

const NAMES = Object.keys(DECODERS);
const INTERESTING = [
  0, 1, 0x17, 0x18, 0x1b, 0x1f, 0x3b, 0x40, 0x5b, 0x5f, 0x7f, 0x80, 0x9b, 0x9f, 0xa1, 0xbf, 0xc0, 0xdb, 0xf6,
  0xf8, 0xfb, 0xfe, 0xff,
];

/** A stream of small numbers that repeats with its seed. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A number below `bound`. */
  roll(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % bound;
  }
}

/** Makes inputs in five ways: at random, from valid ones by changing, cutting and splicing, and by building from parts. */
class Inputs {
  readonly #dice: Dice;
  readonly #datagrams: readonly Uint8Array[];
  readonly #payloads: readonly { readonly rule: string | undefined; readonly bytes: Uint8Array }[];

  constructor(dice: Dice) {
    const worked = workedExchanges().flatMap(({ datagrams }) => datagrams);
    this.#dice = dice;
    this.#datagrams = worked.map(({ datagram }) => datagram);
    this.#payloads = worked
      .filter(({ rule }) => rule !== undefined)
      .map(({ rule, message: { payload } }) => ({ rule, bytes: payload }));
  }

  /** @param decoder that the input is meant for; undefined: an endpoint */
  next(decoder: string | undefined): Uint8Array {
    const dice = this.#dice;
    const asDatagram = decoder === undefined || decoder === "message";
    const seeds = asDatagram ? this.#datagrams : this.#seedsOf(dice.roll(8) === 0 ? undefined : decoder);
    const seed = seeds[dice.roll(seeds.length)] ?? new Uint8Array(0);
    switch (dice.roll(6)) {
      case 0:
        return this.#random(dice.roll(80));
      case 1:
        return seed.subarray(0, dice.roll(seed.length + 1));
      case 2: {
        const other = seeds[dice.roll(seeds.length)] ?? seed;
        const cut = dice.roll(seed.length + 1);
        return Uint8Array.of(...seed.subarray(0, cut), ...other.subarray(dice.roll(other.length + 1)));
      }
      case 3:
        return asDatagram ? this.#message() : this.#nested();
      default: {
        const changed = Uint8Array.from(seed);
        for (let changes = 1 + dice.roll(4); changes > 0 && changed.length > 0; changes--) {
          const at = dice.roll(changed.length);
          if (dice.roll(2) === 0) changed[at] = (changed[at] ?? 0) ^ (1 << dice.roll(8));
          else changed[at] = INTERESTING[dice.roll(INTERESTING.length)] ?? 0;
        }
        return changed;
      }
    }
  }

  #seedsOf(rule: string | undefined): readonly Uint8Array[] {
    const fitting = this.#payloads.filter((payload) => payload.rule === rule);
    return (fitting.length > 0 ? fitting : this.#payloads).map(({ bytes }) => bytes);
  }

  #random(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#dice.roll(256);
    return bytes;
  }

  /** A well-formed message whose parts have nothing to do with each other. */
  #message(): Uint8Array {
    const dice = this.#dice;
    const some = (value: number) => (dice.roll(3) === 0 ? value : -1);
    const paths = ["s", "e", "i", "f", "", "late", "big", "a/b/c"];
    return encodeMessage(
      message({
        type: dice.roll(4),
        code: dice.roll(2) === 0 ? 1 + dice.roll(4) : dice.roll(256),
        messageId: dice.roll(64),
        token: this.#random(dice.roll(3)),
        path: paths[dice.roll(paths.length)] ?? "",
        observe: some(dice.roll(3)),
        block1: some(dice.roll(3) === 0 ? dice.roll(0x1000000) : dice.roll(64)),
        block2: some(dice.roll(3) === 0 ? dice.roll(0x1000000) : dice.roll(64)),
        size1: some(dice.roll(0x10000)),
        maxAge: some(dice.roll(100)),
        etag: this.#random(dice.roll(3)),
        echo: this.#random(dice.roll(9)),
        payload: dice.roll(2) === 0 ? this.#random(16 << dice.roll(5)) : this.#random(dice.roll(40)),
      }),
    );
  }

  /** Heads upon heads. */
  #nested(): Uint8Array {
    const bytes: number[] = [];
    for (let items = 1 + this.#dice.roll(40); items > 0; items--)
      bytes.push(INTERESTING[this.#dice.roll(INTERESTING.length)] ?? 0);
    return Uint8Array.from(bytes);
  }
}

/** Mostly one of two peers, so that exchanges go on; sometimes another one that must be made room for. */
function addressOf(source: Dice): string {
  return `peer-${source.roll(source.roll(20) === 0 ? 12 : 2)}`;
}

/** An endpoint with requests of its own under way, slow and large answers, and observers. */
class Victim {
  readonly lockstep: Lockstep;
  readonly #late: Reply[] = [];
  readonly #settings = {
    maxPeers: 4,
    maxObservers: 4,
    maxBodyBytes: 4096,
    maxHeldBytes: 8192,
    queueCapacity: 2,
  };

  constructor(seed: number) {
    this.lockstep = new Lockstep({ ...this.#settings, verifyPeers: seed % 2 === 0 }, seed + 1);
    const { endpoint } = this.lockstep;
    endpoint.onFault((fault) => {
      throw fault;
    });
    endpoint.onRequest(({ code, path, payload }, reply) => {
      if (path === "late") this.#late.push(reply);
      else if (code === GET) reply(CONTENT, new Uint8Array(path === "big" ? 700 : 3), { observable: true });
      else if (path === "e") {
        decodeUplinkEvent(payload);
        reply(CHANGED, new Uint8Array(0));
      } else reply(CHANGED, payload, { locationPath: "x/1" });
    });
  }

  take(datagram: Uint8Array, source: Dice): void {
    const { lockstep } = this;
    const { endpoint } = lockstep;
    lockstep.arriveBytes(datagram, addressOf(source), 5683);
    if (source.roll(8) === 0) {
      endpoint.request(
        addressOf(source),
        5683,
        { code: 1 + source.roll(4), path: "s", payload: new Uint8Array(source.roll(600)) },
        () => {},
      );
    }
    if (source.roll(16) === 0) endpoint.notify("s", CONTENT, new Uint8Array(source.roll(500)));
    if (source.roll(16) === 0) this.#late.shift()?.(CONTENT, new Uint8Array(source.roll(500)));
    if (source.roll(32) === 0) lockstep.timers.advance(source.roll(source.roll(4) === 0 ? 100_000 : 1000));
    while (lockstep.unseen > 0) {
      const sent = lockstep.next();
      // Sometimes what was sent is answered, or comes back, so that the fuzzer gets behind the tokens.
      if (source.roll(3) !== 0) continue;
      const type = source.roll(4);
      const code = source.roll(2) === 0 ? 0x45 : source.roll(256);
      const block = source.roll(2) === 0 ? source.roll(128) : -1;
      const answer = message({
        ...sent,
        type,
        code,
        path: "",
        query: "",
        block2: block,
        payload: new Uint8Array(16),
      });
      lockstep.arriveBytes(encodeMessage(answer), addressOf(source), 5683);
    }
  }
}

/**
 * Gives inputs to every decoder and to endpoints.
 * @throws Error with the input in hexadecimal when anything but a WireFault is thrown
 */
export function fuzzCoap(seed: number, inputs: number): FuzzReport {
  const source = new Dice(seed);
  const made = new Inputs(source);
  const report = {
    inputs,
    accepted: 0,
    refused: 0,
    datagrams: 0,
    malformed: 0,
    answered: 0,
    mostPeers: 0,
    mostTimers: 0,
    mostHeldBytes: 0,
  };
  let victim = new Victim(seed);
  for (let i = 0; i < inputs; i++) {
    const name = NAMES[source.roll(NAMES.length * 2)];
    const input = made.next(name);
    try {
      if (name === undefined) {
        report.datagrams++;
        victim.take(input, source);
      } else {
        DECODERS[name]?.(input);
        report.accepted++;
      }
    } catch (fault) {
      if (!(fault instanceof WireFault) || name === undefined) {
        throw new Error(`${name ?? "endpoint"}, seed ${seed}, input ${i}: ${toHex(input)}`, { cause: fault });
      }
      report.refused++;
    }
    if (i % 1000 === 0) measure(victim, report);
    if (i % 50_000 !== 49_999) continue;
    victim = retire(victim, report, i);
  }
  retire(victim, report, inputs);
  return report;
}

function measure(
  victim: Victim,
  report: { mostPeers: number; mostTimers: number; mostHeldBytes: number },
): void {
  let peers = 0;
  let held = 0;
  victim.lockstep.peers.each((peer) => {
    peers++;
    for (const { room } of peer.bodies) held += room;
  });
  report.mostPeers = Math.max(report.mostPeers, peers);
  report.mostTimers = Math.max(report.mostTimers, victim.lockstep.timers.pending);
  report.mostHeldBytes = Math.max(report.mostHeldBytes, held);
}

/** Closes an endpoint, which must leave nothing behind, and gives the next one. */
function retire(victim: Victim, report: { malformed: number; answered: number }, seed: number): Victim {
  const { endpoint, timers } = victim.lockstep;
  report.malformed += endpoint.counters.malformed;
  report.answered += endpoint.counters.sent;
  endpoint.close();
  if (timers.pending > 0) throw new Error(`${timers.pending} timers are left of a closed endpoint`);
  if (endpoint.counters.faults > 0) throw new Error("a handler threw");
  return new Victim(seed);
}
