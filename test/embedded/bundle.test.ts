import { createContext, runInContext } from "node:vm";
import t from "tap";
import type { Device } from "../../embedded/device.js";
import { SCD30_ADDRESS } from "../../embedded/drivers/scd30.js";
import type { Engine } from "../../embedded/engine.js";
import type { Hardware, I2cBus, TextDisplay } from "../../embedded/hardware.js";
import { EmulatedDisplay } from "../../emulator/emulated-display.js";
import { EmulatedI2cBus } from "../../emulator/emulated-i2c-bus.js";
import { EmulatedScd30 } from "../../emulator/emulated-scd30.js";
import { EmulatedFlash } from "../../emulator/flash.js";
import { constantMeasurement } from "../../emulator/measurements.js";
import { MemoryBudget } from "../../emulator/memory-budget.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import { seededRandom } from "../../emulator/seeded-random.js";
import { WasmEngine } from "../../emulator/wasm-engine.js";
import { bundleScript } from "../../esp32/bundle/bundle-script.js";
import { hoistingFaults, subsetFaults } from "../../esp32/bundle/device-subset.js";
import { hoistDeclarations } from "../../esp32/bundle/hoist-declarations.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { DeviceRig } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ROOT } from "../kit/repository.js";

/** Bytes that the device runtime with one engine and two providers may have, minified. */
const BUDGET = 56_000;

/** Names of `embedded/hardware.ts` and `embedded/engine.ts`, and of the parts of `Device` that are used here. */
const OUTSIDE =
  "socket timers random storage freeMemoryBytes hasRoomFor log board send onDatagram nowMs set clear read write erase names freeBytes readText writePart sha256 firmware show runtime load suspended memory run resume close cast_asm cast_raw_asm call_asm call_raw_asm delayed_cast_asm telemetry_log_asm slf_asm sync_asm isRegistered start startDevice".split(
    " ",
  );

const ENTRY = `
import { Device } from "./embedded/device.js";
import { defaultSettings } from "./embedded/device-settings.js";
import { epaperDisplayProvider } from "./embedded/resources/epaper-display.js";
import { scd30SensorProvider } from "./embedded/resources/scd30-sensor.js";
startDevice = function (hardware, engine, bus, display, nodeId, gateway) {
  const providers = [
    scd30SensorProvider(bus, "scd30-sensor-bridge-1", 10),
    epaperDisplayProvider(display, "epaper-display-1"),
  ];
  const device = new Device(hardware, [engine], providers, defaultSettings(nodeId, gateway));
  device.start();
  return device;
};
`;

/** What a board's interpreter brings along; everything else is missing in the bundle's world. */
const WORLD =
  "Object Array String Number Boolean Function Math JSON Error Uint8Array DataView ArrayBuffer isNaN NaN";

const bundle = await bundleScript({ root: ROOT, entry: ENTRY, outside: [], called: OUTSIDE, hot: [] });

t.test(
  "given the device runtime, when it is bundled, then it is small and keeps to what a board understands",
  async (t) => {
    t.same(subsetFaults(bundle.script), []);
    t.same(subsetFaults(bundle.minified), []);
    t.same(hoistingFaults(bundle.minified), []);
    t.ok(bundle.minified.length <= BUDGET, `${bundle.minified.length} of ${BUDGET} bytes`);
    t.comment(`${bundle.minified.length} bytes`);
  },
);

t.test("given scripts that a board gets wrong, when they are checked, then each is found", async (t) => {
  for (const [script, what] of [
    ["a: for (;;) { break a; }", "a label"],
    ["switch (x) { default: y(); break; case 1: z(); }", "a default clause that is not the last one"],
    ["var a = new Map();", "the name Map"],
    ["var s = Symbol.iterator;", "the name Symbol"],
    ["new TextDecoder();", "the name TextDecoder"],
    ["Math.imul(2, 3);", "Math.imul"],
    ["Math.trunc(2.5);", "Math.trunc"],
    ["Array.from([]);", "Array.from"],
    ["Number.isInteger(3);", "Number.isInteger"],
    ["Object.freeze({});", "Object.freeze"],
    ["bytes.copyWithin(0, 1);", ".copyWithin()"],
    ["list.length = 0;", "an assignment to length"],
    ["Object.create(p, { a: b });", "Object.create with properties"],
    ["_inherits(Fault, Error);", "a class that extends Error"],
    ["var r = /a/;", "a regular expression"],
    ["function f(x) { if (x) return }", "a function whose last word is return"],
    ["class A {}", "beyond ES5: The keyword 'class' is reserved (1:0)"],
    ["let a = (b) => b;", "beyond ES5: Unexpected token (1:4)"],
  ] as const)
    t.equal(subsetFaults(script)[0]?.what, what, script);
  t.equal(subsetFaults("\n\na: for (;;) {}")[0]?.line, 3);
});

