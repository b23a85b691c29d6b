import fc from "fast-check";
import t from "tap";
import { functionFolder } from "../kit/built-function.js";
import { type Answer, GuestDriver, SELF, SOURCE } from "../kit/guest-driver.js";
import { expandDecimal, nearestFloat32, rustInteger } from "../kit/number-oracle.js";

/** Answers calls `operation:argument` with what the SDK makes of the argument. */
const PROBE = `
import { args, EdgeFunction, Event, InstanceId, Lcg, log, num, Output, Reply, self, slf, sync, telemetry } from "edgeless";
import { decodeBase64, encodeBase64 } from "edgeless/base64";
import { JsonReader, JsonWriter } from "edgeless/json";

const out = new Output("öut");

function checked(text: string): string { return num.ok() ? text : num.reason(); }

@edgeFunction
class Probe extends EdgeFunction {
  onCast(event: Event): void {
    const text = event.text;
    if (text == "lone") out.cast(String.fromCharCode(0xd800) + "a" + String.fromCharCode(0xdc00));
    else if (text == "levels") { log.error("e"); log.warn("w"); log.info("i"); log.debug("d"); log.trace("t"); telemetry(5, "tbegin", "7"); }
    else if (text == "self") self.delayedCast(u64.MAX_VALUE, slf().toString());
    else if (text == "bytes") { out.castBytes(event.ptr, event.len); out.callBytes(event.ptr, event.len); event.source.castRawBytes(event.ptr, event.len); sync(text); }
    else out.cast(text);
  }

  onCall(event: Event): Reply {
    const text = event.text;
    const colon = text.indexOf(":");
    const operation = text.substring(0, colon);
    const rest = text.substring(colon + 1);
    if (operation == "f32") { const value = num.parseF32(rest); return Reply.text(checked(num.f32Text(value))); }
    if (operation == "f64") { const value = num.parseF64(rest); return Reply.text(checked(num.f64Text(value))); }
    if (operation == "i32") { const value = num.parseI32(rest); return Reply.text(checked(value.toString())); }
    if (operation == "u32") { const value = num.parseU32(rest); return Reply.text(checked(value.toString())); }
    if (operation == "i64") { const value = num.parseI64(rest); return Reply.text(checked(value.toString())); }
    if (operation == "u64") { const value = num.parseU64(rest); return Reply.text(checked(value.toString())); }
    if (operation == "f32bits") return Reply.text(num.f32Text(reinterpret<f32>(num.parseU32(rest))));
    if (operation == "f64bits") return Reply.text(num.f64Text(reinterpret<f64>(num.parseU64(rest))));
    if (operation == "tof32") return Reply.text(reinterpret<u32>(num.parseF32(rest)).toString());
    if (operation == "tof64") return Reply.text(reinterpret<u64>(num.parseF64(rest)).toString());
    if (operation == "lcg") {
      const random = new Lcg(num.parseU32(rest));
      let all = "";
      for (let i = 0; i < 5; i++) all += reinterpret<u32>(random.next()).toString() + " ";
      return Reply.text(all);
    }
    if (operation == "args") {
      const values = args(rest);
      const list = values.listU32("list", ":");
      return Reply.text(values.text("a", "-") + "|" + values.bool("b").toString() + "|" + values.u32("n", 9).toString() + "|" + list.join(",") + "|" + values.has("").toString());
    }
    if (operation == "encode64") return Reply.text(encodeBase64(changetype<usize>(rest), <usize>rest.length << 1));
    if (operation == "decode64") { const bytes = decodeBase64(rest); return bytes === null ? Reply.error() : Reply.bytes(changetype<usize>(bytes), bytes.byteLength); }
    if (operation == "json-integer") {
      const json = new JsonReader(rest);
      const value = json.integer();
      return json.finished() ? Reply.text(value.toString()) : Reply.error();
    }
    if (operation == "json") {
      const json = new JsonReader(rest);
      const copy = new JsonWriter();
      copyValue(json, copy);
      return json.finished() ? Reply.text(copy.toString()) : Reply.error();
    }
    if (operation == "skip") { const json = new JsonReader(rest); json.skip(); return json.finished() ? Reply.none() : Reply.error(); }
    if (operation == "call") { const reply = out.call(rest); return Reply.text(reply.code.toString() + reply.text + out.call(rest).text); }
    if (operation == "dropped") { Reply.bytes(event.ptr, event.len); return Reply.text(rest); }
    if (operation == "bytes") return Reply.bytes(event.ptr, event.len);
    return Reply.none();
  }
}

function copyValue(json: JsonReader, copy: JsonWriter): void {
  const mark = json.peekKind();
  if (mark == "{") {
    json.beginObject();
    copy.beginObject();
    while (json.nextKey()) { copy.key(json.key); copyValue(json, copy); }
    copy.end();
  } else if (mark == "[") {
    json.beginArray();
    copy.beginArray();
    while (json.nextItem()) copyValue(json, copy);
    copy.end();
  } else if (mark == '"') copy.string(json.string());
  else if (mark == "t" || mark == "f") copy.bool(json.bool());
  else if (mark == "n") { json.nothing(); copy.nothing(); }
  else copy.raw(json.number());
}
`;

