import { isDeepStrictEqual } from "node:util";
import { Encoder } from "cbor-x";
import fc from "fast-check";
import t from "tap";
import { ARRAY, BYTES, CborReader, MAP, NEGATIVE, TEXT, UNSIGNED } from "../../coap-api/cbor/cbor-reader.js";
import { CborWriter } from "../../coap-api/cbor/cbor-writer.js";
import { readUtf8, utf8Bytes, utf8Length } from "../../coap-api/utf8.js";
import { WireFault } from "../../coap-api/wire-fault.js";
import { type CborValue, decodeCbor, diagnose } from "../kit/cbor-value.js";
import { isReadByCbor2, NO_AIOCOAP } from "../kit/coap-peers.js";
import { fromHex, toHex } from "../kit/lockstep-peer.js";
import { APPENDIX_A, WITHDRAWN } from "../kit/rfc8949-vectors.js";

/** Heads and contents that RFC 8949 does not allow, and what the reader says. */
const MALFORMED: readonly (readonly [hex: string, reason: string])[] = [
  ["", "truncated"],
  ["18", "truncated"],
  ["1b00000000000000", "truncated"],
  ["62c3", "truncated"],
  ["8201", "truncated"],
  ["9f01", "truncated"],
  ["1c", "reserved head"],
  ["1f", "reserved head"],
  ["df00", "reserved head"],
  ["ff", "reserved head"],
  ["fc", "reserved head"],
  ["f81f", "reserved head"],
  ["5f6161ff", "unexpected type"],
  ["5f5f4100ffff", "unexpected type"],
  [`${"81".repeat(16)}00`, "too deep"],
];

const SAFE_INTEGER = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(
    23,
    24,
    255,
    256,
    65535,
    65536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
    -24,
    -25,
    -(2 ** 32),
    -(2 ** 53),
  ),
);

const KEY = fc.string({ maxLength: 5 }).filter((key) => key !== "__proto__");

/** What an application would write, as plain values. */
const PLAIN = fc.letrec<{ item: unknown }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.integer(),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array({ maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("item"), { maxLength: 30 }),
    fc.dictionary(KEY, tie("item"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).item;

/** The configuration that writes what any decoder understands: no records, no tags, shortest heads. */
const CBOR_X_OPTIONS = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
  useTag259ForMaps: false,
  int64AsType: "number",
} as const;
const cborX = new Encoder(CBOR_X_OPTIONS);

function write(writer: CborWriter, value: unknown): void {
  if (typeof value === "number") writer.integer(value);
  else if (typeof value === "string") writer.text(value);
  else if (typeof value === "boolean") writer.bool(value);
  else if (value instanceof Uint8Array) writer.byteString(value);
  else if (Array.isArray(value)) {
    writer.array(value.length);
    for (const item of value) write(writer, item);
  } else if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value);
    writer.map(pairs.length);
    for (const [key, item] of pairs) {
      writer.text(key);
      write(writer, item);
    }
  } else writer.nothing();
}

/** Reads with the typed methods alone what {@link write} wrote. */
function readBack(reader: CborReader): unknown {
  const major = reader.peek();
  if (major === UNSIGNED || major === NEGATIVE) return reader.integer();
  if (major === BYTES) return new Uint8Array(reader.byteString());
  if (major === TEXT) return reader.text();
  if (major === ARRAY) return Array.from({ length: reader.array() }, () => readBack(reader));
  if (major === MAP) {
    const pairs = Array.from({ length: reader.map() }, () => [reader.text(), readBack(reader)] as const);
    return Object.fromEntries(pairs);
  }
  if (reader.skipNull()) return null;
  if (reader.skipFalse()) return false;
  reader.skip();
  return true;
}

function written(value: unknown): Uint8Array {
  const writer = new CborWriter(8);
  write(writer, value);
  return writer.written();
}

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (fault) {
    if (fault instanceof WireFault) return fault.reason;
    throw fault;
  }
  return "none";
}

t.test(
  "given the 81 examples of RFC 8949 appendix A and the one it withdrew, when read, then each is what the RFC says",
  async (t) => {
    t.equal(APPENDIX_A.length, 81);
    t.equal(
      reasonOf(() => new CborReader(fromHex(WITHDRAWN)).skip()),
      "reserved head",
    );
    for (const [hex, notation] of APPENDIX_A) t.equal(diagnose(decodeCbor(fromHex(hex))), notation, hex);
  },
);

t.test("given an example cut short, when skipped, then that is a fault and not a crash", async (t) => {
  for (const [hex] of APPENDIX_A) {
    const bytes = fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      const reader = new CborReader(bytes.subarray(0, length));
      t.equal(
        reasonOf(() => reader.skip()),
        "truncated",
        `${hex} cut to ${length} bytes`,
      );
    }
  }
});

