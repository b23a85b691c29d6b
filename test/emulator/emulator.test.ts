import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { DeviceFault } from "../../embedded/device-fault.js";
import type { GuestImports } from "../../embedded/engine.js";
import { HANDLE_CAST, HANDLE_INIT, MEM_ALLOC } from "../../embedded/guest-exports.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { EmulatedFlash } from "../../emulator/flash.js";
import { Fleet } from "../../emulator/fleet.js";
import { csvMeasurements, roomModel } from "../../emulator/measurements.js";
import { MemoryBudget } from "../../emulator/memory-budget.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import type { LinkConditions } from "../../emulator/network/link-conditions.js";
import { SimulatedNetwork } from "../../emulator/network/simulated-network.js";
import { seededRandom } from "../../emulator/seeded-random.js";
import { WasmEngine } from "../../emulator/wasm-engine.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { prepareImage } from "../../toolchain/image/prepare.js";
import { FakeClock } from "../kit/fake-clock.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ScriptedGateway } from "../kit/scripted-gateway.js";

const PAGE = 65_536;

/** When each of `count` datagrams, one sent every millisecond, arrives. */
async function arrivals(conditions: Partial<LinkConditions>, count: number, seed = 3, bytes = 100) {
  const clock = new FakeClock();
  const network = new SimulatedNetwork(clock, seededRandom(seed), conditions);
  const seen: { readonly index: number; readonly atMs: number }[] = [];
  network.open("b", 1).onDatagram(([high = 0, low = 0]) => {
    seen.push({ index: high * 256 + low, atMs: clock.monotonicMs() });
  });
  const from = network.open("a", 1);
  for (let index = 0; index < count; index++) {
    const datagram = new Uint8Array(bytes);
    datagram.set([index >> 8, index & 255]);
    from.send(datagram, "b", 1);
    await clock.advance(1);
  }
  await clock.advance(100_000);
  return { seen, counters: network.counters };
}

t.test("given a clean link, when datagrams are sent, then all arrive in order after the delay", async (t) => {
  const { seen } = await arrivals({ delayMs: 7 }, 20);
  t.same(
    seen,
    Array.from({ length: 20 }, (_, index) => ({ index, atMs: index + 7 })),
  );
});

t.test(
  "given link conditions, when datagrams are sent, then about the given part of them suffers",
  async (t) => {
    const lossy = await arrivals({ loss: 0.2 }, 2000);
    t.ok(lossy.counters.lost > 320 && lossy.counters.lost < 480, `${lossy.counters.lost} lost`);
    t.equal(lossy.seen.length, 2000 - lossy.counters.lost);
    const doubled = await arrivals({ duplication: 0.1 }, 1000);
    t.ok(doubled.counters.duplicated > 60 && doubled.counters.duplicated < 140);
    t.equal(doubled.seen.length, 1000 + doubled.counters.duplicated);
    const mixed = await arrivals({ reordering: 0.1, delayMs: 5 }, 1000);
    const overtaken = mixed.seen.filter(({ index }, at) => index < (mixed.seen[at - 1]?.index ?? 0)).length;
    t.ok(overtaken > 40 && overtaken < 140, `${overtaken} overtaken`);
    const shaky = await arrivals({ delayMs: 10, jitterMs: 50 }, 500);
    const delays = shaky.seen.map(({ index, atMs }) => atMs - index);
    t.ok(Math.min(...delays) < 15 && Math.max(...delays) > 55 && Math.max(...delays) <= 60);
  },
);

t.test(
  "given a seed, when a run is repeated, then the same datagrams suffer; another seed, others",
  async (t) => {
    const conditions = { loss: 0.3, jitterMs: 9, duplication: 0.1 };
    const [first, again, other] = [
      await arrivals(conditions, 200, 5),
      await arrivals(conditions, 200, 5),
      await arrivals(conditions, 200, 6),
    ];
    t.same(first.seen, again.seen);
    t.notSame(first.seen, other.seen);
  },
);

t.test("given a narrow link, when datagrams queue, then each takes its time on the wire", async (t) => {
  const { seen } = await arrivals({ bandwidth: 10_240, delayMs: 0 }, 10);
  t.same(
    seen.map(({ atMs }) => Math.round(atMs)),
    Array.from({ length: 10 }, (_, index) => 100 * (index + 1)),
  );
});

