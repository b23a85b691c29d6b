import { createSocket } from "node:dgram";
import t from "tap";
import { sink } from "../gateway/kit/gateway-steps.js";
import { functionFolder } from "../kit/built-function.js";
import { NO_ESPRUINO } from "../kit/espruino-board.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { seededRandom } from "../kit/seeded-random.js";
import { uuid } from "../node/kit/events.js";
import { RealBoard } from "./kit/real-board.js";

/** How much of the lasting tests is done: events in a row, and starts of a function. */
const EVENTS = Number(process.env.BOARD_EVENTS ?? 400);
const STARTS = Number(process.env.BOARD_STARTS ?? 8);
/** Variables that the largest function leaves free that a board takes. */
const LEFT = 470;
/** Variables by which two readings of a board may differ, for messages that are remembered. */
const SLACK = 40;

t.setTimeout(400_000 + 100 * EVENTS + 3_000 * STARTS);

const GREEDY = `
import { ByteWriter, EdgeFunction, Event, log, Output } from "edgeless";
const result = new Output("result");
const text = new ByteWriter(11);
const long = new ByteWriter(512);
let zero = 0;
function deep(levels: i32): i32 {
  return levels == 0 ? zero : deep(levels - 1) + 1;
}
@edgeFunction
class Greedy extends EdgeFunction {
  onCast(event: Event): void {
    const value = event.i32();
    let answer = value * 2;
    if (value >= 1000) answer = deep(value - 1000);
    if (value >= 500 && value < 600) {
      long.clear();
      for (let i = 0; i < 256; i++) long.i32(10 + i % 10);
      if (value == 500) for (let i = 0; i < 5; i++) result.delayedCastBytes(3000, long.ptr, long.len);
      if (value == 501) for (let i = 0; i < 6; i++) log.bytes(3, long.ptr, long.len);
      if (value == 502) for (let i = 0; i < 6; i++) result.castBytes(long.ptr, long.len);
    }
    result.castBytes(text.clear().i32(answer).ptr, text.len);
  }
}
`;

async function built(id: string, source: string): Promise<Uint8Array> {
  const folder = functionFolder(id, source);
  const { wasm } = await folder.build({ profile: "tiny" });
  folder.remove();
  return wasm;
}

/** A Wi-Fi for the interpreter for Linux, which has none. */
const WIFI = `Modules.addCached("Wifi",function(){
exports.stopAP=exports.disconnect=exports.setHostname=function(){};
exports.getIP=function(){return {ip:"10.0.0.1"}};
exports.connect=function(ssid,options,done){setTimeout(function(){done(null)},200)};
testWifi=exports});`;

t.test(
  "given a board, when a function or something else takes all its memory, then it starts anew with its functions",
  { skip: NO_ESPRUINO },
  async (t) => {
    const real = await RealBoard.start(t);
    const greedy = await real.start("greedy", await built("greedy", GREEDY), 71);
    await real.cast(greedy, "1190");
    await eventually("a new start", () => real.board.starts === 2);
    await real.says(71, greedy, "21", "42");
    t.pass("calls inside each other that find no room");
    await real.fill(100);
    await real.cast(greedy, `7${" ".repeat(40)}`);
    await eventually("a new start", () => real.board.starts === 3);
    await real.says(71, greedy, "23", "46");
    t.pass("a message that finds no room");
  },
);

t.test(
  "given a board, when events come in a row and a function comes and goes, then its memory stays as it is",
  { skip: NO_ESPRUINO },
  async (t) => {
    const real = await RealBoard.start(t);
    const wasm = shippedModule("double_tiny");
    let instance = await real.start("double_tiny", wasm, 71);
    let before = 0;
    for (let i = 1; i <= EVENTS; i++) {
      await real.cast(instance, `${i}`);
      await eventually(`event ${i}`, () => real.rig.received.length >= i || undefined, 10_000);
      if (i === 100) before = await real.idleVariables();
    }
    t.same(
      real.rig.payloads(uuid(71)),
      Array.from({ length: EVENTS }, (_, i) => `${2 * i + 2}`),
    );
    const after = await real.idleVariables();
    t.comment(`${EVENTS} events: ${before} variables are free after 100, ${after} after the last`);
    t.ok(after >= before - SLACK);
    let early = 0;
    for (let i = 1; i <= STARTS; i++) {
      await real.agent.stopFunction(instance);
      instance = await real.start("double_tiny", wasm, 71);
      if (i === 3) early = await real.idleVariables();
    }
    const late = await real.idleVariables();
    t.comment(`${STARTS} starts: ${early} variables are free after 3, ${late} after the last`);
    t.ok(late >= early - SLACK);
    await real.says(71, instance, "21", "42");
    t.equal(real.board.starts, 1);
  },
);

/** A clock that can be moved; the timers of the interpreter have another one. */
const CLOCK = "var testTime=getTime,testJump=0;global.getTime=function(){return testTime()+testJump};";

