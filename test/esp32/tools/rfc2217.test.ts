import { createServer } from "node:net";
import fc from "fast-check";
import t from "tap";
import { chipFamily } from "../../../esp32/tools/chip-family.js";
import { selectImages } from "../../../esp32/tools/firmware-images.js";
import { openPort } from "../../../esp32/tools/open-port.js";
import { RomLoader } from "../../../esp32/tools/rom-loader.js";
import {
  TelnetDecoder,
  telnetData,
  telnetGreeting,
  telnetMessage,
} from "../../../esp32/tools/telnet-stream.js";
import { systemClock } from "../../../platform/system-clock.js";
import { firmwareFiles } from "../../kit/firmware-files.js";
import { serveRfc2217 } from "../../kit/rfc2217-server.js";
import { ROM_CHIPS, ScriptedRom } from "../../kit/scripted-rom.js";

t.test(
  "given a server of serial lines, when a board behind it is flashed, then its modem lines reset it",
  async (t) => {
    const roms: ScriptedRom[] = [];
    const flash = Buffer.alloc(4 << 20, 0xff);
    const served = await serveRfc2217((line) => roms.push(new ScriptedRom(line, ROM_CHIPS.esp32, {}, flash)));
    t.teardown(() => served.close());
    const port = await openPort(served.port, 115_200, systemClock);
    t.teardown(() => port.close());
    t.equal(port.hasSignals, true);
    const family = chipFamily("esp32");
    const images = selectImages(firmwareFiles(family, 20_000), family, "r");
    const loader = await RomLoader.connect(port, systemClock, {
      baudRate: 460_800,
      attempts: 3,
      before: "default-reset",
      useStub: true,
    });
    for (const image of images) t.equal(await loader.write(image, false, () => {}), true);
    t.equal(await loader.finish("hard-reset"), true);
    for (const { address, bytes } of images)
      t.ok(flash.subarray(address, address + bytes.length).equals(bytes));
    t.equal(roms[0]?.inLoader, false, "the program was started");
    t.ok(served.speeds.includes(460_800), "the speed was raised");
    t.equal(served.speeds.at(-1), 115_200);
  },
);

t.test("given a port that serves no serial lines, when opened, then the error says so", async (t) => {
  const refusing = createServer((socket) => socket.end(Uint8Array.of(255, 254, 44)));
  const mute = createServer((socket) => socket.on("data", () => {}));
  const clock = {
    ...systemClock,
    setTimer: (ms: number, work: () => void) => systemClock.setTimer(ms / 20, work),
  };
  for (const [server, error] of [
    [refusing, { code: "EDGELESS_SERIAL_LOST", message: /does not serve serial lines|closed/ }],
    [mute, { code: "EDGELESS_SERIAL_PORT", message: /does not answer as a server of serial lines/ }],
  ] as const) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    const address = server.address();
    const number = address !== null && typeof address === "object" ? address.port : 0;
    await t.rejects(openPort(`rfc2217://127.0.0.1:${number}`, 115_200, clock), error);
  }
});

t.test("given bytes and messages, when cut anywhere, then they come out as they went in", async (t) => {
  t.equal(Buffer.from(telnetMessage(1, [0, 1, 194, 0])).toString("hex"), "fffa2c010001c200fff0");
  t.equal(Buffer.from(telnetMessage(1, [0, 255])).toString("hex"), "fffa2c0100fffffff0");
  t.equal(Buffer.from(telnetGreeting()).toString("hex"), "fffb00fffb03fffb2cfffd00fffd03");
  const item = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ bytes, code: 0 })),
    fc.record({ bytes: fc.uint8Array({ maxLength: 8 }), code: fc.integer({ min: 101, max: 112 }) }),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (items, step) => {
      const sent = Buffer.concat(
        items.map(({ bytes, code }) => (code === 0 ? telnetData(bytes) : telnetMessage(code, [...bytes]))),
      );
      const decoder = new TelnetDecoder();
      const data: number[] = [];
      const messages: string[] = [];
      for (let at = 0; at < sent.length; at += step) {
        const input = decoder.push(sent.subarray(at, at + step));
        data.push(...input.data);
        messages.push(...input.messages.map((message) => Buffer.from(message).toString("hex")));
      }
      const plain = items.filter(({ code }) => code === 0).flatMap(({ bytes }) => [...bytes]);
      const told = items
        .filter(({ code }) => code !== 0)
        .map(({ bytes, code }) => Buffer.from([code, ...bytes]).toString("hex"));
      return Buffer.from(data).equals(Buffer.from(plain)) && messages.join() === told.join();
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const { data, reply, messages } = new TelnetDecoder().push(noise);
      return (
        data.length <= noise.length &&
        reply.length <= noise.length &&
        messages.every(({ length }) => length < 64)
      );
    }),
  );
  const decoder = new TelnetDecoder();
  t.equal(
    Buffer.from(decoder.push(Uint8Array.of(255, 253, 1, 255, 251, 1)).reply).toString("hex"),
    "fffc01fffe01",
  );
  t.equal(decoder.push(Uint8Array.of(255, 253, 1)).reply.length, 0, "nothing is answered twice");
});
