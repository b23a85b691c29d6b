import { createContext, runInContext } from "node:vm";
import t from "tap";
import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { EmulatedI2cBus, I2cRegisters } from "../../emulator/emulated-i2c-bus.js";
import { EmulatedPins } from "../../emulator/emulated-pins.js";
import { EmulatedScd30 } from "../../emulator/emulated-scd30.js";
import { EmulatedSsd1680 } from "../../emulator/emulated-ssd1680.js";
import { constantMeasurement } from "../../emulator/measurements.js";
import { hoistingFaults, subsetFaults } from "../../esp32/bundle/device-subset.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { boardScript } from "../kit/board-script.js";
import { EspruinoBoard, NO_ESPRUINO } from "../kit/espruino-board.js";
import { FakeClock } from "../kit/fake-clock.js";

const CLASSES = ["scd30-sensor", "epaper-display", "gpio-in", "gpio-out", "adc", "pwm-out", "i2c-sensor"];

const ENTRY = `
${CLASSES.map((name, at) => `import { create as create${at} } from "./esp32/drivers/${name}.js";`).join("\n")}
createProvider = function (config) {
  return [${CLASSES.map((_, at) => `create${at}`).join()}][${JSON.stringify(CLASSES)}.indexOf(config["class"])](config);
};
`;

const script = await boardScript(ENTRY);

/** Wiring of the panel in these tests. */
const PANEL = { sck: "D18", mosi: "D23", cs: "D5", dc: "D17", rst: "D16", busy: "D4" };

/** A picture in memory like the interpreter's, with a block in place of each letter of its font 6x8 at twice the size. */
class Picture {
  readonly buffer: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #width: number;
  readonly #height: number;
  #rotation = 0;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.buffer = new ArrayBuffer((width * height) / 8);
    this.#bytes = new Uint8Array(this.buffer);
  }

  setBgColor(): this {
    return this;
  }

  setColor(): this {
    return this;
  }

  setFont(): this {
    return this;
  }

  clear(): this {
    this.#bytes.fill(0xff);
    return this;
  }

  setRotation(quarters: number): this {
    this.#rotation = quarters;
    return this;
  }

  wrapString(text: string): string[] {
    return text.split("\n");
  }

  drawString(text: string, left: number, top: number): this {
    for (const [row, line] of text.split("\n").entries()) {
      for (const [column, letter] of [...line].entries()) {
        for (let at = 0; letter !== " " && at < 100; at++)
          this.#black(left + column * 12 + (at % 10), top + row * 16 + Math.floor(at / 10));
      }
    }
    return this;
  }

  #black(x: number, y: number): void {
    const [dot, line] = this.#rotation === 1 ? [this.#width - 1 - y, x] : [y, this.#height - 1 - x];
    if (dot < 0 || line < 0 || dot >= this.#width || line >= this.#height) return;
    const at = (line * this.#width + dot) >> 3;
    this.#bytes[at] = (this.#bytes[at] ?? 0) & ~(0x80 >> (dot & 7));
  }
}

/** The globals of a board, on emulated parts; a pin is its number. */
class World {
  readonly clock = new FakeClock();
  readonly pins = new EmulatedPins();
  readonly bus = new EmulatedI2cBus();
  readonly panel = new EmulatedSsd1680(this.clock);
  readonly casts: string[] = [];
  /** Set up of controllers, bytes on the buses, as they came. */
  readonly traffic: string[] = [];
  readonly #timers = new NumberedTimers(this.clock);
  readonly #watches: (() => void)[] = [];
  readonly #create: (config: unknown) => DeviceResourceProvider;

  /** Modes of pins, as they were set. */
  readonly modes: string[] = [];