const folder = functionFolder("probe", PROBE);
t.teardown(() => folder.remove());
// Building needs the compiler, which is slow to start on a busy machine.
t.setTimeout(120_000);
const { wasm } = await folder.build();
const probe = new GuestDriver(wasm, { answer: (_, payload) => (payload === "?" ? null : payload) }).init();
const ask = (operation: string, argument: string | number | bigint): Answer =>
  probe.call(`${operation}:${argument}`);

t.test("integers are read as Rust reads them", async () => {
  const shapes = fc.oneof(
    fc.bigInt(-(2n ** 66n), 2n ** 66n).map(String),
    fc.stringMatching(/^[-+]?[0-9]{0,21}[ x_.]?[0-9]{0,3}$/),
    fc.constantFrom("", "+", "-", "--1", "-0", "+0", "٣", " 1"),
    fc
      .constantFrom(31n, 32n, 63n, 64n)
      .chain((bits) =>
        fc.bigInt(-2n, 2n).chain((d) => fc.constantFrom(`${2n ** bits + d}`, `${-(2n ** bits) + d}`)),
      ),
  );
  fc.assert(
    fc.property(shapes, (text) => {
      for (const type of ["i32", "u32", "i64", "u64"] as const) {
        if (ask(type, text) !== rustInteger(text, type)) return false;
      }
      return true;
    }),
    { numRuns: 400 },
  );
});

/** True when two shortest texts are equally close: JavaScript then takes the even digit, Rust the larger one. */
function isTie(value: number): boolean {
  const digits = (text: string) => (text.split("e")[0] ?? "").replace(/[-.]/g, "");
  const shortest = digits(value.toExponential()).length;
  return /^50*$/.test(digits(value.toExponential(100)).slice(shortest));
}

t.test("floats are written as Rust writes them", async (t) => {
  const known: [number, string][] = [
    [5, "5"],
    [-0, "-0"],
    [0.1, "0.1"],
    [1e21, "1000000000000000000000"],
    [1e-7, "0.0000001"],
    [5e-324, `0.${"0".repeat(323)}5`],
    [1.7976931348623157e308, `17976931348623157${"0".repeat(292)}`],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [Number.NaN, "NaN"],
    [9007199254740992, "9007199254740992"],
    [123456.789, "123456.789"],
    // As far from this number as from its neighbour: the even one is read.
    [1e23, "100000000000000000000000"],
    [9.5e21, "9500000000000000000000"],
    // Halfway between two decimals of the same length: upwards.
    [520145896314697 / 16, "32509118519668.563"],
    [-1773961758700657 / 8, "-221745219837582.13"],
    [4366870041431505 / 4, "1091717510357876.3"],
  ];
  for (const [value, text] of known) t.equal(ask("f64bits", bits64(value)), text);
  t.equal(ask("f32bits", bits32(Math.fround(0.1))), "0.1");
  t.equal(ask("f32bits", bits32(Math.fround(16777216))), "16777216");
  t.equal(ask("f32bits", 0x7f7fffff), "340282350000000000000000000000000000000");
  t.equal(ask("f32bits", 1), `0.${"0".repeat(44)}1`);
  t.equal(ask("f32bits", 0x80000000), "-0");
  for (let power = -1074; power < 1024; power++) {
    const value = 2 ** power;
    if (ask("f64bits", bits64(value)) !== expandDecimal(value) && !isTie(value)) t.fail(`2^${power}`);
  }
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = ask("f64bits", bits64(value));
      return text === expandDecimal(value) || (isTie(value) && Number(text) === value);
    }),
    { numRuns: 1000 },
  );
});

t.test("the text of an f32 is the shortest that reads back, and the closest of those", async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x7f7fffff }), (bits) => {
      const text = ask("f32bits", bits) as string;
      const value = float32(bits);
      if (nearestFloat32(text) !== value) return false;
      // No text with one digit less reads back.
      const digits = text.replace(".", "").replace(/^0+/, "").replace(/0+$/, "").length;
      return digits === 1 || nearestFloat32(Number(value).toPrecision(digits - 1)) !== value;
    }),
    { numRuns: 1000 },
  );
});

