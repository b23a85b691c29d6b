import { createSocket } from "node:dgram";
import t from "tap";
import type { Agent } from "../../core/api.js";
import type { InstanceId } from "../../core/instance-id.js";
import { FREE_VARIABLES } from "../../embedded/board-limits.js";
import { bundleFirmware } from "../../esp32/bundle/bundle-firmware.js";
import { scriptNames } from "../../esp32/bundle/bundle-script.js";
import { hoistingFaults, subsetFaults } from "../../esp32/bundle/device-subset.js";
import { HOT_FUNCTIONS } from "../../esp32/bundle/hot-functions.js";
import { type GatewayRig, spawn } from "../gateway/kit/gateway-rig.js";
import { invocationOf, SOURCE, sink } from "../gateway/kit/gateway-steps.js";
import { functionFolder } from "../kit/built-function.js";
import { NO_ESPRUINO } from "../kit/espruino-board.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ROOT } from "../kit/repository.js";
import { cast, uuid } from "../node/kit/events.js";
import { boardAtGateway } from "./kit/board-at-gateway.js";

t.setTimeout(400_000);

/** Largest resident script and largest text of cold functions, bytes. */
const RESIDENT_BYTES = 5_000;
const COLD_BYTES = 72_000;
/** Variables of a board. */
const BOARD_VARIABLES = 2_771;
/** What stays when functions were there: messages that are remembered, and what the interpreter makes when it is first used. */
const KEPT_VARIABLES = 250;

const NUMBER = 31;

