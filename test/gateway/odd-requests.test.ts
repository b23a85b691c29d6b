import { generate, type ParsedPacket, parse } from "coap-packet";
import t from "tap";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { EmulatedDevice } from "../../emulator/emulated-device.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import { formatLinks } from "../../gateway/links.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { openUdpSocket, type UdpSocket } from "../../platform/udp-socket.js";
import { eventually } from "../kit/eventually.js";
import { uuid } from "../node/kit/events.js";
import { rigFor } from "./kit/gateway-steps.js";

t.setTimeout(60_000);

const LOOPBACK = "127.0.0.1";
const IMAGE = "i/0123456789abcdef";

/** A request in the terms of the npm library, an encoder that is not ours. */
interface Odd {
  readonly path?: string;
  readonly code?: string;
  readonly isNon?: boolean;
  /** Options by their number, as hexadecimal digits. */
  readonly options?: Readonly<Record<number, string>>;
  readonly payload?: Uint8Array;
  /** A datagram as hexadecimal digits instead; `1234` is its message id. */
  readonly raw?: string;
}

/** Requests and what RFC 7252, 7641 and 7959 want: type and code of the answer, and Block options if any; empty: silence. */
const TABLE: readonly (readonly [what: string, request: Odd, answer: string])[] = [
  ["a status", { path: "s" }, "ACK 2.05"],
  ["a non-confirmable request", { path: "s", isNon: true }, "NON 2.05"],
  ["Uri-Host and Uri-Port", { path: "s", options: { 3: "782e79", 7: "1633" } }, "ACK 2.05"],
  ["a query that means nothing here", { path: "s", options: { 15: "613d31" } }, "ACK 2.05"],
  ["If-Match", { path: "s", options: { 1: "01" } }, "ACK 4.02"],
  ["If-None-Match", { path: "s", options: { 5: "" } }, "ACK 4.02"],
  ["a critical option in a non-confirmable request", { path: "s", isNon: true, options: { 1: "01" } }, ""],
  ["Proxy-Uri", { options: { 35: "636f61703a2f2f612f62" } }, "ACK 5.05"],
  ["Proxy-Scheme", { path: "s", options: { 39: "636f6170" } }, "ACK 5.05"],
  ["Accept of what there is", { path: "s", options: { 17: "3c" } }, "ACK 2.05"],
  ["Accept of JSON", { path: "s", options: { 17: "32" } }, "ACK 4.06"],
  ["Accept of text", { path: "s", options: { 17: "" } }, "ACK 4.06"],
  ["No-Response, which is elective", { path: "s", options: { 258: "1a" } }, "ACK 2.05"],
  ["Request-Tag, which is elective", { path: "s", options: { 292: "0102" } }, "ACK 2.05"],
  ["Hop-Limit, which is elective", { path: "s", options: { 16: "03" } }, "ACK 2.05"],
  ["ETag of something else", { path: "s", options: { 4: "0102" } }, "ACK 2.05"],
  ["an Echo that nobody gave", { path: "s", options: { 252: "010203" } }, "ACK 2.05"],
  ["an unknown elective option", { path: "s", options: { 2040: "01" } }, "ACK 2.05"],
  ["an unknown critical option", { path: "s", options: { 2041: "01" } }, "ACK 4.02"],
  ["a first block of 16", { path: "s", options: { 23: "" } }, "ACK 2.05 block2 0/more/16"],
  ["a second block of 16", { path: "s", options: { 23: "10" } }, "ACK 2.05 block2 1/*/16"],
  ["a block behind the end", { path: "s", options: { 23: "0270f0" } }, "ACK 4.00"],
  ["a block of the reserved size", { path: "s", options: { 23: "07" } }, "ACK 4.00"],
  ["an observation", { path: "s", options: { 6: "" } }, "ACK 2.05 observed"],
  ["its end", { path: "s", options: { 6: "01" } }, "ACK 2.05"],
  ["an observation of what cannot be", { path: "i", options: { 6: "" } }, "ACK 2.05"],
  ["a payload where none belongs", { path: "s", payload: Buffer.from("x") }, "ACK 2.05"],
  ["FETCH", { path: "s", code: "0.05" }, "ACK 4.05"],
  ["an unknown method", { path: "s", code: "0.31" }, "ACK 4.05"],
  ["a method that does not fit", { path: "s", code: "0.04" }, "ACK 4.05"],
  ["the root", {}, "ACK 4.04"],
  ["an empty segment", { path: "s/" }, "ACK 4.04"],
  [
    "a block out of order",
    { path: IMAGE, code: "0.03", options: { 27: "1c" }, payload: Buffer.alloc(256) },
    "ACK 4.08 block1 1/last/256",
  ],
  [
    "a block of another length",
    { path: IMAGE, code: "0.03", options: { 27: "0c" }, payload: Buffer.alloc(100) },
    "ACK 4.00 block1 0/last/256",
  ],
  [
    "a block of the reserved size, up",
    { path: IMAGE, code: "0.03", options: { 27: "0f" }, payload: Buffer.alloc(100) },
    "ACK 4.00",
  ],
  ["a ping", { raw: "40001234" }, "RST 0.00"],
  ["a ping that nobody waits for", { raw: "50001234" }, ""],
  ["a stray acknowledgement", { raw: "60001234" }, ""],
  ["a stray reset", { raw: "70001234" }, ""],
  ["a stray response", { raw: "40451234" }, "RST 0.00"],
  ["a code of a reserved class", { raw: "40211234" }, "RST 0.00"],
  ["a token of nine bytes", { raw: "49011234010203040506070809" }, "RST 0.00"],
  ["another version", { raw: "80011234" }, ""],
  ["a marker without a payload", { raw: "40011234b173ff" }, "RST 0.00"],
];

