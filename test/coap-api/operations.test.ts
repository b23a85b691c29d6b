import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Decoder } from "cbor-x";
import fc from "fast-check";
import t from "tap";
import { WireFault } from "../../coap-api/wire-fault.js";
import { type CborValue, decodeCbor } from "../kit/cbor-value.js";
import { conforms, parseCddl } from "../kit/cddl.js";
import { GOLDEN_DATAGRAMS } from "../kit/golden-datagrams.js";
import { fromHex, toHex } from "../kit/lockstep-peer.js";
import { OPERATIONS } from "../kit/operation-arbitraries.js";
import { ROOT } from "../kit/repository.js";
import { workedExchanges } from "../kit/worked-messages.js";

const RULES = parseCddl(readFileSync(join(ROOT, "coap-api/edgeless.cddl"), "utf8"));

/** Payloads that break their rule, each in one way. */
const WRONG: readonly (readonly [rule: string, hex: string, why: string])[] = [
  ["uplink-event", "8103", "no payload"],
  ["uplink-event", "82036161", "text instead of bytes"],
  ["uplink-event", "83034100 1b0000000100000000", "a stream of 33 bits"],
  ["uplink-event", "83f6f500", "true is no answer"],
  ["uplink-event", "822041aa", "a peer without the sender"],
  ["downlink-event", "820141aa", "no peer"],
  ["downlink-event", "8301 41aa 20", "a negative peer"],
  ["digests", "8147 01020304050607", "a digest of seven bytes"],
  ["digests", "a0", "a map instead of a list"],
  ["diagnostic", "8118 46", "no reason"],
  ["outputs", "a1 61 61 20", "a negative route"],
  ["outputs", "a1 61 61 820102", "two handles"],
  ["outputs", "a1 01 01", "a number instead of a channel"],
  ["registered", "a0", "no time"],
  ["registered", "a1 00 61 61", "a text as time"],
  ["refresh", "a1 01 81 83 01 01 01", "a state without its reason"],
  ["refresh", "a1 20 01", "a negative key"],
  ["status", "a3 00 01 01 01 04 1b 0000000100000000", "a nonce of 33 bits"],
  ["log-lines", "81 84 01 03 61 61 41 61", "a target that is text"],
  ["kept-state", "83 01 41 61 00", "three items"],
];

function decodeOutcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (fault) {
    if (fault instanceof WireFault) return fault;
    throw fault;
  }
}

/** The item, or undefined where it is not valid CBOR: texts that are not UTF-8, keys that come twice. */
function validItem(bytes: Uint8Array): CborValue | undefined {
  try {
    const item = decodeCbor(bytes);
    return hasDuplicateKeys(item) ? undefined : item;
  } catch {
    return undefined;
  }
}

function hasDuplicateKeys(item: CborValue): boolean {
  if (item.kind === "array") return item.items.some(hasDuplicateKeys);
  if (item.kind !== "map") return false;
  const keys = item.pairs.map(([key]) =>
    key.kind === "integer" ? `${key.value}` : key.kind === "text" ? `"${key.value}` : "?",
  );
  return new Set(keys).size < keys.length || item.pairs.some(([, value]) => hasDuplicateKeys(value));
}

t.test(
  "given the messages of the specification, when encoded, then every datagram is byte for byte as agreed",
  async (t) => {
    const shown = workedExchanges();
    t.same(
      shown.map(({ name }) => name),
      Object.keys(GOLDEN_DATAGRAMS),
    );
    for (const { name, datagrams } of shown) {
      t.same(
        datagrams.map(({ datagram }) => toHex(datagram)),
        GOLDEN_DATAGRAMS[name]?.map((hex) =>
          hex.replace("2a{256}", "2a".repeat(256)).replace("2a{44}", "2a".repeat(44)),
        ),
        name,
      );
    }
  },
);

t.test(
  "given the messages of the specification, when their payloads are checked, then the CDDL describes them",
  async (t) => {
    const used = new Set<string>();
    for (const { name, datagrams } of workedExchanges()) {
      for (const { message, rule } of datagrams) {
        if (rule === undefined) continue;
        used.add(rule);
        t.ok(conforms(RULES, rule, decodeCbor(message.payload)), `${name}: ${rule}`);
      }
    }
    t.same([...used].sort(), OPERATIONS.map(({ rule }) => rule).sort(), "every operation is shown");
  },
);

