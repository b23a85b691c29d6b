import t from "tap";
import { FORBIDDEN, SERVICE_UNAVAILABLE } from "../../coap-api/coap/codes.js";
import type { EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { CRASHED, RUNNING } from "../../coap-api/operations/instance-state.js";
import { ERRORS } from "../../core/errors.js";
import * as faults from "../../embedded/device-fault.js";
import { DeviceRig } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";

const NOTHING = new Uint8Array(0);
const MINUTE = 60_000;

/** Datagrams from the device, as hexadecimal digits. */
function fromDevice(rig: DeviceRig): string[] {
  return rig.passed
    .filter(({ from }) => from === "10.0.0.2:5683")
    .map(({ datagram }) => Buffer.from(datagram).toString("hex"));
}

t.test("given a gateway, when a device boots, then it tells once who it is and what it can do", async (t) => {
  const rig = await new DeviceRig({ settings: { name: "desk", labels: ["kitchen"] } }).boot();
  t.equal(rig.gateway.registrations.length, 1);
  const [first] = rig.gateway.registrations;
  t.equal(first?.query, "ep=6f1e8a4c-0000-4000-8000-000000000001&lt=60");
  const registration = first?.registration;
  t.match(registration, {
    edition: 1,
    board: "emulated-esp32-wasm",
    freeMemoryBytes: 262_144,
    runtimes: [0],
    digests: [],
    instances: [],
    limits: { imageBytes: 16_384, instances: 8, functionMemoryBytes: 131_072, payloadBytes: 1024 },
    labels: ["kitchen"],
    name: "desk",
  });
  t.same(
    registration?.providers.map(({ classType, outputs }) => [classType, outputs]),
    [
      ["scd30-sensor", ["data_out"]],
      ["epaper-display", []],
      ["gpio-in", ["data_out"]],
      ["gpio-out", []],
      ["adc", ["data_out"]],
      ["pwm-out", []],
      ["i2c-sensor", ["data_out"]],
    ],
  );
});

t.test(
  "given a quiet device, when it refreshes, then each refresh is empty and 16 bytes at most",
  async (t) => {
    const rig = await new DeviceRig().boot();
    await rig.clock.advance(20_000);
    rig.passed.length = 0;
    await rig.clock.advance(5 * MINUTE);
    const refreshes = fromDevice(rig);
    t.ok(refreshes.length >= 14 && refreshes.length <= 18, `three in each lifetime: ${refreshes.length}`);
    for (const datagram of refreshes) t.ok(datagram.length / 2 <= 16, datagram);
    t.ok(rig.gateway.refreshes.slice(1).every((refresh) => Object.keys(refresh).length === 0));
  },
);

t.test("given changes, when a device refreshes, then it tells them once", async (t) => {
  const rig = await new DeviceRig().boot();
  await rig.start(shippedModule("noop"));
  await rig.clock.advance(25_000);
  const [refresh, ...later] = rig.gateway.refreshes;
  t.same(refresh?.instances, [{ handle: 1, state: RUNNING, restarts: 0, reason: "" }]);
  t.equal(refresh?.freeMemoryBytes, 262_144 - 65_536);
  await rig.clock.advance(MINUTE);
  t.notOk(rig.gateway.refreshes.slice(later.length + 1).some(({ instances }) => instances !== undefined));
});

t.test(
  "given a gateway that forgot the device, when it refreshes, then it registers again with what runs",
  async (t) => {
    const rig = await new DeviceRig().boot();
    await rig.start(shippedModule("noop"));
    rig.gateway.forget();
    await rig.until(() => rig.gateway.registrations.length === 2, MINUTE);
    t.same(rig.gateway.registrations[1]?.registration.instances, [
      { handle: 1, kind: 0, tag: new Uint8Array(8).fill(1) },
    ]);
    t.equal(
      rig.gateway.registrations[1]?.registration.bootNonce,
      rig.gateway.registrations[0]?.registration.bootNonce,
    );
    await rig.until(() => rig.device.device?.isRegistered() === true);
  },
);

t.test(
  "given no gateway, when a device tries, then it backs off, and registers soon after the gateway came",
  async (t) => {
    const endpoint: Partial<EndpointSettings> = { ackTimeoutMs: 500, maxRetransmit: 1 };
    const rig = new DeviceRig({ endpoint, settings: { retryMaximumMs: 30_000 } });
    rig.network.setConditions({ loss: 1 });
    rig.device.powerOn();
    await rig.clock.advance(10 * MINUTE);
    const tries = fromDevice(rig).length / 2;
    t.ok(tries > 15 && tries < 60, `${tries} tries in ten minutes`);
    rig.network.setConditions({ loss: 0 });
    await rig.until(() => rig.gateway.registrations.length === 1, 35_000);
  },
);

t.test("given an overloaded gateway, when it names a pause, then the device keeps it", async (t) => {
  const rig = new DeviceRig();
  const asked: number[] = [];
  rig.gateway.override = ({ path }, reply) => {
    if (path !== "rd" || asked.push(rig.clock.monotonicMs()) > 1) return false;
    reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: 20 });
    return true;
  };
  await rig.boot();
  t.equal(asked.length, 2);
  t.ok((asked[1] ?? 0) - (asked[0] ?? 0) >= 20_000);
});