t.test(
  "given the examples that this API can write, when written, then the bytes are those of the RFC",
  async (t) => {
    let count = 0;
    for (const [hex] of APPENDIX_A) {
      const plain = plainOf(decodeCbor(fromHex(hex)));
      if (plain === undefined) continue;
      count++;
      const writer = new CborWriter(0);
      writeValue(writer, plain);
      t.equal(toHex(writer.written()), hex);
    }
    t.equal(count, 35);
  },
);

/** The value when it consists of what the writer offers. */
function plainOf(value: CborValue): CborValue | undefined {
  if (value.kind === "integer")
    return value.value >= -(2n ** 53n) && value.value < 2n ** 53n ? value : undefined;
  if (value.kind === "simple") return value.value >= 20 && value.value <= 22 ? value : undefined;
  if (value.kind === "bytes" || value.kind === "text") return value.chunks === undefined ? value : undefined;
  if (value.kind === "array")
    return !value.indefinite && value.items.every((item) => plainOf(item) !== undefined) ? value : undefined;
  if (value.kind === "map")
    return !value.indefinite && value.pairs.flat().every((item) => plainOf(item) !== undefined)
      ? value
      : undefined;
  return undefined;
}

function writeValue(writer: CborWriter, value: CborValue): void {
  if (value.kind === "integer") writer.integer(Number(value.value));
  else if (value.kind === "bytes") writer.byteString(value.value);
  else if (value.kind === "text") writer.text(value.value);
  else if (value.kind === "simple") {
    if (value.value === 22) writer.nothing();
    else writer.bool(value.value === 21);
  } else if (value.kind === "array") {
    writer.array(value.items.length);
    for (const item of value.items) writeValue(writer, item);
  } else if (value.kind === "map") {
    writer.map(value.pairs.length);
    for (const item of value.pairs.flat()) writeValue(writer, item);
  }
}

t.test("given bytes that are no CBOR, when skipped, then the fault says why", async (t) => {
  for (const [hex, reason] of MALFORMED) {
    t.equal(
      reasonOf(() => new CborReader(fromHex(hex)).skip()),
      reason,
      hex || "nothing",
    );
  }
});

t.test(
  "given typed reads, when the item is another one, too large or too long, then that is a fault",
  async (t) => {
    const on = (hex: string, read: (reader: CborReader) => unknown) =>
      reasonOf(() => read(new CborReader(fromHex(hex))));
    t.equal(
      on("20", (r) => r.unsigned()),
      "unexpected type",
    );
    t.equal(
      on("40", (r) => r.integer()),
      "unexpected type",
    );
    t.equal(
      on("60", (r) => r.byteString()),
      "unexpected type",
    );
    t.equal(
      on("1b0020000000000000", (r) => r.unsigned()),
      "number too large",
    );
    t.equal(
      on("1bffffffffffffffff", (r) => r.unsigned()),
      "number too large",
    );
    t.equal(
      on("3b0020000000000000", (r) => r.integer()),
      "number too large",
    );
    t.equal(
      on("5bffffffffffffffff", (r) => r.byteString()),
      "number too large",
    );
    t.equal(
      on("5affffffff", (r) => r.byteString()),
      "truncated",
    );
    t.equal(
      on("9affffffff00", (r) => r.array()),
      "truncated",
      "a count that cannot be true",
    );
    t.equal(
      on("ba0000000200", (r) => r.map()),
      "truncated",
    );
    t.equal(
      on("5f4100ff", (r) => r.byteString()),
      "indefinite length",
    );
    t.equal(
      on("9fff", (r) => r.array()),
      "indefinite length",
    );
    t.equal(
      on("62c328", (r) => r.text()),
      "not UTF-8",
    );
    t.equal(
      on("4101", (r) => r.bytesOf(2)),
      "out of range",
    );
    t.equal(
      on("8101", (r) => r.arrayOf(2)),
      "missing field",
    );
    t.equal(
      on("0000", (r) => {
        r.unsigned();
        r.end();
      }),
      "trailing bytes",
    );
    t.equal(new CborReader(fromHex("1b001fffffffffffff")).unsigned(), 2 ** 53 - 1);
    t.equal(new CborReader(fromHex("3b001fffffffffffff")).integer(), -(2 ** 53));
    t.equal(
      new CborReader(fromHex("1b0000000000000001")).unsigned(),
      1,
      "heads that are longer than needed are read",
    );
  },
);

t.test(
  "given any integer of 53 bits, when written and read, then it is the same and as short as can be",
  async () => {
    fc.assert(
      fc.property(SAFE_INTEGER, (value) => {
        const bytes = written(value);
        const size = value < 0 ? -1 - value : value;
        const shortest = size < 24 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : size < 2 ** 32 ? 5 : 9;
        return bytes.length === shortest && new CborReader(bytes).integer() === value;
      }),
      { numRuns: 2000 },
    );
  },
);

