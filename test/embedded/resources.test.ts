import t from "tap";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { ERROR, REPLY } from "../../coap-api/operations/event.js";
import { scd30Check } from "../../embedded/drivers/scd30.js";
import { I2cRegisters } from "../../emulator/emulated-i2c-bus.js";
import { DeviceRig } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";
import { handleOf } from "../kit/scripted-gateway.js";

const NOTHING = new Uint8Array(0);

/** Kind and text of the newest event. */
function newest(rig: DeviceRig): [number | undefined, string | undefined] {
  return [rig.gateway.events.at(-1)?.kind, rig.gateway.texts().at(-1)];
}

/** Code and error number of a start that is refused. */
async function refusal(rig: DeviceRig, classType: string, configuration: Record<string, string>) {
  const response = await rig.post("r", rig.resourcePayload(classType, configuration));
  return [response?.code, decodeDiagnostic(response?.payload ?? NOTHING).error];
}

t.test("given the check byte of the SCD30, when computed, then it is that of its data sheet", async (t) => {
  t.equal(scd30Check(0xbe, 0xef), 0x92);
});

t.test("given scd30-sensor, when it is wired, then it casts co2;rh;temp in its interval", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.startResource("scd30-sensor", { delay: "2" }, { data_out: 4 });
  await rig.clock.advance(9000);
  t.same(
    rig.gateway.texts(),
    Array.from({ length: 4 }, () => "800.12500;50.50000;20.25000"),
  );
  t.match(rig.gateway.events[0], { kind: 0, route: 4 });
  rig.device.bus.detach(0x61);
  await rig.clock.advance(20_000);
  t.equal(rig.gateway.events.length, 4, "nothing without a sensor");
  t.same(
    rig.gateway.logs.filter((line) => line.includes("answer")),
    ["scd30-sensor: the sensor does not answer"],
  );
  rig.device.bus.attach(0x61, rig.device.scd30);
  rig.device.scd30.override = { co2: Number.NaN, humidity: 50, temperature: 20 };
  await rig.clock.advance(6000);
  t.equal(rig.gateway.events.length, 4, "nothing that is no number");
  rig.device.scd30.override = { co2: 400, humidity: 30, temperature: -5.5 };
  await rig.clock.advance(2000);
  t.equal(rig.gateway.texts().at(-1), "400.00000;30.00000;-5.50000");
  await rig.wire("r", handle, {});
  const events = rig.gateway.events.length;
  await rig.clock.advance(10_000);
  t.equal(rig.gateway.events.length, events);
  t.equal(rig.device.device?.status().counters[3], 0, "a measurement for nobody is not a lost event");
});

t.test("given one sensor, when it is started twice, then the second start is refused", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.startResource("scd30-sensor", { delay: "300" });
  t.same(await refusal(rig, "scd30-sensor", {}), [0xa3, 71]);
  await rig.answer(rig.gateway.ask(rig.place, 4, `r/${handle}`));
  await rig.startResource("scd30-sensor");
});

t.test("given epaper-display, when it gets casts, then it shows each text whole", async (t) => {
  const rig = await new DeviceRig().boot();
  const { display } = rig.device;
  t.equal(display.text, "Edgeless\nInitialized");
  const first = await rig.startResource("epaper-display");
  t.equal(display.text, "Display\nStarted");
  await rig.send(first, "CO2:\n812");
  t.equal(display.text, "CO2:\n812");
  await rig.send(first, "?", 1, 7);
  t.same(newest(rig)[0], ERROR, "a display answers no calls");
  await rig.answer(rig.gateway.ask(rig.place, 4, `r/${first}`));
  t.equal(display.text, "Display Stop");
  await rig.startResource("epaper-display", { header_text: `hello ${"x".repeat(200)}` });
  t.equal(display.text.length, 128);
});

t.test(
  "given a sensor, a function and a display on one device, when wired, then no event takes the radio",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const display = await rig.startResource("epaper-display");
    const format = await rig.start(shippedModule("esp_test_fun"), { check_display: { handle: display } });
    await rig.startResource("scd30-sensor", { delay: "1" }, { data_out: { handle: format } });
    await rig.clock.advance(1500);
    t.equal(rig.device.display.text, "CO2:\n800");
    t.same(rig.gateway.events, []);
  },
);

t.test(
  "given gpio-in, when its pin changes, then it casts after the level lasted, and answers calls",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const both = await rig.startResource("gpio-in", { pin: "D2", pull: "up" }, { data_out: 1 });
    await rig.startResource("gpio-in", { pin: "D3", edge: "rising", debounce: "0" }, { data_out: 2 });
    const { pins } = rig.device;
    for (const level of [0, 1, 0]) {
      pins.set("D2", level);
      await rig.clock.advance(5);
    }
    await rig.clock.advance(50);
    t.same(rig.gateway.texts(), ["0"], "a bouncing button is pressed once");
    pins.set("D3", 1);
    await rig.clock.advance(10);
    pins.set("D3", 0);
    await rig.clock.advance(10);
    t.same(
      rig.gateway.events.map(({ route }) => route),
      [1, 2],
    );
    await rig.send(both, "", 1, 5);
    t.same(newest(rig), [REPLY, "0"]);
    t.same(await refusal(rig, "gpio-in", { pin: "D2" }), [0xa3, 71]);
    t.same(await refusal(rig, "gpio-in", {}), [0x80, 46]);
    t.same(await refusal(rig, "gpio-in", { pin: "D9", edge: "sideways" }), [0x80, 46]);
  },
);