t.test(
  "given the promises about size, when the frequent datagrams are measured, then they are kept",
  async (t) => {
    const sizes = new Map(
      workedExchanges().map(({ name, datagrams }) => [
        name,
        datagrams.map(({ datagram }) => datagram.length),
      ]),
    );
    t.ok((sizes.get("uplink-cast")?.[0] ?? 99) <= 20, "a cast of 4 bytes to the gateway");
    t.ok((sizes.get("downlink-cast")?.[0] ?? 99) <= 20, "a cast of 4 bytes to a device");
    t.ok((sizes.get("refresh-unchanged")?.[0] ?? 99) <= 16, "a refresh with nothing new");
    for (const [name, both] of sizes) for (const size of both) t.ok(size <= 512, `${name}: ${size} bytes`);
  },
);

for (const { rule, encoded, decode } of OPERATIONS) {
  t.test(
    `given any ${rule}, when encoded, then it is read back, and the CDDL and cbor-x read it too`,
    async (t) => {
      const decoder = new Decoder({ mapsAsObjects: false });
      fc.assert(
        fc.property(encoded, ({ value, bytes }) => {
          const again = decode(bytes);
          if (!isDeepStrictEqual(again, value)) t.fail("differs", { value, again });
          if (bytes.length === 0) return;
          if (!conforms(RULES, rule, decodeCbor(bytes))) t.fail("the CDDL refuses it", { hex: toHex(bytes) });
          decoder.decode(bytes);
        }),
        { numRuns: 300 },
      );
    },
  );

  t.test(`given any ${rule}, when cut short or longer, then it is refused as a fault`, async (t) => {
    fc.assert(
      fc.property(encoded, fc.nat(), ({ bytes }, at) => {
        if (bytes.length === 0) return;
        const length = at % bytes.length;
        const short = decodeOutcome(decode, bytes.subarray(0, length));
        if (length > 0 && !(short instanceof WireFault)) t.fail("cut short", { hex: toHex(bytes), length });
        const long = decodeOutcome(decode, Uint8Array.of(...bytes, 0));
        if (!(long instanceof WireFault)) t.fail("longer", { hex: toHex(bytes) });
      }),
      { numRuns: 300 },
    );
  });

  t.test(
    `given a ${rule} with bytes changed, when it is still accepted, then the CDDL describes it`,
    async (t) => {
      let accepted = 0;
      fc.assert(
        fc.property(
          encoded,
          fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
          ({ bytes }, changes) => {
            const changed = bytes.slice();
            for (const [at, byte] of changes) if (changed.length > 0) changed[at % changed.length] = byte;
            if (changed.length === 0 || decodeOutcome(decode, changed) instanceof WireFault) return;
            const item = validItem(changed);
            if (item === undefined) return;
            accepted++;
            if (!conforms(RULES, rule, item)) t.fail("only the CDDL refuses it", { hex: toHex(changed) });
          },
        ),
        { numRuns: 1000 },
      );
      t.ok(accepted > 100, `${accepted} accepted`);
    },
  );
}

t.test(
  "given payloads that break a rule, when checked, then the CDDL refuses them, and so does every decoder",
  async (t) => {
    for (const [rule, hex, why] of WRONG) {
      t.notOk(conforms(RULES, rule, decodeCbor(fromHex(hex))), `${rule}: ${why}`);
      const operation = OPERATIONS.find((candidate) => candidate.rule === rule);
      t.ok(
        operation !== undefined && decodeOutcome(operation.decode, fromHex(hex)) instanceof WireFault,
        `${rule} decoder: ${why}`,
      );
    }
  },
);

t.test("given maps with keys of a newer edition, when read, then they are passed over", async (t) => {
  for (const { rule, encoded, decode } of OPERATIONS) {
    for (const { value, bytes } of fc.sample(encoded, { numRuns: 20, seed: 7 })) {
      const head = bytes[0] ?? 0;
      if (head >> 5 !== 5 || (head & 0x1f) > 22 || rule === "outputs") continue;
      const longer = Uint8Array.of(
        head + 1,
        ...bytes.subarray(1),
        0x18,
        0x63,
        0x9f,
        0x01,
        0xa1,
        0x61,
        0x61,
        0xf6,
        0xff,
      );
      t.same(decode(longer), value, rule);
      t.ok(conforms(RULES, rule, decodeCbor(longer)), rule);
    }
  }
});

t.test("given a CDDL file with a mistake, when parsed, then it is refused", async (t) => {
  t.throws(() => parseCddl("a = b"), /no rule b/);
  t.throws(() => parseCddl("a = [ uint"), /ends too early/);
  t.throws(() => parseCddl("a = uint a = tstr"), /twice/);
});