t.test(
  "given any value, when written and read, then it is the same, and skipping passes exactly over it",
  async (t) => {
    fc.assert(
      fc.property(PLAIN, (value) => {
        const bytes = written(value);
        const reader = new CborReader(bytes);
        const again = readBack(reader);
        reader.end();
        if (!isDeepStrictEqual(again, value)) t.fail("differs", { value, again });
        const skipper = new CborReader(bytes);
        skipper.skip();
        skipper.end();
      }),
      { numRuns: 500 },
    );
  },
);

t.test(
  "given any value, when written here and by cbor-x, then the bytes are equal, and each reads the other's",
  async (t) => {
    let same = 0;
    fc.assert(
      fc.property(PLAIN, (value) => {
        const ours = written(value);
        const theirs = new Uint8Array(cborX.encode(value));
        if (toHex(ours) === toHex(theirs)) same++;
        else t.fail("bytes differ", { ours: toHex(ours), theirs: toHex(theirs) });
        readBack(new CborReader(theirs));
        cborX.decode(ours);
      }),
      { numRuns: 500 },
    );
    t.equal(same, 500);
  },
);

t.test(
  "given damaged items, when cbor2 reads them, then they are skipped here, and what is not skipped it does not read",
  { skip: NO_AIOCOAP },
  async (t) => {
    const inputs = [
      ...APPENDIX_A.map(([hex]) => fromHex(hex)),
      ...MALFORMED.filter(([, reason]) => reason !== "too deep").map(([hex]) => fromHex(hex)),
      ...fc
        .sample(fc.tuple(PLAIN, fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 })), {
          numRuns: 4000,
          seed: 3,
        })
        .map(([value, kind, place, byte]) => damaged(written(value), kind % 4, place, byte)),
    ].filter((bytes) => bytes.length > 0);
    const theirs = isReadByCbor2(inputs);
    t.equal(theirs.length, inputs.length);
    let both = 0;
    let neither = 0;
    for (const [index, bytes] of inputs.entries()) {
      const reader = new CborReader(bytes);
      const isSkipped = reasonOf(() => reader.skip()) === "none" && reader.position === bytes.length;
      // It also looks at what tags mean, and whether texts are UTF-8.
      if (theirs[index] === true && !isSkipped) t.fail("only cbor2 reads it", { hex: toHex(bytes) });
      if (theirs[index] === true && isSkipped) both++;
      if (theirs[index] === false && !isSkipped) neither++;
    }
    t.ok(both > 500, `${both} are read by both`);
    t.ok(neither > 500, `${neither} by neither`);
  },
);

/** Bytes with one changed, left out or put in, or as they are. */
function damaged(bytes: Uint8Array, kind: number, place: number, byte: number): Uint8Array {
  const at = place % (bytes.length + 1);
  if (kind === 0) return bytes;
  if (kind === 1) return bytes.slice(0, at);
  const behind = bytes.subarray(kind === 2 ? at + 1 : at);
  return Uint8Array.of(...bytes.subarray(0, at), byte, ...behind);
}

t.test("given random bytes, when skipped, then they are passed over or refused, never more", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const reader = new CborReader(bytes);
      reasonOf(() => reader.skip());
      return reader.position <= bytes.length;
    }),
    { numRuns: 5000 },
  );
});

t.test("given texts, when written as UTF-8 and read, then Node.js agrees about every byte", async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = utf8Bytes(text);
      if (toHex(bytes) !== Buffer.from(text).toString("hex")) t.fail("differs", { text });
      if (utf8Length(text) !== bytes.length) t.fail("length differs", { text });
      if (readUtf8(bytes, 0, bytes.length) !== Buffer.from(bytes).toString())
        t.fail("reading differs", { text });
    }),
    { numRuns: 2000 },
  );
  t.equal(toHex(utf8Bytes("\ud800a")), "efbfbd61", "half a pair becomes the replacement character");
});

t.test("given bytes, when read as UTF-8, then exactly those are refused that Node.js refuses", async () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const theirs = (bytes: Uint8Array) => {
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  };
  const ours = (bytes: Uint8Array) => {
    try {
      return readUtf8(bytes, 0, bytes.length);
    } catch (fault) {
      if (fault instanceof WireFault) return undefined;
      throw fault;
    }
  };
  const lead = fc.constantFrom(
    0x00,
    0x7f,
    0x80,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
    0x9f,
    0xa0,
  );
  fc.assert(
    fc.property(
      fc.array(lead, { maxLength: 8 }),
      (list) => ours(Uint8Array.from(list)) === theirs(Uint8Array.from(list)),
    ),
    { numRuns: 20_000 },
  );
});