  constructor(board = "ESP32") {
    const { clock, pins, panel } = this;
    const name = (pin: number) => `D${pin}`;
    // The button of an ESP32 is turned around.
    const level = (pin: number, wire: number) => (board === "ESP32" && pin === 0 ? 1 - wire : wire);
    const controller = (label: string) => ({
      setup: (options: object) => this.traffic.push(`${label} ${JSON.stringify(options)}`),
      writeTo: (address: number, bytes: Uint8Array) => {
        this.traffic.push(`${address.toString(16)} < ${Buffer.from(bytes).toString("hex")}`);
        this.bus.write(address, bytes);
      },
      readFrom: (address: number, count: number) => {
        const bytes = this.bus.read(address, count);
        this.traffic.push(`${address.toString(16)} > ${Buffer.from(bytes).toString("hex")}`);
        return bytes;
      },
    });
    // Each look at the time takes a moment, as on a board.
    let looks = 0;
    const world = createContext({
      ...{ createProvider: undefined, I2C1: controller("I2C1"), I2C2: controller("I2C2") },
      process: { env: { BOARD: board } },
      Pin: (text: string) => (/^D([0-9]|[1-3][0-9])$/.test(text) ? Number(text.slice(1)) : undefined),
      pinMode: (pin: number, mode: string) => {
        this.modes.push(`${name(pin)} ${mode}`);
        pins.input(name(pin), mode.replace(/^input_?(pull)?/, ""));
      },
      digitalRead: (pin: number) =>
        name(pin) === PANEL.busy ? panel.busy : level(pin, pins.read(name(pin))),
      digitalWrite: (pin: number, value: number) => {
        if (name(pin) === PANEL.dc) panel.setData(value);
        if (name(pin) === PANEL.rst) panel.setReset(value);
        pins.write(name(pin), level(pin, value));
      },
      analogRead: (pin: number) => (pin >= 32 ? pins.analog(name(pin)) : Number.NaN),
      analogWrite: (pin: number, part: number, { freq }: { freq: number }) =>
        pins.pulse(name(pin), part, freq),
      setWatch: (changed: (event: { state: boolean }) => void, pin: number) => {
        this.modes.push(`${name(pin)} watched`);
        const end = pins.watch(name(pin), (wire) => changed({ state: level(pin, wire) === 1 }));
        return this.#watches.push(end);
      },
      clearWatch: (watch: number) => this.#watches[watch - 1]?.(),
      setTimeout: (work: () => void, delayMs: number) => this.#timers.set(delayMs, work),
      getTime: () => clock.monotonicMs() / 1000 + ++looks / 10_000,
      SPI1: {
        setup: (options: object) => this.traffic.push(`SPI1 ${JSON.stringify(options)}`),
        write: (bytes: ArrayBuffer | number | number[]) => {
          panel.write(typeof bytes === "number" ? Uint8Array.of(bytes) : new Uint8Array(bytes));
        },
      },
      Graphics: { createArrayBuffer: (width: number, height: number) => new Picture(width, height) },
    });
    runInContext(script, world);
    this.#create = runInContext("createProvider", world);
  }

  create(config: Record<string, unknown>): DeviceResourceProvider {
    return this.#create({ id: "p", ...config });
  }

  start(config: Record<string, unknown>, configuration: Record<string, string> = {}) {
    const settings = Object.entries(configuration).map(([key, value]) => ({ key, value }));
    return this.create(config).start(settings, {
      timers: this.#timers,
      cast: (_channel, text) => this.casts.push(text),
      log: (_level, text) => this.casts.push(`log: ${text}`),
    });
  }
}

/** What the panel shows with the long side below, as the reader sees it: 122 lines of 250 dots. */
function landscape(panel: EmulatedSsd1680, isTurned = false): string[] {
  const lines = panel.picture();
  return Array.from({ length: 122 }, (_, row) =>
    Array.from({ length: 250 }, (_, column) =>
      isTurned ? lines[249 - column]?.[row] : lines[column]?.[121 - row],
    ).join(""),
  );
}

/** Why something is refused: boards throw texts and faults, not errors. */
function refusal(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return typeof thrown === "object" && thrown !== null && "reason" in thrown ? thrown.reason : thrown;
  }
}

/** Letters of a picture that are not blank, as `row,column`. */
function letters(picture: string[]): string[] {
  const found: string[] = [];
  for (let row = 0; row < 7; row++)
    for (let column = 0; column < 20; column++)
      if (picture[row * 16]?.[column * 12] === "#") found.push(`${row},${column}`);
  return found;
}

t.test(
  "given the drivers, when they are made a script, then it keeps to what a board understands",
  async (t) => {
    // The interpreter of a board has a `process` of its own.
    t.same(
      subsetFaults(script).filter(({ what }) => what !== "the name process"),
      [],
    );
    t.same(hoistingFaults(script), []);
  },
);

t.test("given an SCD30 on the bus of a board, when it measures, then these bytes travel", async (t) => {
  const world = new World();
  const measurement = constantMeasurement({ co2: 800.125, humidity: 50.5, temperature: 20.25 });
  world.bus.attach(0x61, new EmulatedScd30(measurement, world.clock));
  const resource = world.start({ class: "scd30-sensor", sda: "D21", scl: "D22" }, { delay: "5" });
  await world.clock.advance(5000);
  t.same(world.casts, ["800.12500;50.50000;20.25000"]);
  t.same(world.traffic, [
    'I2C1 {"sda":21,"scl":22,"bitrate":50000}',
    "61 < 46000002e3",
    "61 < 0010000081",
    "61 < 0202",
    "61 > 0001b0",
    "61 < 0300",
    "61 > 44480f0800b641a262000081424a37000081",
  ]);
  resource.stop();
  await world.clock.advance(10_000);
  t.equal(world.casts.length, 1);
});