t.test(
  "given events for a gateway that forgot the device, when it registered again, then they arrive",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const handle = await rig.start(shippedModule("messaging_test"), { test: 7 });
    let strange = true;
    rig.gateway.override = ({ path }, reply) => {
      if (path !== "e" || !strange) return false;
      strange = false;
      rig.gateway.forget();
      reply(FORBIDDEN, NOTHING);
      return true;
    };
    await rig.send(handle, "test_cast_output");
    await rig.until(() => rig.gateway.texts().length === 1, 10_000);
    t.equal(rig.gateway.registrations.length, 2);
  },
);

t.test("given a gateway elsewhere, when the device is told, then it registers there", async (t) => {
  const rig = await new DeviceRig().boot();
  rig.device.device?.setGateway("10.0.0.9", 5683);
  await rig.clock.advance(100);
  t.ok(rig.passed.some(({ to }) => to === "10.0.0.9:5683"));
  t.notOk(rig.device.device?.isRegistered());
  rig.device.device?.setGateway("10.0.0.1", 5683);
  await rig.until(() => rig.gateway.registrations.length === 2, MINUTE);
});

t.test(
  "given a network that is lost while an event is under way, when it is back, then the event is repeated at once, or lost from another address",
  async (t) => {
    for (const isMoved of [false, true]) {
      const rig = await new DeviceRig().boot();
      const handle = await rig.start(shippedModule("messaging_test"), { test: 7 });
      const { gateway } = rig;
      await rig.send(handle, "test_delayed_cast_output");
      await rig.send(handle, "test_delayed_cast_output");
      rig.network.setConditions({ loss: 1 });
      await rig.clock.advance(1_000);
      rig.device.device?.networkLost();
      await rig.clock.advance(40_000);
      rig.network.setConditions({ loss: 0 });
      t.same(gateway.texts(), [], "nothing was taken without a network");
      t.equal(gateway.registrations.length, 1);
      rig.device.device?.networkFound(isMoved);
      await rig.until(() => gateway.registrations.length === 2, 200);
      await rig.clock.advance(200);
      t.equal(gateway.texts().length, isMoved ? 1 : 2);
    }
  },
);

t.test("given a registered device, when it leaves, then the gateway is told", async (t) => {
  const rig = await new DeviceRig().boot();
  rig.device.device?.stop();
  await rig.clock.advance(100);
  t.equal(rig.gateway.left, 1);
});

t.test(
  "given a power cycle, when the device is back, then it has a new boot nonce and its images",
  async (t) => {
    const rig = await new DeviceRig().boot();
    await rig.start(shippedModule("noop"));
    rig.device.powerOff();
    await rig.clock.advance(MINUTE);
    await rig.boot();
    const [before, after] = rig.gateway.registrations.map(({ registration }) => registration);
    t.not(after?.bootNonce, before?.bootNonce);
    t.same(after?.instances, []);
    t.equal(after?.digests.length, 1);
    t.equal(after?.freeMemoryBytes, 262_144);
  },
);

t.test("given a crash, when the gateway did not hear of it, then it is told until it did", async (t) => {
  const rig = await new DeviceRig().boot();
  const handle = await rig.start(shippedModule("messaging_test"));
  await rig.clock.advance(1000);
  let refused = 0;
  rig.gateway.override = ({ path }, reply) => {
    if (!path.startsWith("rd/") || refused++ > 0) return false;
    reply(SERVICE_UNAVAILABLE, NOTHING, { maxAge: 3 });
    return true;
  };
  await rig.send(handle, "test_call_output");
  await rig.until(() => rig.gateway.refreshes.length > 0, 10_000);
  const [refresh] = rig.gateway.refreshes;
  t.match(refresh?.instances, [{ handle, state: CRASHED, reason: "53 an output is not mapped" }]);
  t.equal(refresh?.counters?.[8], 1);
});

t.test(
  "given the numbers of faults on a device, when compared with the catalogue, then they are its",
  async (t) => {
    const numbers = new Set<number>(Object.values(ERRORS).map(({ number }) => number));
    for (const [name, value] of Object.entries(faults))
      if (typeof value === "number") t.ok(numbers.has(value), `${name} is ${value}`);
    t.equal(faults.TRAPPED, ERRORS.EDGELESS_FUNCTION_TRAPPED.number);
    t.equal(faults.OUT_OF_TIME, ERRORS.EDGELESS_FUNCTION_OUT_OF_TIME.number);
    t.equal(faults.OUT_OF_MEMORY, ERRORS.EDGELESS_FUNCTION_OUT_OF_MEMORY.number);
    t.equal(faults.IMAGE_TOO_LARGE, ERRORS.EDGELESS_WASM_TOO_LARGE.number);
    t.equal(faults.IMAGE_NOT_HELD, ERRORS.EDGELESS_IMAGE_NOT_HELD.number);
    t.equal(faults.DEVICE_FULL, ERRORS.EDGELESS_DEVICE_FULL.number);
    t.equal(faults.UNKNOWN_CLASS, ERRORS.EDGELESS_UNKNOWN_CLASS.number);
    t.equal(faults.BAD_MESSAGE, ERRORS.EDGELESS_BAD_MESSAGE.number);
  },
);
