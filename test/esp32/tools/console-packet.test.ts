import fc from "fast-check";
import t from "tap";
import { ConsoleLines, parseBoardLogLine } from "../../../esp32/tools/console-lines.js";
import {
  ConsoleDecoder,
  type ConsoleEvent,
  encodePacket,
  MOST_PACKET_BYTES,
  PACKET,
} from "../../../esp32/tools/console-packet.js";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Events with neighbouring text joined, as it may come in any pieces. */
function joined(events: readonly ConsoleEvent[]): ConsoleEvent[] {
  const result: ConsoleEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.kind === "text" && last?.kind === "text")
      result[result.length - 1] = { kind: "text", text: last.text + event.text };
    else result.push(event);
  }
  return result;
}

t.test(
  "given the example of the protocol's description, when encoded, then its bytes come out",
  async (t) => {
    const announcement = encodePacket(PACKET.fileSend, Buffer.from('{"fn":"hello.txt","s":11}'));
    t.equal(hex(announcement), "100160197b22666e223a2268656c6c6f2e747874222c2273223a31317d");
    t.equal(hex(encodePacket(PACKET.data, Buffer.from("Hello World"))), "1001800b48656c6c6f20576f726c64");
    t.throws(() => encodePacket(PACKET.data, new Uint8Array(MOST_PACKET_BYTES + 1)), RangeError);
  },
);

t.test("given what a console sends, when read, then packets, controls and text are told apart", async (t) => {
  const bytes = Buffer.from(
    `${hex(Buffer.from(">hello"))}06${hex(encodePacket(PACKET.response, Buffer.from("[1]")))}1315${hex(
      Buffer.from("x"),
    )}11`,
    "hex",
  );
  const wanted: ConsoleEvent[] = [
    { kind: "text", text: ">hello" },
    { kind: "acknowledge" },
    { kind: "packet", type: PACKET.response, payload: new Uint8Array(Buffer.from("[1]")) },
    { kind: "pause" },
    { kind: "refuse" },
    { kind: "text", text: "x" },
    { kind: "resume" },
  ];
  t.same(new ConsoleDecoder().push(bytes), wanted);
  const single = new ConsoleDecoder();
  t.same(joined([...bytes].flatMap((byte) => single.push(Uint8Array.of(byte)))), wanted, "byte by byte");
});

t.test("given any packet between any text, when cut anywhere, then it is found", async () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab \n>[]{}"), maxLength: 20 });
  fc.assert(
    fc.property(
      text,
      fc.constantFrom(PACKET.response, PACKET.data),
      fc.uint8Array({ maxLength: 600 }),
      text,
      fc.nat(640),
      (before, type, payload, after, cut) => {
        const bytes = Buffer.concat([Buffer.from(before), encodePacket(type, payload), Buffer.from(after)]);
        const decoder = new ConsoleDecoder();
        const events = joined([
          ...decoder.push(bytes.subarray(0, cut)),
          ...decoder.push(bytes.subarray(Math.min(cut, bytes.length))),
        ]);
        const packet = events.find((event) => event.kind === "packet");
        const texts = events.map((event) => (event.kind === "text" ? event.text : "|")).join("");
        return (
          packet?.kind === "packet" &&
          packet.type === type &&
          Buffer.from(packet.payload).equals(payload) &&
          texts === `${before}|${after}`
        );
      },
    ),
  );
});

t.test("given any bytes, when read, then nothing is thrown and a reset ends a packet", async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (chunks) => {
      const decoder = new ConsoleDecoder();
      const lines = new ConsoleLines();
      for (const chunk of chunks) {
        for (const event of decoder.push(chunk)) {
          if (event.kind === "text") for (const line of lines.push(event.text)) parseBoardLogLine(line);
        }
      }
      decoder.reset();
      return joined(decoder.push(Buffer.from("ok")))[0]?.kind === "text";
    }),
  );
});

t.test("given the text of a console, when read as lines, then only what is to be seen remains", async (t) => {
  const lines = new ConsoleLines();
  t.same(lines.push("\r\n>"), [""]);
  t.same(lines.push("\r\x1b[Jedgeless 3 registered as rd/2\r\n>no end"), ["edgeless 3 registered as rd/2"]);
  t.equal(lines.partial, "no end");
  t.same(new ConsoleLines().push("null\r\x1b[Jedgeless 2 p\xc3\xb6rch\n"), ["edgeless 2 pörch"]);
  t.equal(new ConsoleLines().push("x".repeat(10_000)).length, 1, "an endless line is cut");
});

t.test("given lines of a console, when they are of the runtime, then level and text are told", async (t) => {
  t.same(parseBoardLogLine("edgeless 3 registered as rd/2"), { level: 3, text: "registered as rd/2" });
  t.same(parseBoardLogLine(">edgeless 1 "), { level: 1, text: "" });
  t.equal(parseBoardLogLine("edgeless 6 x"), undefined);
  t.equal(parseBoardLogLine("the edgelessness 3 x"), undefined);
  t.equal(parseBoardLogLine("Espruino 2v29 ESP32"), undefined);
});