/** A client that writes and reads messages with the npm codec, and answers what it is asked with 2.01 or 2.05. */
class OddClient {
  readonly answers: ParsedPacket[] = [];
  readonly #socket: UdpSocket;
  readonly #port: number;
  #messageId = 100;

  constructor(socket: UdpSocket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.onDatagram((datagram) => {
      const packet = parse(Buffer.from(datagram));
      if (!/^0\.0[1-9]/.test(packet.code)) this.answers.push(packet);
      else
        this.#send(
          generate({
            ...packet,
            ack: true,
            confirmable: false,
            code: "2.01",
            options: [],
            payload: Buffer.alloc(0),
          }),
        );
    });
  }

  /** The answer to a request, in the words of the table; a ping behind it tells that nothing else comes, or nothing at all. */
  async ask(odd: Odd, isSilent: boolean): Promise<string> {
    this.answers.length = 0;
    this.#messageId += 2;
    const raw = odd.raw?.replace("1234", this.#messageId.toString(16).padStart(4, "0"));
    this.#send(raw === undefined ? this.#write(odd) : Buffer.from(raw, "hex"));
    const ping = generate({ confirmable: true, code: "0.00", messageId: this.#messageId + 1 });
    const isOver = () =>
      this.answers.find(({ messageId, reset }) => reset && messageId === this.#messageId + 1);
    if (!isSilent) await eventually("an answer", () => this.answers.length > 0);
    this.#send(ping);
    await eventually("the end", isOver);
    return this.answers
      .filter((packet) => packet !== isOver())
      .map(describe)
      .join(" | ");
  }

  #write({
    path = "",
    code = "0.01",
    isNon = false,
    options = {},
    payload = new Uint8Array(0),
  }: Odd): Buffer {
    const segments =
      path === "" ? [] : path.split("/").map((part) => ({ name: 11, value: Buffer.from(part) }));
    const others = Object.entries(options).map(([number, hex]) => ({
      name: Number(number),
      value: Buffer.from(hex, "hex"),
    }));
    const sorted = [...others, ...segments].sort((one, other) => one.name - other.name);
    return generate({
      ...{ code, confirmable: !isNon, messageId: this.#messageId, token: Buffer.of(7) },
      options: sorted.map(({ name, value }) => ({ name: `${name}`, value })),
      payload: Buffer.from(payload),
    });
  }

  #send(datagram: Uint8Array): void {
    this.#socket.send(datagram, LOOPBACK, this.#port);
  }
}

function describe({ ack, reset, confirmable, code, options }: ParsedPacket): string {
  const words = [`${ack ? "ACK" : reset ? "RST" : confirmable ? "CON" : "NON"} ${code}`];
  for (const { name, value } of options) {
    if (name === "Observe") words.push("observed");
    if (name !== "Block1" && name !== "Block2") continue;
    const block = value.length === 0 ? 0 : value.readUIntBE(0, value.length);
    const more = name === "Block2" && block >> 4 > 0 ? "*" : block & 8 ? "more" : "last";
    words.push(`${name.toLowerCase()} ${block >> 4}/${more}/${16 << (block & 7)}`);
  }
  return words.join(" ");
}

for (const side of ["gateway", "device"] as const)
  t.test(
    `given a ${side}, when strange requests of another implementation come, then it answers as the RFCs want it`,
    async (t) => {
      const socket = await openUdpSocket(LOOPBACK, 0, "test");
      t.teardown(() => socket.close());
      const own = await openUdpSocket(LOOPBACK, 0, "test");
      t.teardown(() => own.close());
      const client = new OddClient(own, socket.port);
      if (side === "gateway") await rigFor(t, { socket, address: LOOPBACK });
      else {
        const device = new EmulatedDevice({
          ...{ nodeId: uuid(1), gatewayAddress: LOOPBACK, socket, clock: systemClock, random: systemRandom },
          profile: BOARD_PROFILES["esp32-wasm"] as BoardProfile,
          library: new ModuleLibrary(),
          peripherals: { resources: [] },
          settings: { gatewayPort: own.port },
        });
        device.powerOn();
        t.teardown(() => device.powerOff());
      }
      for (const [what, request, answer] of TABLE)
        t.equal(await client.ask(request, answer === ""), answer, what);
    },
  );

t.test("given queries for links, when they are looked for, then those that fit are found", async (t) => {
  const all = '</rd>;rt="core.rd",</e>,</l>,</y>,</i>;ct=60,</s>;obs;ct=60';
  t.equal(formatLinks(""), all);
  t.equal(formatLinks("rt=core.rd"), '</rd>;rt="core.rd"');
  t.equal(formatLinks("rt=core.rd*"), '</rd>;rt="core.rd"');
  t.equal(formatLinks("rt=core.rd-lookup*"), "");
  t.equal(formatLinks("ct=60"), "</i>;ct=60,</s>;obs;ct=60");
  t.equal(formatLinks("ct=60&obs"), "</s>;obs;ct=60");
  t.equal(formatLinks("href=/e"), "</e>");
  t.equal(formatLinks("href=/*"), all);
});
