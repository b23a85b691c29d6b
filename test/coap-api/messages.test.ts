import { generate, type NamedOption, type OptionName, type ParsedPacket, parse } from "coap-packet";
import fc from "fast-check";
import t from "tap";
import { isRequest, isResponse } from "../../coap-api/coap/codes.js";
import { ABSENT, decodeMessage, encodeMessage, type Message } from "../../coap-api/coap/message.js";
import { WireFault } from "../../coap-api/wire-fault.js";
import { fromHex, message, toHex } from "../kit/lockstep-peer.js";
import { workedExchanges } from "../kit/worked-messages.js";

/** Datagrams that RFC 7252 section 3 calls message format errors. */
const MALFORMED: readonly (readonly [hex: string, reason: string])[] = [
  ["", "truncated"],
  ["40", "truncated"],
  ["400100", "truncated"],
  ["00010001", "version"],
  ["80010001", "version"],
  ["c0010001", "version"],
  ["49010001 0102030405060708 09", "token length"],
  ["4f010001", "token length"],
  ["48010001 01020304050607", "truncated"],
  ["41000001 aa", "empty message with content"],
  ["40000001 ff", "empty message with content"],
  ["40000001 b1 61", "empty message with content"],
  ["40010001 ff", "payload marker without payload"],
  ["40010001 f1", "option delta"],
  ["40010001 1f", "option length"],
  ["40010001 d1", "truncated"],
  ["40010001 d0", "truncated"],
  ["40010001 e000", "truncated"],
  ["40010001 1d", "truncated"],
  ["40010001 1e00", "truncated"],
  ["40010001 b2 61", "truncated"],
  ["40010001 1e ffff", "truncated"],
  ["40010001 e0 ffff", "option delta"],
  ["40010001 e0 fef2 10", "option delta"],
];

/** Requests with options that an endpoint must not ignore, and which one. */
const BAD_OPTIONS: readonly (readonly [hex: string, option: number])[] = [
  ["40010001 11 aa", 1],
  ["40010001 50", 5],
  ["40010001 91 aa", 9],
  ["40010001 d3 16 616263", 35],
  ["40010001 d3 1a 616263", 39],
  ["40010001 e0 fde6", 65267],
  ["40010001 b2 c328", 11],
  ["40010001 d4 0a 00000000", 23],
  ["40010001 d1 0a 06 01 06", 23],
  ["40010001 33 616263 03 616263", 3],
  ["40010001 30", 3],
  ["40010001 73 010203", 7],
  ["40010001 d3 04 000000", 17],
];

/** Requests with options that must be passed over. */
const IGNORED: readonly string[] = [
  "40010001 21 aa 91 73",
  "40010001 49 010203040506070809 71 73",
  "40010001 64 00000000 51 73",
  "40010001 33 616263 42 1633 41 73",
  "40010001 b1 73 d0 fc",
];

const NAMES: Record<string, OptionName> = {
  observe: "Observe",
  contentFormat: "Content-Format",
  maxAge: "Max-Age",
  accept: "Accept",
  block2: "Block2",
  block1: "Block1",
  size2: "Size2",
  size1: "Size1",
};

const segment = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((part) => !/[/&]/.test(part));
const joined = (separator: string) =>
  fc.array(segment, { maxLength: 4 }).map((parts) => parts.join(separator));
const number = (most: number) =>
  fc.oneof(fc.constant(ABSENT), fc.nat({ max: 300 }), fc.integer({ min: 0, max: most }));
const octets = (maxLength: number) => fc.uint8Array({ maxLength });

const MESSAGES: fc.Arbitrary<Message> = fc
  .record(
    {
      type: fc.nat({ max: 3 }),
      code: fc.integer({ min: 1, max: 255 }),
      messageId: fc.nat({ max: 65535 }),
      token: octets(8),
      path: joined("/"),
      query: joined("&"),
      locationPath: joined("/"),
      observe: number(0xffffff),
      block1: number(0xffffff),
      block2: number(0xffffff),
      size1: number(0xffffffff),
      size2: number(0xffffffff),
      maxAge: number(0xffffffff),
      contentFormat: number(0xffff),
      accept: number(0xffff),
      etag: octets(8),
      echo: octets(40),
      payload: octets(60),
    },
    { noNullPrototype: true },
  )
  .map((parts) => message(parts));