t.test(
  "given two sensors on one bus and a third elsewhere, when they are read, then each is found",
  async (t) => {
    const world = new World();
    const registers = new I2cRegisters();
    registers.registers.set([0x19, 0x40], 0);
    world.bus.attach(0x48, registers);
    const config = { class: "i2c-sensor", sda: "D21", scl: "D22", bitrate: 400_000 };
    const asked = { address: "0x48", write: "00", format: "i16", scale: "0.00390625" };
    t.equal(world.start(config, asked).call?.(""), "25.25");
    t.equal(world.start(config, asked).call?.(""), "25.25");
    t.throws(
      () => world.start({ ...config, sda: "D32", scl: "D33" }, { address: "0x50" }).call?.(""),
      /0x50/,
    );
    t.same(world.traffic, [
      'I2C1 {"sda":21,"scl":22,"bitrate":400000}',
      ...["48 < 00", "48 > 1940", "48 < 00", "48 > 1940"],
      'I2C2 {"sda":32,"scl":33,"bitrate":400000}',
    ]);
    t.equal(
      refusal(() => world.create({ ...config, sda: "D12" })),
      "two I2C buses are set up already",
    );
    t.equal(
      refusal(() => new World().create({ ...config, sda: "D99" })),
      "no free pin D99",
    );
  },
);

t.test("given pins, when resources use them, then the board's pins do as they say", async (t) => {
  const world = new World();
  const { pins, clock } = world;
  const light = world.start({ class: "gpio-out" }, { pin: "D2" });
  light.cast("on");
  t.equal(pins.read("D2"), 1);
  const servo = world.start({ class: "pwm-out" }, { pin: "D18", frequency: "50" });
  servo.cast("0.075");
  t.same(pins.pulseOf("D18"), { part: 0.075, frequency: 50 });
  servo.stop();
  t.equal(pins.pulseOf("D18"), undefined);
  const button = world.start({ class: "gpio-in" }, { pin: "D14", pull: "up" });
  for (const level of [0, 1, 0]) {
    pins.set("D14", level);
    await clock.advance(5);
  }
  await clock.advance(20);
  button.stop();
  pins.set("D14", 1);
  await clock.advance(100);
  t.same(world.casts, ["0"]);
  pins.setAnalog("D34", 0.25);
  t.equal(world.start({ class: "adc" }, { pin: "D34", scale: "3.3" }).call?.(""), "0.8250");
  for (const [classType, pin, reason] of [
    ["gpio-out", "D6", "no free pin D6"],
    ["gpio-out", "led", "no free pin led"],
    ["adc", "D5", "pin D5 has no converter"],
  ] as const)
    t.equal(
      refusal(() => world.start({ class: classType }, { pin })),
      reason,
    );
});

t.test(
  "given the button BOOT, which an ESP32 reads turned around, when it is pressed, then its wire counts",
  async (t) => {
    const world = new World();
    const { pins, clock } = world;
    pins.set("D0", 1);
    const button = world.start({ class: "gpio-in" }, { pin: "D0", pull: "up", edge: "falling" });
    t.equal(button.call?.(""), "1");
    pins.set("D0", 0);
    await clock.advance(30);
    pins.set("D0", 1);
    await clock.advance(30);
    t.same(world.casts, ["0"]);
    t.same(world.modes, ["D0 input_pulldown", "D0 watched", "D0 input_pulldown"]);
    button.stop();
    world.start({ class: "gpio-out" }, { pin: "D0", initial: "on" });
    t.equal(pins.read("D0"), 1);
  },
);

t.test(
  "given boards with other chips, when pins are named, then those of their flash and console are refused",
  async (t) => {
    for (const [board, free, taken] of [
      ["ESP32", "D12", "D6"],
      ["ESP32C3", "D6", "D12"],
      ["ESP32S3", "D6", "D30"],
    ] as const) {
      const world = new World(board);
      t.equal(world.start({ class: "gpio-out" }, { pin: free }).call?.(""), "0", board);
      t.equal(
        refusal(() => world.start({ class: "gpio-out" }, { pin: taken })),
        `no free pin ${taken}`,
      );
    }
  },
);