t.test(
  "given declarations that come too late for a board, when they are checked, then each is found",
  async (t) => {
    for (const [script, what] of [
      ["f(); function f() {}", "a function below a statement"],
      ["var a; function f() {}", "a function below a variable"],
      ["a = 1; var a;", "a variable below a statement"],
      ["function f() { for (var i = 0; ; ) {} }", "a variable below a statement"],
      ["var f = function () { if (f) { var g = 1; } };", "a variable below a statement"],
    ] as const)
      t.equal(hoistingFaults(script)[0]?.what, what, script);
    t.same(hoistingFaults('"use strict"; function f() { var a; a = 1; } var b = 2, c; b = c;'), []);
  },
);

t.test(
  "given any order of declarations, when they are hoisted, then a board meets them in time, and the script says the same",
  async (t) => {
    const script = `
    var log = [];
    log.push(twice(4));
    function twice(n) { for (var i = 0, sum = 0; i < 2; i++) sum += n; var f = function () { if (n) { var m = n; } return m; }; return sum + f(); }
    for (var key in { a: 1, b: 2 }) log.push(key);
    for (var j = 0; j < 2; j++) { var square = j * j, unset; log.push(square, unset); }
    if (log.length > 100) { var late = 1; } else late = (function () { return inner(); function inner() { return 7; } })();
    log.push(late);
    log.join();
  `;
    const hoisted = hoistDeclarations(script);
    t.same(hoistingFaults(hoisted), []);
    t.equal(runInContext(hoisted, createContext({})), runInContext(script, createContext({})));
    t.equal(runInContext(hoisted, createContext({})), "12,a,b,0,,1,,7");
  },
);

t.test("given code within the subset, when it is checked, then nothing is found", async (t) => {
  const script = `var o = { Map: 1, Symbol: 2 }; o.Map = o.Symbol; switch (o) { case 1: break; default: f(); }
    var e = x instanceof Error; var m = Math.floor(1.5); Object.create(p); a.splice(0, a.length);`;
  t.same(subsetFaults(script), []);
});

/** The bundle as one script, and as a board gets it. */
const FORMS = {
  whole: () => bundle.minified,
  split: () => `var T=${JSON.stringify(bundle.split.cold)};${bundle.split.resident}`,
};

for (const [form, script] of Object.entries(FORMS)) {
  t.test(
    `given the ${form} bundle in a board's world, when it runs, then it is a device like any other`,
    async (t) => {
      const rig = new DeviceRig();
      const memory = new MemoryBudget(262_144);
      const random = seededRandom(5);
      const display = new EmulatedDisplay();
      const bus = new EmulatedI2cBus();
      const measurement = constantMeasurement({ co2: 800.125, humidity: 50.5, temperature: 20.25 });
      bus.attach(SCD30_ADDRESS, new EmulatedScd30(measurement, rig.clock));
      const hardware: Hardware = {
        socket: rig.network.open(rig.place.address, rig.place.port),
        timers: new NumberedTimers(rig.clock),
        random: (target) => random.fill(target),
        storage: new EmulatedFlash(100_000),
        freeMemoryBytes: () => memory.freeBytes,
        hasRoomFor: () => true,
        log: () => {},
        board: "bundle",
      };
      const engine = new WasmEngine(new ModuleLibrary(), memory, 2000);
      const device = startInWorld(script(), hardware, engine, bus, display);
      t.equal(display.text, "Edgeless\nInitialized");
      await rig.until(() => device.isRegistered());
      t.match(rig.gateway.registrations[0]?.registration, { board: "bundle", limits: { instances: 8 } });
      const handle = await rig.start(shippedModule("messaging_test"), { test: 7 });
      await rig.send(handle, "test_cast_output");
      await rig.send(handle, "test_ret", 3, 9);
      t.same(rig.gateway.texts(), ["cast_output", "test_reply"]);
      await rig.startResource("scd30-sensor", {}, { data_out: 8 });
      await rig.clock.advance(11_000);
      t.equal(rig.gateway.texts()[2], "800.12500;50.50000;20.25000");
      t.equal((await rig.put("f/250", new Uint8Array([0xff])))?.code, 0x84);
    },
  );
}

function startInWorld(
  script: string,
  hardware: Hardware,
  engine: Engine,
  bus: I2cBus,
  display: TextDisplay,
): Device {
  const world = createContext({ startDevice: undefined });
  const missing = runInContext("Object.getOwnPropertyNames(globalThis)", world) as string[];
  for (const name of missing) {
    if (!WORLD.split(" ").includes(name) && name !== "startDevice")
      runInContext(`delete this[${JSON.stringify(name)}]`, world);
  }
  runInContext(script, world);
  const start = runInContext("startDevice", world) as (...parts: unknown[]) => Device;
  return start(hardware, engine, bus, display, "6f1e8a4c-0000-4000-8000-000000000001", "10.0.0.1");
}