/** A message in plain form, so that views and copies compare. */
function plain(value: Message): unknown {
  const { token, etag, echo, payload, ...rest } = value;
  return { ...rest, token: toHex(token), etag: toHex(etag), echo: toHex(echo), payload: toHex(payload) };
}

function reasonOf(bytes: Uint8Array): string {
  try {
    decodeMessage(bytes);
  } catch (fault) {
    if (fault instanceof WireFault) return fault.reason;
    throw fault;
  }
  return "none";
}

/** Values of an option in a packet of coap-packet. */
function valuesOf(packet: ParsedPacket, name: string): Buffer[] {
  return packet.options.filter((option) => String(option.name) === name).map(({ value }) => value);
}

function uintOf(values: readonly Buffer[]): number {
  const [value] = values;
  return value === undefined ? ABSENT : value.length === 0 ? 0 : value.readUIntBE(0, value.length);
}

/** What coap-packet read, in the form of our messages. */
function fromPacket(packet: ParsedPacket): unknown {
  const [group = 0, detail = 0] = packet.code.split(".").map(Number);
  const texts = (name: OptionName, separator: string) => valuesOf(packet, name).map(String).join(separator);
  const type = packet.confirmable ? 0 : packet.ack ? 2 : packet.reset ? 3 : 1;
  const numbers = Object.fromEntries(
    Object.entries(NAMES).map(([field, name]) => [field, uintOf(valuesOf(packet, name))]),
  );
  return {
    ...numbers,
    type,
    code: group * 32 + detail,
    messageId: packet.messageId,
    token: toHex(packet.token),
    path: texts("Uri-Path", "/"),
    query: texts("Uri-Query", "&"),
    locationPath: texts("Location-Path", "/"),
    etag: toHex(valuesOf(packet, "ETag").at(-1) ?? new Uint8Array(0)),
    echo: toHex(valuesOf(packet, "252")[0] ?? new Uint8Array(0)),
    badOption: 0,
    payload: toHex(packet.payload),
  };
}

function toPacket(value: Message): Buffer {
  const options: NamedOption[] = [];
  const add = (name: OptionName, bytes: Uint8Array) => options.push({ name, value: Buffer.from(bytes) });
  if (value.etag.length > 0) add("ETag", value.etag);
  for (const [field, name] of Object.entries(NAMES)) {
    const content = value[field as keyof Message];
    if (typeof content !== "number" || content === ABSENT) continue;
    add(
      name,
      fromHex(
        content === 0
          ? ""
          : content
              .toString(16)
              .padStart(content > 0xffffff ? 8 : content > 0xffff ? 6 : content > 0xff ? 4 : 2, "0"),
      ),
    );
  }
  for (const part of value.path === "" ? [] : value.path.split("/")) add("Uri-Path", Buffer.from(part));
  for (const part of value.query === "" ? [] : value.query.split("&")) add("Uri-Query", Buffer.from(part));
  for (const part of value.locationPath === "" ? [] : value.locationPath.split("/"))
    add("Location-Path", Buffer.from(part));
  return generate({
    code: `${value.code >> 5}.${String(value.code & 31).padStart(2, "0")}`,
    messageId: value.messageId,
    token: Buffer.from(value.token),
    confirmable: value.type === 0,
    ack: value.type === 2,
    reset: value.type === 3,
    payload: Buffer.from(value.payload),
    options,
  });
}

t.test("given message format errors, when read, then each is a fault that names it", async (t) => {
  for (const [hex, reason] of MALFORMED) t.equal(reasonOf(fromHex(hex)), reason, hex || "nothing");
});