t.test("given outages, when datagrams are sent meanwhile, then none arrives", async (t) => {
  const { seen } = await arrivals({ outages: [{ fromMs: 10, toMs: 20 }] }, 30);
  t.same(
    seen.map(({ index }) => index),
    [...Array(10).keys(), ...Array.from({ length: 10 }, (_, i) => 20 + i)],
  );
});

t.test("given one bad link among good ones, when both are used, then only its host suffers", async (t) => {
  const clock = new FakeClock();
  const network = new SimulatedNetwork(clock, seededRandom(1));
  let arrived = 0;
  for (const host of ["a", "b", "c"]) network.open(host, 1).onDatagram(() => arrived++);
  network.setConditions({ loss: 1 }, "b");
  const send = (from: string, to: string) => network.open(from, 1).send(new Uint8Array(1), to, 1);
  send("a", "b");
  send("b", "c");
  send("a", "c");
  send("a", "nowhere");
  await clock.advance(10);
  t.equal(arrived, 1);
  t.match(network.counters, { sent: 4, lost: 2, delivered: 1, unreachable: 1 });
});

t.test("given flash storage in a folder, when it is opened again, then its blocks are there", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-flash-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const flash = new EmulatedFlash(1000, join(folder, "a"));
  t.ok(flash.write("one", new Uint8Array(300)));
  t.ok(flash.write("one", new Uint8Array(900)), "a block is replaced");
  t.notOk(flash.write("two", new Uint8Array(100)));
  t.notOk(flash.write("one", new Uint8Array(1000)), "with its head it does not fit");
  const again = new EmulatedFlash(1000, join(folder, "a"));
  t.same(again.names(), ["one"]);
  t.equal(again.read("one")?.length, 900);
  again.erase("one");
  t.equal(again.freeBytes(), 1000);
  t.same(new EmulatedFlash(1000, join(folder, "a")).names(), []);
});

t.test(
  "given a CSV file, when a sensor follows it, then each row holds until the next, over and over",
  async (t) => {
    const source = csvMeasurements("seconds,co2,humidity,temperature\n0,400,40,20\n10,500,45,21\n", "x.csv");
    const at = (seconds: number) => source.at(seconds * 1000).co2;
    t.same([0, 9.9, 10, 19, 20, 31].map(at), [400, 400, 500, 500, 400, 500]);
    for (const [text, message] of [
      ["", /holds no measurements/],
      ["0,1,2,3\n5,a,2,3", /line 2/],
      ["5,1,2,3\n1,1,2,3", /line 2/],
      ["0,1,2,3,4\n0,1,2,3,4", /line 2/],
    ] as const)
      t.throws(() => csvMeasurements(text, "x.csv"), { code: "EDGELESS_BAD_CONFIG", message });
  },
);

t.test("given the model of a room, when a day passes, then its air stays plausible", async (t) => {
  const room = roomModel(seededRandom(9));
  for (let hour = 0; hour < 48; hour++) {
    const { co2, humidity, temperature } = room.at(hour * 3_600_000);
    t.ok(co2 > 400 && co2 < 1300 && humidity > 35 && humidity < 65 && temperature > 15 && temperature < 27);
  }
});

/** Imports of a guest that is alone in the world. */
const IMPORTS: GuestImports = {
  cast_asm: () => {},
  cast_raw_asm: () => {},
  call_asm: () => -1,
  call_raw_asm: () => -1,
  delayed_cast_asm: () => {},
  telemetry_log_asm: () => {},
  slf_asm: () => {},
  sync_asm: () => {},
};