t.test("floats are read to the nearest value", async (t) => {
  const half = "9007199254740993";
  for (const text of [
    "0.1",
    "1e23",
    "8.5e22",
    half,
    `${half}.${"0".repeat(900)}1`,
    `${half}${"0".repeat(100)}e-100`,
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.2250738585072011e-308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e400",
    "1e-400",
    "1e999999999999",
    "0e999999999999",
    "00000.00001e5",
    ".5",
    "5.",
    "+1.5E+3",
    "-1.5e-3",
  ]) {
    t.equal(ask("tof64", text), String(bits64(Number(text))), text.slice(0, 40));
  }
  for (const [text, value] of Object.entries({
    inf: "inf",
    "-Infinity": "-inf",
    NAN: "NaN",
    "+inf": "inf",
  })) {
    t.equal(ask("f64", text), value);
    t.equal(ask("f32", text), value);
  }
  t.equal(ask("f32", ""), "cannot parse float from empty string");
  for (const text of [
    ".",
    "+",
    "-",
    "e5",
    ".e5",
    "1e",
    "1e+",
    "1.2.3",
    " 1",
    "1 ",
    "1f",
    "0x10",
    "infin",
    "1_0",
  ]) {
    t.equal(ask("f64", text), "invalid float literal", text);
  }
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.stringMatching(/^[0-9]{1,25}\.[0-9]{1,25}e-?[0-9]{1,2}$/),
    fc.stringMatching(/^[0-9]{1,9}(\.[0-9]{1,9})?$/),
    fc
      .tuple(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-1n, 0n, 1n))
      .map(([value, more]) => halfwayAbove(value, more)),
  );
  fc.assert(
    fc.property(number, (text) => {
      const right = ask("tof64", text) === String(bits64(Number(text)));
      return right && ask("tof32", text) === String(bits32(nearestFloat32(text)));
    }),
    { numRuns: 1000 },
  );
});

t.test("the generator gives the sequence of EDGELESS", async (t) => {
  for (const seed of [0, 1, 42, 0xffffffff]) {
    let state = seed;
    const expected: string[] = [];
    for (let i = 0; i < 5; i++) {
      state = Number((1103515245n * BigInt(state) + 12345n) % 2n ** 31n);
      expected.push(String(bits32(Math.fround(Math.fround(state) / 2147483648))));
    }
    t.equal(ask("lcg", seed), `${expected.join(" ")} `);
  }
});

t.test("init payloads of keys and values", async (t) => {
  for (const [payload, expected] of [
    ["a=1,b=true,n=7,list=1:2:x:3", "1|true|7|1,2,3|false"],
    ["a=1=2,b=TrUe", "1|true|9||false"],
    ["a=1,a=2,n=-1", "2|false|9||false"],
    [" a=1,=x,b=yes", "-|false|9||true"],
    ["a=", "|false|9||false"],
    ["list=", "-|false|9||false"],
    ["", "-|false|9||false"],
  ] as const) {
    t.equal(ask("args", payload), expected, payload);
  }
  probe.take();
  t.equal(ask("args", "nonsense,a=1"), "1|false|9||false");
  t.match(probe.take(), [["log", 1, "probe", /nonsense/]]);
});

t.test("text crosses the border unchanged", async () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      const wellFormed = Buffer.from(text, "utf8").toString("utf8");
      probe.take();
      probe.cast(`x${wellFormed}`);
      const [effect] = probe.take();
      return effect?.[0] === "cast" && effect[1] === "öut" && effect[2] === `x${wellFormed}`;
    }),
  );
});

t.test("lone surrogates never leave the function", async (t) => {
  t.same(probe.cast("lone").take(), [["cast", "öut", "\ufffda\ufffd"]]);
});

t.test("log levels, telemetry, ids and byte access", async (t) => {
  t.same(probe.cast("levels").take(), [
    ["log", 1, "probe", "e"],
    ["log", 2, "probe", "w"],
    ["log", 3, "probe", "i"],
    ["log", 4, "probe", "d"],
    ["log", 5, "probe", "t"],
    ["log", 5, "tbegin", "7"],
  ]);
  const id = `InstanceId(node_id: ${SELF.nodeId}, function_id: ${SELF.functionId})`;
  t.same(probe.cast("self").take(), [["delayed-cast", Number(2n ** 64n - 1n), "self", id]]);
  t.same(probe.cast("bytes").take(), [
    ["cast", "öut", "bytes"],
    ["call", "öut", "bytes"],
    ["cast-raw", "source", "bytes"],
    ["sync", "bytes"],
  ]);
  t.equal(ask("bytes", "é"), "bytes:é");
  t.equal(ask("dropped", "é"), "é");
  t.equal(probe.call("unknown"), null);
});

