import { join } from "node:path";
import t from "tap";
import type { Clock } from "../../core/clock.js";
import { connectInvocation } from "../../grpc-api/index.js";
import { systemClock } from "../../platform/system-clock.js";
import { sha256 } from "../../toolchain/image/digest.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { cast, uuid } from "../node/kit/events.js";
import { spawn } from "./kit/gateway-rig.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const DAY_MS = 86_400_000;
const LOSSY = { loss: 0.2, delayMs: 1, jitterMs: 4, duplication: 0.1, reordering: 0.1 };
const IMAGE_BYTES = 12 * 1024;
/** Datagrams of an image of that size, both ways, without any loss. */
const IMAGE_DATAGRAMS = (2 * IMAGE_BYTES) / 256;

/** A module that is filled up to a size by a section that nobody reads. */
function padded(wasm: Uint8Array, bytes: number): Uint8Array {
  const rest = bytes - wasm.length - 3;
  const section = [0, (rest & 0x7f) | 0x80, rest >> 7, 1, 0x78];
  return Buffer.concat([wasm, Uint8Array.from(section), new Uint8Array(rest - 2).fill(0x5a)]);
}

for (const seed of [3, 4])
  t.test(
    `given an image of 12 KB on its way over a lossy link, when the gateway is killed${seed % 2 === 1 ? " and the board loses its power" : ""}, then it arrives whole (seed ${seed})`,
    async (t) => {
      const folder = t.testdir();
      const rig = await rigFor(t, { seed, link: LOSSY, persistencePath: join(folder, "a") });
      const board = rig.device(1);
      const agent = await rig.admit(1);
      const wasm = padded(shippedModule("incr"), IMAGE_BYTES);
      t.equal(wasm.length, IMAGE_BYTES);
      const before = rig.network.counters.sent;
      const started = await agent.startFunction(spawn("incr", wasm));
      if (!started.ok) throw new Error(started.error.detail);
      const source = started.value.functionId;
      await agent.patchFunction({ source, outputs: new Map([["result", sink(1)]]) });
      await eventually("half", () => rig.network.counters.sent - before > IMAGE_DATAGRAMS / 2);
      t.same(board.device?.status().digests, [], "it is not whole yet");
      if (seed % 2 === 1) board.powerOff();
      await rig.crashGateway(join(folder, "b"));
      if (seed % 2 === 1) board.powerOn();
      await rig.startGateway(join(folder, "b"));
      await eventually(
        "it runs",
        () => rig.gateway.registry.find(uuid(1))?.statuses()[0]?.state === "running",
      );
      const digest = sha256(wasm).slice(0, 16);
      t.same(board.device?.status().digests, [Buffer.from(digest, "hex")]);
      t.same(board.flash.read(`i${digest}`), wasm);
      const invocation = invocationOf(t, rig);
      for (let i = 0; i < 20; i++) await invocation.handle(cast(SOURCE, started.value, `${i}`));
      await eventually("events", () => rig.received.length >= 20);
      t.same(
        rig.payloads().map(Number),
        Array.from({ length: 20 }, (_, i) => i + 1),
        "each once, in order",
      );
    },
  );

t.test(
  "given a gateway whose clock is set, when it jumps by days either way, then nothing is lost and nobody leaves",
  async (t) => {
    let offsetMs = 0;
    const clock: Clock = {
      wallMs: () => systemClock.wallMs() + offsetMs,
      monotonicMs: () => systemClock.monotonicMs(),
      setTimer: (delayMs, callback) => systemClock.setTimer(delayMs, callback),
    };
    const folder = t.testdir();
    const rig = await rigFor(t, { clock, persistencePath: join(folder, "a") });
    rig.device(1, { settings: { lifetimeSeconds: 5 } });
    const incr = await run(rig, await rig.admit(1), "incr", { result: sink(1) });
    let invocation = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 2_000 });
    t.teardown(() => invocation.close());
    const nonce = rig.orchestrator.latest(uuid(1))?.nonce;
    let value = 0;
    const works = async (what: string) => {
      value++;
      await invocation.handle(cast(SOURCE, incr, `${value}`));
      await eventually(what, () => rig.payloads().includes(`${value + 1}`));
    };
    for (const days of [400, -4000, 0]) {
      offsetMs = days * DAY_MS;
      await works(`works at ${days} days`);
    }
    offsetMs = -4000 * DAY_MS;
    await rig.crashGateway(join(folder, "b"));
    await rig.startGateway(join(folder, "b"));
    invocation.close();
    invocation = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 2_000 });
    await works("works in the past after a restart");
    t.equal(rig.received.length, value);
    await eventually("reported", () => rig.orchestrator.latest(uuid(1)));
    t.equal(rig.orchestrator.latest(uuid(1))?.nonce, nonce, "the same node all the time");
    t.same([...rig.gateway.metrics.drops], []);
  },
);

t.test(
  "given a board with room for one function, when that is replaced after a restart of its gateway, then there is room",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "a") });
    // It reports nothing by itself within the test.
    const settings = { lifetimeSeconds: 86_400 };
    rig.device(1, { settings, profile: { memoryBytes: 96 * 1024 } });
    const first = await run(rig, await rig.admit(1), "incr");
    await rig.crashGateway(join(folder, "b"));
    await rig.startGateway(join(folder, "b"));
    const again = await rig.admit(1);
    await eventually("asked", () => rig.stateOf(first) === "running");
    await again.stopFunction(first);
    const other = spawn("double", shippedModule("double"));
    const second = await again.startFunction(other);
    if (!second.ok) throw new Error(second.error.detail);
    await eventually("replaced", () => rig.stateOf(second.value) === "running");
  },
);