t.test("given gpio-out, when it gets levels, then its pin has them", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.startResource("gpio-out", { pin: "D4", initial: "on" });
  const { pins } = rig.device;
  t.equal(pins.read("D4"), 1);
  for (const [text, level] of [
    ["off", 0],
    ["toggle", 1],
    ["0", 0],
    ["TRUE?", 0],
    ["high", 1],
  ] as const) {
    await rig.send(handle, text);
    t.equal(pins.read("D4"), level, text);
  }
  await rig.send(handle, "", 1, 5);
  t.same(newest(rig), [REPLY, "1"]);
  await rig.send(handle, "toggle", 1, 6);
  t.same(newest(rig), [REPLY, "0"]);
  await rig.send(handle, "up", 1, 7);
  t.same(newest(rig)[0], ERROR);
  t.same(await refusal(rig, "gpio-out", { pin: "D5", initial: "maybe" }), [0x80, 46]);
  t.same(await refusal(rig, "gpio-out", { pin: "D4" }), [0xa3, 71]);
});

t.test("given pwm-out, when it gets parts, then its pin pulses so", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.startResource("pwm-out", { pin: "D18", frequency: "50", initial: "0.075" });
  const { pins } = rig.device;
  t.same(pins.pulseOf("D18"), { part: 0.075, frequency: 50 });
  await rig.send(handle, "0.1");
  t.same(pins.pulseOf("D18"), { part: 0.1, frequency: 50 });
  await rig.send(handle, "1.5");
  await rig.send(handle, "", 1, 5);
  t.same(newest(rig), [REPLY, "0.1"], "what is no part changes nothing");
  await rig.send(handle, "1", 1, 6);
  t.same(newest(rig), [REPLY, "1"]);
  await rig.send(handle, "half", 1, 7);
  t.same(newest(rig)[0], ERROR);
  t.same(await refusal(rig, "pwm-out", { pin: "D18" }), [0xa3, 71]);
  t.same(await refusal(rig, "pwm-out", { pin: "D19", frequency: "0" }), [0x80, 46]);
  t.same(await refusal(rig, "pwm-out", { pin: "D19", initial: "2" }), [0x80, 46]);
  await rig.answer(rig.gateway.ask(rig.place, 4, `r/${handle}`));
  t.equal(pins.pulseOf("D18"), undefined);
  t.equal(pins.read("D18"), 0);
});

t.test(
  "given adc, when its interval is over, then it casts the scaled voltage if it changed enough",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const handle = await rig.startResource(
      "adc",
      { pin: "A0", interval: "1", scale: "3.3", offset: "-1", change: "0.5" },
      { data_out: 1 },
    );
    rig.device.pins.setAnalog("A0", 0.5);
    await rig.clock.advance(3100);
    t.same(rig.gateway.texts(), ["0.6500"]);
    rig.device.pins.setAnalog("A0", 1);
    await rig.clock.advance(1000);
    t.same(rig.gateway.texts(), ["0.6500", "2.3000"]);
    await rig.send(handle, "", 1, 5);
    t.same(newest(rig), [REPLY, "2.3000"]);
    t.same(await refusal(rig, "adc", { pin: "A1", interval: "0" }), [0x80, 46]);
  },
);

t.test(
  "given i2c-sensor, when its interval is over, then it casts what it read in the format asked for",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const registers = new I2cRegisters();
    registers.registers.set([0xff, 0x38, 0x10], 5);
    rig.device.bus.attach(0x48, registers);
    const base = { address: "0x48", write: "05", interval: "1" };
    const hex = await rig.startResource("i2c-sensor", { ...base, count: "3" }, { data_out: 1 });
    await rig.clock.advance(1100);
    t.same(rig.gateway.texts(), ["ff3810"]);
    await rig.answer(rig.gateway.ask(rig.place, 4, `r/${hex}`));
    for (const [format, scale, expected] of [
      ["u8", "1", "255"],
      ["i8", "1", "-1"],
      ["u16", "1", "65336"],
      ["i16", "0.5", "-100"],
      ["u16le", "1", "14591"],
      ["i16le", "1", "14591"],
    ] as const) {
      const handle = await rig.startResource("i2c-sensor", { ...base, format, scale });
      await rig.send(handle, "", 1, 5);
      t.same(newest(rig), [REPLY, expected], format);
      await rig.answer(rig.gateway.ask(rig.place, 4, `r/${handle}`));
    }
    const missing = await rig.startResource("i2c-sensor", { address: "0x10" });
    await rig.send(missing, "", 1, 6);
    t.same(newest(rig)[0], ERROR);
    for (const wrong of [
      { address: "0x99" },
      { address: "0x48", write: "5" },
      { address: "0x48", format: "f32" },
      { address: "0x48", format: "u16", count: "1" },
    ])
      t.same(await refusal(rig, "i2c-sensor", wrong), [0x80, 46], JSON.stringify(wrong));
  },
);

t.test("given an unknown class, when it is started, then the answer says so", async (t) => {
  const rig = await new DeviceRig({ resources: ["epaper-display"] }).boot();
  t.same(await refusal(rig, "coffee-machine", {}), [0x84, 45]);
  t.same(await refusal(rig, "scd30-sensor", {}), [0x84, 45]);
});

t.test(
  "given a function that calls a resource on its device, when it answers, then the function goes on",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const pin = await rig.startResource("gpio-out", { pin: "D4" });
    await rig.start(shippedModule("messaging_test"), { test: { handle: pin } });
    const ping = handleOf(await rig.post("f", rig.startPayload(await rig.upload(shippedModule("ping")))));
    await rig.wire("f", ping, { ponger: { handle: pin } });
    await rig.clock.advance(2500);
    t.equal(rig.device.device?.status().instances[2]?.reason, "");
    t.ok(rig.gateway.states.length >= 2, "an error is an answer, too");
    t.same(rig.gateway.events, []);
  },
);