t.test("a reply is read whatever width the host writes its length with", async (t) => {
  for (const lengthBytes of [4, 8] as const) {
    const answers: Record<string, Answer> = { a: "ok", e: "", n: null, x: "error-code" };
    const guest = new GuestDriver(wasm, { lengthBytes, answer: (_, text) => answers[text] ?? null }).init();
    t.equal(guest.call("call:a"), "1okok");
    t.equal(guest.call("call:e"), "1");
    t.equal(guest.call("call:n"), "0");
    t.equal(guest.call("call:x"), "2");
  }
});

t.test("base64", async (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), (text) => {
      return ask("encode64", text) === Buffer.from(text, "utf16le").toString("base64");
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
      const bytes = Buffer.from(text, "utf8");
      return ask("decode64", bytes.toString("base64")) === bytes.toString("utf8");
    }),
  );
  for (const text of ["a", "ab", "abc", "ab=c", "a===", "ab*=", "abcd=", "YW==YW==", "YR=="]) {
    t.equal(ask("decode64", text), "error-code", text);
  }
});

t.test("JSON is read and written", async (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const compact = ask("json", text);
      return typeof compact === "string" && sameJson(compact, text) && ask("skip", text) === null;
    }),
    { numRuns: 300 },
  );
  t.equal(
    ask("json", ' { "a" : [ 1 , -0.5e+3 , true , null ] , "" : "\\u00e9\\n\\ud83d\\ude42/\\/" } '),
    '{"a":[1,-0.5e+3,true,null],"":"é\\n🙂//"}',
  );
  for (const text of [
    "",
    "{",
    "[1,]",
    "[,1]",
    "{,}",
    '{"a"}',
    '{"a":1,}',
    "01",
    "1.",
    ".5",
    "+1",
    "tru",
    "nul",
    '"a',
    '"\n"',
    '"\\x"',
    '"\\u12g4"',
    "1 2",
    "[1}",
  ]) {
    t.equal(
      ask("json", text) === "error-code" && ask("skip", text) === "error-code" ? "refused" : "accepted",
      "refused",
      text.slice(0, 20),
    );
  }
});

t.test("whole numbers of JSON have 64 bits", async (t) => {
  for (const text of ["0", "-0", "7", "-7", "999999999", "-999999999", "1000000000", "4294967296"]) {
    t.equal(ask("json-integer", text), String(BigInt(text)), text);
  }
  for (const text of ["9223372036854775807", "-9223372036854775808", "-1234567890123456789"]) {
    t.equal(ask("json-integer", ` ${text} `), text);
  }
  for (const text of [
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "1.0",
    "1e2",
    "01",
    "-",
    "",
    "+1",
    '"1"',
    "12a",
  ]) {
    t.equal(ask("json-integer", text), "error-code", text);
  }
  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      (value) => ask("json-integer", `${value}`) === `${value}`,
    ),
  );
});

t.test("arrays and objects of JSON are closed at any depth", async (t) => {
  const text = `${'[{"a":'.repeat(50)}[]${"}]".repeat(50)}`;
  t.equal(ask("json", text), text);
});

t.test("skipping ends at a depth that the stack can bear", async (t) => {
  t.equal(ask("skip", "[".repeat(100) + "]".repeat(100)), null);
  t.equal(ask("skip", "[".repeat(100000)), "error-code");
});

t.test("memory stays where it is over many events", async (t) => {
  const before = probe.memory.buffer.byteLength;
  for (let i = 0; i < 20000; i++) {
    probe.cast(i % 2 === 0 ? "" : "some text");
    if (i % 4 === 0) probe.call("call:hello");
    probe.take();
  }
  t.equal(probe.memory.buffer.byteLength, before);
  t.equal(SOURCE.nodeId.length, 36);
});

function sameJson(a: string, b: string): boolean {
  return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
}

function bits64(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** The number between a double and the next one, by all its digits and one more. */
function halfwayAbove(value: number, more: bigint): string {
  const bits = bits64(value);
  const biased = bits >> 52n;
  const mantissa = (bits & 0xfffffffffffffn) | (biased > 0n ? 1n << 52n : 0n);
  const exponent = (biased > 0n ? biased : 1n) - 1076n;
  const twice = 2n * mantissa + 1n;
  const digits = exponent > 0n ? twice << exponent : twice * 5n ** -exponent;
  return `${10n * digits + more}e${(exponent < 0n ? exponent : 0n) - 1n}`;
}

function bits32(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function float32(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}