t.test(
  "given a board, when wrong datagrams come from anywhere, its socket closes and its clock jumps, then it is the device that it was",
  { skip: NO_ESPRUINO },
  async (t) => {
    const real = await RealBoard.start(t, { before: CLOCK });
    const instance = await real.start("double_tiny", shippedModule("double_tiny"), 71);
    const stranger = createSocket("udp4");
    t.teardown(() => stranger.close());
    const send = (bytes: Uint8Array) =>
      new Promise((sent) => stranger.send(bytes, real.port, "127.0.0.1", sent));
    const trouble = async () => {
      const random = seededRandom(7);
      for (let i = 0; i < 1000; i++) {
        const bytes = random.fill(new Uint8Array(512));
        // Half of them look like CoAP, with a POST or a PUT.
        if (i % 2 === 0) bytes.set([0x40 | (i % 16), 2 + ((i >> 4) % 2)]);
        if (i % 4 === 1) real.socket.send(bytes, "127.0.0.1", real.port);
        else await send(bytes);
        if (i % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await real.says(71, instance, "2", "4");
      t.pass("1,000 datagrams of 512 random bytes, from strangers and from its gateway");
      const twice = Uint8Array.of(0x44, 1, 9, 9, 1, 2, 3, 4, 0xb1, 0x73);
      for (let i = 0; i < 40; i++) await send(i % 2 === 0 ? twice : twice.with(3, i));
      await real.says(71, instance, "3", "6");
      t.pass("the same token again and again");
      for (let i = 0; i < 5; i++) await send(new Uint8Array(0));
      await real.says(71, instance, "4", "8");
      t.pass("empty datagrams, each of which closes the socket");
      for (const seconds of [86_400, -2 * 86_400]) {
        await real.evaluate(`testJump=${seconds}`);
        await real.says(71, instance, "5", "10");
      }
      t.pass("a clock that jumps");
    };
    await real.says(71, instance, "1", "2");
    const before = await real.idleVariables();
    await trouble();
    const once = await real.idleVariables();
    await trouble();
    const after = await real.idleVariables();
    // What a board remembers of messages and strangers is bounded: it grows once.
    t.comment(`${before} variables were free before, ${once} after it, ${after} after as much again`);
    t.ok(after >= once - SLACK);
    t.equal(real.board.starts, 1);
  },
);

t.test(
  "given a board with as little memory as functions may leave, when they ask for more, then it goes on",
  { skip: NO_ESPRUINO },
  async (t) => {
    const settings = { wifi: [{ ssid: "home", password: "" }] };
    const real = await RealBoard.start(t, { before: WIFI, settings });
    const wasm = await built("greedy", GREEDY);
    const greedy = await real.start("greedy", wasm, 71);
    await real.says(71, greedy, "4", "8");
    await real.fill(LEFT);
    t.comment(`${await real.idleVariables()} variables are free`);
    const loseNetwork = async () => {
      const from = real.printed.length;
      await real.evaluate(`testWifi.emit("disconnected",{msg:"BEACON_TIMEOUT"})`);
      const found = /network lost[\s\S]*in network home[\s\S]*registered as/;
      await eventually("the network is back", () => found.test(real.printed.slice(from)), 60_000);
      await real.says(71, greedy, "22", "44");
      return real.idleVariables();
    };
    const once = await loseNetwork();
    for (let i = 0; i < 3; i++) await loseNetwork();
    const last = await loseNetwork();
    t.comment(`${once} variables are free after the network was lost once, ${last} after five times`);
    t.ok(last >= once - SLACK, "a network that is lost and found");
    for (const [what, text] of [
      ["an event of 500 bytes", `7${" ".repeat(499)}`],
      ["log lines", "501"],
      ["casts of 512 bytes", "502"],
      ["delayed casts of 512 bytes", "500"],
    ] as const) {
      for (let i = 0; i < 3; i++) await real.cast(greedy, text);
      await real.says(71, greedy, "21", "42");
      t.pass(what);
    }
    const refused = await real.request("double", shippedModule("double"), { result: sink(72) }).then(
      () => "",
      (error: Error) => error.message,
    );
    t.match(refused, /EDGELESS_WASM_TOO_LARGE.*free memory: \d+ bytes are needed/, "a start without room");
    t.notMatch(real.printed, /OUT OF MEMORY/);
    t.equal(real.board.starts, 1);
    await real.release();
    await real.agent.stopFunction(greedy);
    // The gateway has to hear first that there is room again.
    const other = await eventually("room", () => real.start("double", shippedModule("double"), 73), 60_000);
    await real.says(73, other, "21", "42");
    t.pass("afterwards it stops one and starts another");

    const second = await real.request("double", shippedModule("double"), { result: sink(74) }).then(
      () => "",
      (error: Error) => error.message,
    );
    t.match(
      second,
      /EDGELESS_WASM_TOO_LARGE.*free memory/,
      "two of the usual profile do not fit, and that is said",
    );
    await real.says(73, other, "22", "44");
    await real.agent.stopFunction(other);
  },
);
