import { join } from "node:path";
import t, { type Test } from "tap";
import { readWorkflow } from "../../cli/files/workflow-file.js";
import { BOARD_PROFILES } from "../../emulator/board-profile.js";
import type { EmulatedDevice } from "../../emulator/emulated-device.js";
import { rigFor } from "../gateway/kit/gateway-steps.js";
import { eventually } from "../kit/eventually.js";
import { filesBelow, ROOT } from "../kit/repository.js";
import { System } from "../kit/system.js";

t.setTimeout(180_000);

const system = await System.start({ domains: 1, nodesPerDomain: 1 });
t.teardown(() => system.close());
const rig = await rigFor(t, { nodeRegisterUrl: system.nodeRegisterUrl(0) });

/** Workflow files that were run. */
const done: string[] = [];
let boards = 0;

/** An emulated board with all resources; its room is cold at first. */
function board(name: string, profile = BOARD_PROFILES.esp32): EmulatedDevice {
  const device = rig.device(++boards, {
    profile: profile ?? {},
    resources: ["scd30-sensor", "epaper-display", "gpio-out"],
    settings: { name },
  });
  heat(device, 18);
  return device;
}

function heat(device: EmulatedDevice, temperature: number): void {
  device.scd30.override = { co2: 812, humidity: 40, temperature };
}

async function run(t: Test, name: string): Promise<void> {
  const path = join("examples", name, "workflow.json");
  done.push(path);
  await eventually("the boards are nodes", async () => {
    const [domain] = (await system.api.domains("")).values();
    return domain?.numNodes === 1 + rig.gateway.registry.present && rig.isComplete();
  });
  const { workflowId } = await system.start(readWorkflow(join(ROOT, path)));
  await system.running(workflowId);
  t.teardown(() => system.api.stop(workflowId));
}

const line = (file: string, pattern: RegExp) =>
  eventually(`${pattern} in ${file}`, () => system.lines(file).find((text) => pattern.test(text)));

t.test("given esp32_resources, when the sensor measures, then the display shows it", async (t) => {
  const desk = board("desk");
  await run(t, "esp32_resources");
  await eventually("shown", () => /CO2:\n812/.test(desk.display.text));
});

t.test(
  "given thermostat, when the room cools and warms, then the board switches the heater itself",
  async (t) => {
    const cellar = board("cellar");
    await run(t, "thermostat");
    const heats = (level: number) => eventually(`heater ${level}`, () => cellar.pins.read("D2") === level);
    await heats(1);
    await line("thermostat.log", / heater on at 18\.00000$/);
    rig.network.setConditions({ loss: 1 });
    heat(cellar, 22);
    await heats(0);
    heat(cellar, 20);
    rig.network.setConditions({ loss: 0 });
    await line("thermostat.log", / heater off at 22\.00000$/);
  },
);

t.test("given fleet_average, when boards measure, then one function knows the mean of all", async (t) => {
  // Its function needs more memory than a board without WebAssembly gives.
  const profile = BOARD_PROFILES["esp32-wasm"];
  for (const [index, temperature] of [18, 20, 25].entries())
    heat(board(`field-${index + 1}`, profile), temperature);
  await run(t, "fleet_average");
  await line("fleet_average.log", / 21(\.0+)? from 3 sensors$/);
});

t.test("given esp32_thermostat, when it cools, then the log says so", async (t) => {
  const attic = board("attic");
  heat(attic, 17.5);
  await run(t, "esp32_thermostat");
  await line("esp32_thermostat.log", / heater on at 17\.50000$/);
  heat(attic, 21.5);
  await line("esp32_thermostat.log", / heater off at 21\.50000$/);
});

t.test("given climate, when a sensor measures, then another board and a log show it", async (t) => {
  const [, , kitchen] = ["porch", "hall", "kitchen"].map((name) => board(name));
  await run(t, "climate");
  await line("climate.log", /18\.0 DEGREES, 40 % HUMIDITY, 812 PPM CO2!$/);
  await eventually("shown", () => kitchen?.display.text.includes("18.0 C\n812 ppm"));
});

t.test(
  "given the folder of examples, when this test is done, then it has run all that need boards",
  async (t) => {
    const needsBoard = filesBelow("examples", ".json").filter((path) =>
      readWorkflow(join(ROOT, path)).resources.some(({ classType }) => classType === "scd30-sensor"),
    );
    t.same([...new Set(done)].sort(), needsBoard);
  },
);