t.test(
  "given a panel, when texts come, then it shows the last one of each pause, drawn in bands",
  async (t) => {
    const world = new World();
    const { panel, clock } = world;
    const display = world.start({ class: "epaper-display", ...PANEL, pause: 5 }, { header_text: "one" });
    t.same(world.traffic, ['SPI1 {"sck":18,"mosi":23,"baud":4000000}']);
    display.cast("two\nlines");
    await clock.advance(4000);
    t.equal(panel.refreshes, 1);
    t.same(panel.parameters.get(0x01), [249, 0, 0], "250 lines");
    t.same(letters(landscape(panel)).length, 8);
    display.cast("a b\n\n c");
    display.cast("ab\n\n\n\n\n\n c");
    await clock.advance(9000);
    t.equal(panel.refreshes, 2);
    t.same(letters(landscape(panel)), ["0,0", "0,1", "6,1"]);
    await clock.advance(60_000);
    t.equal(panel.refreshes, 2, "nothing new, no wear");
    t.equal(panel.faults, 0);
  },
);

t.test("given a panel that is turned, or missing, when a text comes, then the board goes on", async (t) => {
  const turned = new World();
  turned.create({ class: "epaper-display", ...PANEL, turned: true });
  await turned.clock.advance(4000);
  t.same(letters(landscape(turned.panel, true)).length, 19);
  t.equal(turned.panel.faults, 0);
  const missing = new World();
  const display = missing.start({ class: "epaper-display", ...PANEL, busy: "D15", pause: 0 });
  missing.pins.set("D15", 1);
  display.cast("text");
  await missing.clock.advance(60_000);
  display.stop();
  await missing.clock.advance(60_000);
  t.equal(missing.clock.pending, 0);
});

const PANEL_ON_INTERPRETER = `
var time = 0;
var getTime = function () { return time; };
var pinMode = function () {};
var digitalRead = function () { return 0; };
var digitalWrite = function (pin, level) { if (pin === D17) print("#d" + level); if (pin === D16) print("#r" + level); };
var SPI1 = { setup: function () {}, write: function (b) {
  var text = ""; b = typeof b === "number" ? [b] : new Uint8Array(b);
  for (var i = 0; i < b.length; i++) text += (256 + b[i]).toString(16).substr(1);
  print("#w" + text);
} };
var before = process.memory().free;
eval(require("Storage").read("drivers"));
var loaded = process.memory().free;
var provider = createProvider({ "class": "epaper-display", "id": "p", sck: "D18", mosi: "D23", cs: "D5", dc: "D17", rst: "D16", busy: "D4", pause: 1 });
var display = provider.start([{ key: "header_text", value: "CO2: 812 ppm and a line that is too long\\nIt's \\"warm\\"" }], {});
var least = 1e6;
var watch = setInterval(function () { least = Math.min(least, process.memory().free); }, 1);
setTimeout(function () {
  print("#m" + [before, loaded, least].join(", "));
  var g = Graphics.createArrayBuffer(250, 122, 1, { msb: true });
  g.setFont("6x8", 2).drawString(g.wrapString("CO2: 812 ppm and a line that is too long\\nIt's \\"warm\\"", 250).join("\\n"), 0, 0);
  for (var y = 0; y < 122; y++) { var t = ""; for (var x = 0; x < 250; x++) t += g.getPixel(x, y) ? "#" : "."; print("#p" + t); }
  print("#end");
}, 4000);
`;

t.test(
  "given a panel on the real interpreter, when a text is shown, then it shows what the interpreter draws",
  { skip: NO_ESPRUINO },
  async (t) => {
    const run = new EspruinoBoard();
    t.teardown(() => run.close());
    run.store({ drivers: script, ".boot0": PANEL_ON_INTERPRETER });
    await run.powerOn().says(/#end/);
    const clock = new FakeClock();
    const panel = new EmulatedSsd1680(clock);
    const expected: string[] = [];
    for (const [, kind, value = ""] of run.output.matchAll(/#([dwrpm])([^\r\n]*)/g)) {
      if (kind === "d") panel.setData(Number(value));
      if (kind === "r") panel.setReset(Number(value));
      if (kind === "p") expected.push(value);
      if (kind === "w") panel.write(Buffer.from(value, "hex"));
      await clock.advance(kind === "w" ? 100 : 0);
      if (kind === "m") t.comment(`variables free before the drivers, with them, while drawing: ${value}`);
    }
    t.same(landscape(panel), expected);
    t.ok(expected.join("").includes("#"));
  },
);