t.test(
  "given the firmware, when it is bundled, then it is small and keeps to what a board understands",
  async (t) => {
    const { script, minified, split, names } = await bundleFirmware(ROOT);
    for (const hot of HOT_FUNCTIONS) {
      const short = scriptNames(hot)
        .map((name) => names.get(name))
        .find((name) => name !== undefined);
      t.ok(split.resident.includes(`function ${short}(`), `${hot} stays in memory`);
    }
    // Where a prototype is made, all that a maker of objects was called with would stay with its methods.
    t.notMatch(minified, /Object\.create\([\w$]+\|\|\([\w$]+=/, "prototypes are made apart");
    // The interpreter of a board has a `process` of its own.
    const faults = (text: string) => subsetFaults(text).filter(({ what }) => what !== "the name process");
    t.same(faults(script), []);
    t.same(faults(minified), []);
    t.same(hoistingFaults(minified), []);
    t.same(faults(split.resident), []);
    t.same(hoistingFaults(split.resident), []);
    t.ok(
      split.resident.length <= RESIDENT_BYTES,
      `resident: ${split.resident.length} of ${RESIDENT_BYTES} bytes`,
    );
    t.ok(split.cold.length <= COLD_BYTES, `cold: ${split.cold.length} of ${COLD_BYTES} bytes`);
    t.ok(split.residentFunctions < 20 && split.coldFunctions > 300, "almost all functions stay in flash");
    // Every place that a script names holds the statements of a whole function.
    let places = 0;
    for (const [, start, length] of `${split.resident}${split.cold}`.matchAll(
      /\b[KLMOPQ]\((\d+) *,(\d+) *\)/g,
    )) {
      places++;
      const body = split.cold.substring(Number(start), Number(start) + Number(length));
      if (hoistingFaults(`function f(){${body}}`).length > 0) t.fail(body);
    }
    t.ok(places > 500, `${places} uses of cold functions`);
  },
);

/** A function that does what its events say, for the smallest boards. */
const OBEDIENT = `
import { ByteWriter, EdgeFunction, Event, Output } from "edgeless";
const result = new Output("result");
const text = new ByteWriter(11);
let zero = 0;
@edgeFunction
class Obedient extends EdgeFunction {
  onCast(event: Event): void {
    const value = event.i32();
    if (value == 13) unreachable();
    while (value == 99) zero++;
    result.castBytes(text.clear().i32(value * 2).ptr, text.len);
  }
}
`;

async function obedientFunction(): Promise<Uint8Array> {
  const folder = functionFolder("obedient", OBEDIENT);
  const { wasm } = await folder.build({ profile: "tiny" });
  folder.remove();
  return wasm;
}

async function start(rig: GatewayRig, agent: Agent, wasm: Uint8Array, to: number): Promise<InstanceId> {
  const started = await agent.startFunction(spawn("obedient", wasm));
  if (!started.ok) throw new Error(`${started.error.summary} ${started.error.detail}`);
  const source = started.value.functionId;
  await agent.patchFunction({ source, outputs: new Map([["result", sink(to)]]) });
  await eventually("running", () => rig.stateOf(started.value) === "running", 60_000);
  return started.value;
}

t.test(
  "given a real interpreter as a board and the real gateway, when functions come, fail and the board reboots, then it is a device",
  { skip: NO_ESPRUINO },
  async (t) => {
    const before = `print("ESPRUINO "+process.version+" "+process.memory().total+"!");`;
    const { board, rig, port } = await boardAtGateway(t, { number: NUMBER, before });
    board.powerOn();
    const [, version, variables] = await board.says(/ESPRUINO (\S+) (\d+)!/);
    t.comment(`ESPRUINO: ran on ${version} with ${variables} variables`);
    await board.says(/edgeless 3 registered as/);
    const isBoard = Number(variables) === BOARD_VARIABLES;
    const idle = await board.freeVariables();
    t.comment(`${idle} variables are free when it is idle and registered`);
    if (isBoard) t.ok(idle >= FREE_VARIABLES, `${idle} of at least ${FREE_VARIABLES} variables are free`);

    const agent = await rig.admit(NUMBER);
    const invocation = invocationOf(t, rig);
    const wasm = await obedientFunction();
    const first = await start(rig, agent, wasm, 71);
    t.comment(`${await board.freeVariables()} with one function`);
    const second = await start(rig, agent, wasm, 72);
    t.comment(`${await board.freeVariables()} with two functions`);
    /** A function that is being started again may lose a cast; a board is not asked more often than it can answer. */
    const says = async (to: number, instance: InstanceId, text: string, answer: string) => {
      const before = rig.payloads(uuid(to)).length;
      let next = 0;
      await eventually(
        `${answer} for ${text}`,
        async () => {
          if (performance.now() > next) await invocation.handle(cast(SOURCE, instance, text));
          if (performance.now() > next) next = performance.now() + 2_000;
          return rig.payloads(uuid(to)).slice(before).includes(answer);
        },
        40_000,
      );
    };
    await says(71, first, "21", "42");
    await says(72, second, "4", "8");

    // Any host can send these.
    const stranger = createSocket("udp4");
    t.teardown(() => stranger.close());
    for (const bytes of [[], [0x40], [0xff, 0xff, 0xff, 0xff], [0x40, 2, 1, 2, 0xb1, 0x65, 0xff, 0x83]])
      await new Promise((sent) => stranger.send(new Uint8Array(bytes), port, "127.0.0.1", sent));
    await new Promise((sent) => stranger.send(new Uint8Array(1400).fill(0x41), port, "127.0.0.1", sent));
    await says(71, first, "5", "10");
    t.pass("an empty datagram, which closes the socket, a long one and wrong ones end nothing");

    for (const [what, text] of [
      ["a trap", "13"],
      ["no end", "99"],
    ] as const) {
      await invocation.handle(cast(SOURCE, second, text));
      await says(71, first, "6", "12");
      await says(72, second, "7", "14");
      t.pass(`${what} ends one function, and the gateway starts it again`);
    }

    board.powerOn();
    await board.says(/edgeless 3 registered as/, 60_000);
    await says(71, first, "100", "200");
    await says(72, second, "200", "400");
    t.pass("after a power cycle the functions are back");

    for (const instance of [first, second]) await agent.stopFunction(instance);
    await eventually(
      "what the functions held is free",
      async () => (await board.freeVariables()) >= idle - KEPT_VARIABLES,
    );
    // As large as the usual profile makes it, and with more text than the board has memory for in one piece.
    const usual = await eventually("room", () => start(rig, agent, shippedModule("double"), 73), 120_000);
    await says(73, usual, "21", "42");
    t.pass("a function of the usual profile runs on a board");
    t.notMatch(board.output, /OUT OF MEMORY/);
  },
);