t.test(
  "given images, when the engine loads them, then they take memory of the board and give it back",
  async (t) => {
    const memory = new MemoryBudget(3 * PAGE);
    const library = new ModuleLibrary();
    const engine = new WasmEngine(library, memory, 1000);
    const source = shippedModule("pong");
    const flash = new EmulatedFlash(100_000);
    flash.write("pong", source);
    const first = engine.load(flash, "pong", IMPORTS, 2 * PAGE, 100);
    const prepared = prepareImage(source, { maxMemoryPages: 1 }).module;
    flash.write("prepared", prepared);
    flash.write("broken", new Uint8Array(3));
    const second = engine.load(flash, "prepared", IMPORTS, 2 * PAGE, 100);
    t.equal(memory.freeBytes, PAGE);
    first.run(HANDLE_INIT, 0, 0, 0, 0);
    second.run(HANDLE_INIT, 0, 0, 0, 0);
    first.close();
    first.close();
    second.close();
    t.equal(memory.freeBytes, 3 * PAGE);
    t.equal(library.compile(source, 2), library.compile(source, 2), "modules are shared");
    const fault = (work: () => void): DeviceFault | undefined => {
      try {
        work();
      } catch (thrown) {
        if (thrown instanceof DeviceFault) return thrown;
      }
      return undefined;
    };
    t.match(
      fault(() => engine.load(flash, "pong", IMPORTS, PAGE - 1, 100)),
      { error: 52 },
    );
    const small = new WasmEngine(library, new MemoryBudget(1000), 1000);
    t.match(
      fault(() => small.load(flash, "pong", IMPORTS, PAGE, 100)),
      { error: 55 },
    );
    t.match(
      fault(() => engine.load(flash, "broken", IMPORTS, PAGE, 100)),
      { error: 50 },
    );
  },
);

t.test(
  "given a full module library, when other prepared modules come, then the least recently used is forgotten",
  async (t) => {
    const library = new ModuleLibrary(2);
    const prepare = (id: string) => prepareImage(shippedModule(id), { maxMemoryPages: 1 }).module;
    const [pong, dup, incr] = [prepare("pong"), prepare("dup"), prepare("incr")];
    const first = library.compile(pong, 1);
    const second = library.compile(dup, 1);
    t.equal(library.compile(pong.slice(), 1), first);
    library.compile(incr, 1);
    t.equal(library.forgotten, 1);
    t.equal(library.compile(pong, 1), first, "was used after the other");
    t.not(library.compile(dup, 1), second, "is compiled anew");
    t.equal(library.forgotten, 2);
  },
);

t.test("given a suspended guest, when it is resumed, then its handler goes on", async (t) => {
  const engine = new WasmEngine(new ModuleLibrary(), new MemoryBudget(PAGE), 1000);
  const flash = new EmulatedFlash(100_000);
  flash.write("ping", shippedModule("ping"));
  const guest = engine.load(flash, "ping", IMPORTS, PAGE, 100);
  guest.run(HANDLE_INIT, 0, 0, 0, 0);
  const text = Buffer.from("wakeup");
  const at = guest.run(MEM_ALLOC, text.length);
  guest.memory().set(text, at);
  const id = guest.run(MEM_ALLOC, 16);
  guest.run(HANDLE_CAST, id, id, at, text.length);
  t.equal(guest.suspended, true);
  guest.resume(() => 0);
  t.equal(guest.suspended, false);
});

t.test(
  "given a fleet, when it is switched on, then every device registers under its own id and stays",
  async (t) => {
    const clock = new FakeClock();
    const network = new SimulatedNetwork(clock, seededRandom(1), { loss: 0.05, jitterMs: 5 });
    const random = seededRandom(2);
    const timers = new NumberedTimers(clock);
    const gateway = new ScriptedGateway(
      network.open("gateway", 5683),
      timers,
      (target) => random.fill(target),
      {
        duplicatesPerPeer: 4,
      },
    );
    gateway.override = ({ path }, reply) => {
      if (path.startsWith("rd/")) reply(0x44, new Uint8Array(0));
      return path.startsWith("rd/");
    };
    const fleet = await Fleet.create({
      count: 60,
      gatewayAddress: "gateway",
      profile: BOARD_PROFILES["esp32-wasm"] as BoardProfile,
      clock,
      seed: 7,
      openSocket: (index) => network.open(`device-${index}`, 5683),
      peripherals: { resources: ["scd30-sensor"] },
      settings: { name: "field", lifetimeSeconds: 30 },
      spreadMs: 1000,
    });
    t.teardown(() => fleet.close());
    fleet.powerOn();
    await clock.advance(60_000);
    t.equal(fleet.registered, 60);
    t.equal(new Set(fleet.devices.map(({ nodeId }) => nodeId)).size, 60);
    const names = gateway.registrations.map(({ registration }) => registration.name);
    t.ok(names.includes("field-1") && names.includes("field-60"));
    fleet.powerOff();
    const { sent } = network.counters;
    await clock.advance(60_000);
    t.ok(network.counters.sent - sent < 5, "silence");
    fleet.powerOn();
    await clock.advance(30_000);
    t.equal(fleet.registered, 60);
  },
);
