import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { encodeDownlinkEvent, NO_REPLY, NONE, REPLY } from "../../coap-api/operations/event.js";
import { CRASHED } from "../../coap-api/operations/instance-state.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { closureBytes } from "../../emulator/js-engine.js";
import { translateModule } from "../../toolchain/translate/translate.js";
import { DeviceRig, digestOf } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";
import { ROOT } from "../kit/repository.js";

t.setTimeout(180_000);

const JS = BOARD_PROFILES.esp32 as BoardProfile;
const WASM = BOARD_PROFILES["esp32-wasm"] as BoardProfile;

const FUNCTIONS = readdirSync(join(ROOT, "functions")).filter(
  (id) => id !== "infinite_test" && existsSync(join(ROOT, "functions", id, "function.json")),
);
const PAYLOADS = [
  "21",
  "-0.125",
  "PING",
  "test_call_noreply",
  "20.5;40;1013.25",
  '{"value":7,"msg":"x"}',
  "",
];

/** A board with room for any function of the library; not all of them fit into the usual one. */
const LARGE: BoardProfile = { ...JS, memoryBytes: 65_536, functionMemoryBytes: 8_192 };
/** Functions that need more than that: this one names all bytes of a payload that it does not understand. */
const MEMORY: Readonly<Record<string, number>> = { moving_avg: 12_288 };

/** Answers to calls in one course; some functions call for ever. */
const MAX_ANSWERS = 12;

function imageFor(profile: BoardProfile, id: string): Uint8Array {
  const wasm = shippedModule(id);
  if (profile.runtime === WASM.runtime) return wasm;
  return utf8Bytes(translateModule(wasm, { maxMemoryBytes: profile.functionMemoryBytes }).code);
}

/** What a function sent from a board with such a profile, in the course of some events and calls. */
async function course(profile: BoardProfile, id: string): Promise<unknown[]> {
  const rig = new DeviceRig({ profile });
  const image = imageFor(profile, id);
  // Already in flash, because sending all of them takes its time.
  rig.device.flash.write(`i${Buffer.from(digestOf(image)).toString("hex")}`, image);
  await rig.boot();
  const { outputs } = JSON.parse(readFileSync(join(ROOT, "functions", id, "function.json"), "utf8")) as {
    outputs: readonly string[];
  };
  const routes = Object.fromEntries(outputs.map((channel, at) => [channel, at + 1]));
  const handle = await rig.start(image, routes, { initPayload: "period=1000,seed=7" });
  let answered = 0;
  const answerCalls = async () => {
    for (; answered < Math.min(MAX_ANSWERS, rig.gateway.events.length); answered += 1) {
      const { kind, stream = NONE } = rig.gateway.events[answered] ?? {};
      if (kind !== 1) continue;
      const reply = answered % 3 === 0 ? NO_REPLY : REPLY;
      const payload = utf8Bytes(reply === REPLY ? "12.5" : "");
      await rig.post("e", encodeDownlinkEvent({ kind: reply, handle, peer: 0, stream, payload }));
      await rig.clock.advance(20);
    }
  };
  for (const [at, payload] of PAYLOADS.entries()) {
    await rig.send(handle, payload, 0, at % 2 === 0 ? NONE : 100 + at);
    await answerCalls();
  }
  await rig.clock.advance(5000);
  await rig.ask(4, `f/${handle}`);
  await rig.clock.advance(5000);
  const isCrashed = rig.gateway.refreshes.some(
    ({ instances }) => instances?.some(({ state }) => state === CRASHED) === true,
  );
  const events = rig.gateway.events.map(({ kind, route, payload }) => [
    kind,
    route,
    Buffer.from(payload).toString(),
  ]);
  return [events, rig.gateway.logs, rig.gateway.states, isCrashed];
}

t.test(
  "given the library, when it runs translated on a board, then it sends what it sends from one with WebAssembly",
  async (t) => {
    for (const id of FUNCTIONS) {
      const functionMemoryBytes = MEMORY[id] ?? LARGE.functionMemoryBytes;
      t.strictSame(await course({ ...LARGE, functionMemoryBytes }, id), await course(WASM, id), id);
    }
  },
);

t.test(
  "given a board that runs translated functions, when one never ends, then it is ended in time and the board stays",
  async (t) => {
    const rig = await new DeviceRig({ profile: JS }).boot();
    t.same(rig.gateway.registrations[0]?.registration.runtimes, [1]);
    const free = rig.device.device?.status().freeMemoryBytes ?? 0;
    const handle = await rig.start(imageFor(JS, "infinite_test"), {});
    await rig.send(handle, "go");
    await rig.clock.advance(2000);
    const reasons = rig.gateway.refreshes
      .flatMap(({ instances }) => instances ?? [])
      .map(({ reason }) => reason);
    t.match(reasons.join(), /54 no end within 5000 ms of run time/);
    const next = await rig.start(imageFor(JS, "double"), { result: 3 });
    await rig.send(next, "4");
    t.same(rig.gateway.texts(), ["8"]);
    const text = Buffer.from(imageFor(JS, "double")).toString();
    t.equal(
      free - (rig.device.device?.status().freeMemoryBytes ?? 0),
      JS.functionMemoryBytes + closureBytes(text),
      "what it holds",
    );
  },
);

t.test(
  "given a board with room for one function, when another is started, then that one is refused",
  async (t) => {
    const rig = await new DeviceRig({ profile: { ...JS, memoryBytes: 16_384 } }).boot();
    await rig.start(imageFor(JS, "double"), {});
    const digest = await rig.upload(imageFor(JS, "incr"));
    const refused = await rig.post("f", rig.startPayload(digest));
    t.match(Buffer.from(refused?.payload ?? []).toString("latin1"), /bytes, the board has/);
  },
);