t.test(
  "given critical options that are unknown, repeated or of a wrong form, when read, then they are reported",
  async (t) => {
    t.equal(
      decodeMessage(fromHex(`40010001 bd f3 ${"61".repeat(256)}`)).badOption,
      11,
      "a path segment of 256 bytes",
    );
    t.equal(decodeMessage(fromHex(`40010001 bd f2 ${"61".repeat(255)}`)).badOption, 0);
    for (const [hex, option] of BAD_OPTIONS) t.equal(decodeMessage(fromHex(hex)).badOption, option, hex);
  },
);

t.test(
  "given elective options that are unknown or of a wrong form, when read, then they are passed over",
  async (t) => {
    for (const hex of IGNORED) t.match(decodeMessage(fromHex(hex)), { badOption: 0, path: "s" }, hex);
    t.match(decodeMessage(fromHex("40010001 61 00 01 01")), { observe: 0 }, "of two, the first counts");
  },
);

t.test("given tokens of 0 to 8 bytes, when read, then they are there", async (t) => {
  for (let length = 0; length <= 8; length++) {
    const token = new Uint8Array(length).fill(0xee);
    t.same(decodeMessage(encodeMessage(message({ code: 1, token }))).token, token);
  }
});

t.test("given codes, when classed, then classes 1, 6 and 7 are neither requests nor responses", async (t) => {
  for (let code = 0; code < 256; code++) {
    const group = code >> 5;
    t.equal(isRequest(code), group === 0 && code > 0);
    t.equal(isResponse(code), group === 2 || group === 4 || group === 5);
  }
});

t.test("given any message, when encoded and decoded, then it is the same", async (t) => {
  fc.assert(
    fc.property(MESSAGES, (value) => {
      t.strictSame(plain(decodeMessage(encodeMessage(value))), plain(value));
    }),
    { numRuns: 500 },
  );
});

t.test("given any message, when coap-packet reads ours and we read its, then all agree", async (t) => {
  fc.assert(
    fc.property(MESSAGES, (value) => {
      t.strictSame(fromPacket(parse(Buffer.from(encodeMessage(value)))), plain(value));
      const theirs = toPacket(value);
      t.strictSame(plain(decodeMessage(theirs)), { ...Object(plain(value)), echo: "" });
      if (value.echo.length === 0) t.equal(toHex(encodeMessage(value)), toHex(theirs));
    }),
    { numRuns: 300 },
  );
});

t.test(
  "given the messages of the specification with bytes changed, when we accept one, then coap-packet reads the same",
  async (t) => {
    const seeds = workedExchanges().flatMap(({ datagrams }) => datagrams.map(({ datagram }) => datagram));
    let compared = 0;
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
        (pick, changes) => {
          const changed = Uint8Array.from(seeds[pick % seeds.length] ?? []);
          for (const [at, byte] of changes) changed[at % changed.length] = byte;
          let ours: Message;
          try {
            ours = decodeMessage(changed);
          } catch (fault) {
            if (fault instanceof WireFault) return;
            throw fault;
          }
          if (ours.badOption !== 0) return;
          const theirs = parse(Buffer.from(changed));
          compared++;
          t.equal(toHex(theirs.payload), toHex(ours.payload));
          t.equal(toHex(theirs.token), toHex(ours.token));
          t.equal(theirs.messageId, ours.messageId);
        },
      ),
      { numRuns: 1500 },
    );
    t.ok(compared > 300, `${compared} compared`);
  },
);

t.test("given a message encoded before, when another one is, then the first keeps its bytes", async (t) => {
  const first = encodeMessage(message({ code: 2, path: "e", payload: fromHex("0102") }));
  const before = toHex(first);
  encodeMessage(message({ code: 3, path: "another/and/longer", payload: new Uint8Array(2000).fill(0xff) }));
  t.equal(toHex(first), before);
  t.equal(first.buffer.byteLength, first.length, "no larger buffer hangs on");
});
