import t, { type Test } from "tap";
import {
  BAD_REQUEST,
  CHANGED,
  CONTENT,
  CREATED,
  GET,
  POST,
  PUT,
  SERVICE_UNAVAILABLE,
} from "../../coap-api/coap/codes.js";
import { CBOR } from "../../coap-api/coap/content-formats.js";
import { encodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import {
  encodeRegistration,
  type Registration,
  RUNTIME_JS,
  RUNTIME_WASM,
} from "../../coap-api/operations/register.js";
import { decodeStartFunction } from "../../coap-api/operations/start-function.js";
import { encodeStatus } from "../../coap-api/operations/status.js";
import { EdgelessError, ERRORS } from "../../core/errors.js";
import { uniform } from "../../core/random.js";
import { BOARD_PROFILES } from "../../emulator/board-profile.js";
import type { WantedImage } from "../../gateway/device-image.js";
import { type ImageCount, ImageWorkshop } from "../../gateway/image-workshop.js";
import { OutcomeCache } from "../../gateway/outcome-cache.js";
import { systemClock } from "../../platform/system-clock.js";
import { sha256 } from "../../toolchain/image/digest.js";
import { ImageWorkers } from "../../toolchain/image-worker/image-workers.js";
import { translateModule } from "../../toolchain/translate/translate.js";
import { eventually } from "../kit/eventually.js";
import { FakeClock } from "../kit/fake-clock.js";
import { shippedModule } from "../kit/guest-driver.js";
import { seededRandom } from "../kit/seeded-random.js";
import { cast, uuid } from "../node/kit/events.js";
import { buildGuest } from "../toolchain/image/guest-module.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { type GatewayRig, spawn } from "./kit/gateway-rig.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const BOARD_MEMORY = 8 * 1024;
const INCR = shippedModule("incr");
const INCR_TEXT = new TextEncoder().encode(translateModule(INCR, { maxMemoryBytes: BOARD_MEMORY }).code);

/** `v128.const 0; drop`: an extension that devices do not have. */
const VECTORS = buildGuest({
  functions: [
    { type: { params: [], results: [] }, code: [0xfd, 0x0c, ...new Array<number>(16).fill(0), 0x1a, 0x0b] },
  ],
});

function workshopFor(t: Test, parts: { clock?: FakeClock; waitMs?: number; cacheBytes?: number } = {}) {
  const workers = new ImageWorkers({ workers: 1, maxQueued: 8, deadlineMs: 60_000, maxMemoryMb: 192 });
  t.teardown(() => workers.close());
  const counts: ImageCount[] = [];
  const counted = (count: ImageCount) => counts.push(count);
  const { cacheBytes = 1_000_000, ...others } = parts;
  const usual = { clock: systemClock, waitMs: 60_000, known: new OutcomeCache(cacheBytes) };
  return { counts, workshop: new ImageWorkshop({ workers, counted, ...usual, ...others }) };
}

const forBoard = (wasm: Uint8Array): WantedImage => ({
  ...{ wasm, runtime: RUNTIME_JS },
  maxMemoryBytes: BOARD_MEMORY,
});

t.test(
  "given a module, when devices of both kinds need it, then each gets it in its form, made once",
  async (t) => {
    const { workshop, counts } = workshopFor(t);
    const wanted = { wasm: INCR, runtime: RUNTIME_WASM, maxMemoryBytes: 131_072 };
    const [first, second, plain] = await Promise.all([
      workshop.make(forBoard(INCR)),
      workshop.make(forBoard(INCR)),
      workshop.make(wanted),
    ]);
    t.same(first.bytes, INCR_TEXT);
    t.equal(first.digest, sha256(INCR_TEXT), "the text is what is named");
    t.equal(first.memoryBytes, BOARD_MEMORY);
    t.equal(second, first);
    t.match(plain, { digest: sha256(INCR), memoryBytes: 65_536 });
    t.same(plain.bytes, INCR);
    t.same(counts, ["made", "made"]);
    t.equal(await workshop.make(forBoard(INCR)), first);
    t.same(counts, ["made", "made", "remembered"]);
  },
);

t.test(
  "given modules that cannot be run, when they are asked for again, then the refusal is remembered",
  async (t) => {
    const { workshop, counts } = workshopFor(t);
    for (let i = 0; i < 2; i++) {
      await t.rejects(workshop.make(forBoard(VECTORS)), { code: "EDGELESS_BAD_WASM", message: /uses simd/ });
      await t.rejects(workshop.make(forBoard(Uint8Array.of(0))), { code: "EDGELESS_BAD_WASM" });
    }
    t.same(counts, ["refused", "refused", "remembered", "remembered"]);
  },
);

t.test(
  "given a busy workshop, when the wait is over, then the work goes on for who asks again",
  async (t) => {
    const clock = new FakeClock();
    const { workshop, counts } = workshopFor(t, { clock, waitMs: 30_000 });
    const waiting = workshop.make(forBoard(INCR));
    const late = t.rejects(waiting, { code: "EDGELESS_TIMEOUT", message: /within 30000 ms/ });
    await clock.advance(30_000);
    await late;
    await eventually("made all the same", () => counts.includes("made"));
    t.same((await workshop.make(forBoard(INCR))).bytes, INCR_TEXT);
    t.same(counts, ["late", "made", "remembered"]);
  },
);

t.test("given little room, when many modules are made, then the oldest are forgotten", async (t) => {
  const { workshop, counts } = workshopFor(t, { cacheBytes: INCR_TEXT.length + 2_000 });
  await workshop.make(forBoard(INCR));
  await workshop.make(forBoard(shippedModule("double_tiny")));
  await workshop.make(forBoard(INCR));
  t.same(counts, ["made", "made", "made"]);
});

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = byte;
  return copy;
}

/** What may come of a module that somebody damaged, on purpose or not. */
const VERDICTS = ["made", "EDGELESS_BAD_WASM", "EDGELESS_WASM_ABI", "EDGELESS_WASM_TOO_LARGE"];

t.test(
  "given damaged modules, when they are to be sent to devices, then each is refused by name, and the next is made",
  async (t) => {
    const { workshop } = workshopFor(t);
    const random = seededRandom(7);
    const upTo = (count: number) => Math.floor(uniform(random) * count);
    const verdicts = new Map<string, number>();
    for (let i = 0; i < 250; i++) {
      const whole = shippedModule(i % 2 === 0 ? "incr" : "messaging_test");
      const at = 8 + upTo(whole.length - 8);
      const nested = new Uint8Array(6_000).fill(i % 4 < 2 ? 0x02 : 0x40);
      const damaged =
        i % 3 === 0
          ? whole.slice(0, at)
          : i % 3 === 1
            ? changed(whole, at, upTo(256))
            : Buffer.concat([whole.subarray(0, at), nested, whole.subarray(at)]);
      const wanted = { ...forBoard(damaged), runtime: i % 5 === 0 ? RUNTIME_WASM : RUNTIME_JS };
      const verdict = await workshop.make(wanted).then(
        () => "made",
        (error: unknown) => (error instanceof EdgelessError ? error.code : String(error)),
      );
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      if (!VERDICTS.includes(verdict)) t.fail(verdict, { module: Buffer.from(damaged).toString("base64") });
    }
    t.ok((verdicts.get("EDGELESS_BAD_WASM") ?? 0) > 100, JSON.stringify([...verdicts]));
    t.same((await workshop.make(forBoard(INCR))).bytes, INCR_TEXT);
  },
);

/** A board that takes every image and every start, and tells what it was given. */
async function board(
  rig: GatewayRig,
  number: number,
  limits: Partial<Registration["limits"]> = {},
  freeMemoryBytes = 20_000,
) {
  const client = new ForeignClient(rig, `10.0.9.${number}`);
  const images = new Map<string, Uint8Array>();
  const started: string[] = [];
  /** Numbers of errors with which the next starts are refused. */
  const refusals: number[] = [];
  /** Whether it has no room for another instance. */
  const full = { isFull: false };
  /** What it says of itself when it is asked. */
  const status = {
    ...{ freeMemoryBytes: 20_000, uptimeSeconds: 1, instances: [], counters: [] },
    ...{ bootNonce: number, digests: [] },
  };
  /** How many of the next images arrive with another content than their digest says. */
  const damages = { count: 0 };
  client.endpoint.onRequest(({ code, path, payload }, reply) => {
    const [kind, name = ""] = path.split("/");
    if (code === PUT && kind === "i" && damages.count > 0) {
      damages.count--;
      const diagnostic = { error: ERRORS.EDGELESS_BAD_MESSAGE.number, reason: "the digest is another one" };
      reply(BAD_REQUEST, encodeDiagnostic(diagnostic));
      return;
    }
    if (code === GET) {
      reply(CONTENT, encodeStatus(status), { contentFormat: CBOR });
      return;
    }
    if (code === PUT && kind === "i") images.set(name, payload.slice());
    if (code === POST && kind === "f" && full.isFull) {
      const diagnostic = { error: ERRORS.EDGELESS_DEVICE_FULL.number, reason: "" };
      reply(SERVICE_UNAVAILABLE, encodeDiagnostic(diagnostic), { maxAge: 1 });
    } else if (code === POST && kind === "f" && refusals.length > 0) {
      reply(BAD_REQUEST, encodeDiagnostic({ error: refusals.shift() ?? 0, reason: "" }));
    } else if (code === POST && kind === "f") {
      started.push(Buffer.from(decodeStartFunction(payload).digest).toString("hex"));
      reply(CREATED, new Uint8Array(0), { locationPath: `f/${started.length}` });
    } else reply(CHANGED, new Uint8Array(0));
  });
  const registration: Registration = {
    ...REGISTRATION,
    bootNonce: number,
    freeMemoryBytes,
    runtimes: [RUNTIME_JS],
    limits: { ...REGISTRATION.limits, functionMemoryBytes: BOARD_MEMORY, ...limits },
  };
  await client.ask(POST, "rd", encodeRegistration(registration), `ep=${uuid(number)}&lt=60`);
  return { images, started, refusals, full, damages, status, agent: await rig.admit(number) };
}

t.test(
  "given boards without WebAssembly, when functions start, then they get text that is named by its digest",
  async (t) => {
    const rig = await rigFor(t);
    const one = await board(rig, 1);
    t.match(rig.orchestrator.latest(uuid(1))?.capabilities, { numCpus: 1, runtimes: ["RUST_WASM"] });
    const two = await board(rig, 2);
    for (const { agent, images, started } of [one, two]) {
      t.match(await agent.startFunction(spawn("incr", INCR)), { ok: true });
      await eventually("started", () => started.length === 1);
      t.same([...images], [[sha256(INCR_TEXT).slice(0, 16), INCR_TEXT]]);
      t.same(started, [...images.keys()]);
    }
    const page = await (await fetch(`${rig.gateway.metricsUrl}/metrics`)).text();
    t.match(page, /edgeless_gateway_modules_checked_total\{outcome="made"\} 1/);
    t.match(page, /edgeless_gateway_modules_checked_total\{outcome="remembered"\} 1/);
  },
);

t.test(
  "given a module that a board cannot run, when it is to start, then it is refused at once by name",
  async (t) => {
    const rig = await rigFor(t);
    const { agent, images } = await board(rig, 1, { imageBytes: 7_000 });
    const refusal = async (wasm: Uint8Array) => {
      const result = await agent.startFunction(spawn("f", wasm));
      return result.ok ? "" : result.error.detail;
    };
    t.match(await refusal(VECTORS), /EDGELESS_BAD_WASM: .*simd/);
    t.match(await refusal(Uint8Array.of(1)), /EDGELESS_BAD_WASM/);
    t.match(
      await refusal(shippedModule("thermostat")),
      /does not fit the device plain-.*: translated image: [0-9]+ bytes are needed, 7000 are there/,
    );
    const needed = await board(rig, 2, { functionMemoryBytes: 64 });
    const result = await needed.agent.startFunction(spawn("f", INCR));
    t.match(result, { ok: false, error: { detail: /it may have 64 bytes of memory/ } });
    t.equal(images.size, 0);
  },
);

t.test(
  "given a board that refuses a start, when it lacks memory, then it is tried again; when it cannot, it is not",
  async (t) => {
    const rig = await rigFor(t);
    const { agent, refusals, started } = await board(rig, 1);
    const attempt = async (error: number) => {
      refusals.push(error);
      const result = await agent.startFunction(spawn("incr", INCR));
      if (!result.ok) throw new Error(result.error.detail);
      return result.value;
    };
    const first = await attempt(ERRORS.EDGELESS_FUNCTION_OUT_OF_MEMORY.number);
    await eventually("postponed", () => rig.stateOf(first) === "crashed");
    await eventually("started", () => started.length === 1);
    await agent.stopFunction(first);
    const second = await attempt(ERRORS.EDGELESS_BAD_WASM.number);
    await eventually("failed", () => rig.stateOf(second) === "failed");
    t.equal(started.length, 1);
  },
);

t.test(
  "given a board that is full, when it refuses to start a function, then its memory is free for another one",
  async (t) => {
    const rig = await rigFor(t);
    const { agent, full, started } = await board(rig, 1);
    full.isFull = true;
    const large = spawn("double", shippedModule("double"));
    const first = await agent.startFunction(large);
    if (!first.ok) throw new Error(first.error.detail);
    await eventually("refused", () => rig.stateOf(first.value) === "crashed");
    t.match(rig.orchestrator.latest(uuid(1))?.instances?.[0]?.reason, /EDGELESS_DEVICE_FULL/);
    const second = await agent.startFunction(spawn("incr", INCR));
    t.match(second, { ok: true }, "20,000 bytes have room for either, not for both");
    full.isFull = false;
    await eventually("both are tried", () => started.length === 2);
    const third = await agent.startFunction(spawn("incr", INCR));
    t.match(third, { ok: false, error: { detail: /free memory/ } }, "what runs takes its memory");
  },
);

t.test(
  "given a board that has more memory than it said, when a function does not fit, then it is asked, and the next try fits",
  async (t) => {
    const rig = await rigFor(t);
    const { agent, started, status } = await board(rig, 1, {}, 5_000);
    const attempt = () => agent.startFunction(spawn("incr", INCR));
    t.match(await attempt(), {
      ok: false,
      error: { detail: /free memory: [0-9]+ bytes are needed, 5000 are/ },
    });
    await eventually("asked", async () => (await attempt()).ok);
    await eventually("started", () => started.length === 1);
    t.equal(status.freeMemoryBytes, 20_000);
  },
);

t.test(
  "given a board that finds an image damaged, when it refuses it, then it gets it again until it is right",
  async (t) => {
    const rig = await rigFor(t);
    const { agent, images, started, damages } = await board(rig, 1);
    damages.count = 2;
    const result = await agent.startFunction(spawn("incr", INCR));
    if (!result.ok) throw new Error(result.error.detail);
    await eventually("told", () => {
      const told = rig.orchestrator.latest(uuid(1))?.instances ?? [];
      return told.some(({ reason }) => reason?.includes("the digest is another one") === true);
    });
    await eventually("started", () => started.length === 1);
    t.same([...images], [[sha256(INCR_TEXT).slice(0, 16), INCR_TEXT]]);
    await eventually("runs", () => rig.stateOf(result.value) === "running");
  },
);

t.test(
  "given emulated boards with an interpreter only, when functions cast and call between them, then they do as elsewhere",
  async (t) => {
    const rig = await rigFor(t);
    const profile = BOARD_PROFILES["esp32-js"] ?? {};
    // Room for the memory of one function and something beside it, not for two.
    rig.device(1, { profile: { ...profile, memoryBytes: 2 * BOARD_MEMORY + 1024 } });
    rig.device(2, { profile });
    const one = await rig.admit(1);
    const two = await rig.admit(2);
    const invocation = invocationOf(t, rig);
    const last = await run(rig, one, "incr", { result: sink(1) });
    const first = await run(rig, two, "double", { result: last });
    for (let i = 0; i < 20; i++) await invocation.handle(cast(SOURCE, first, `${i}`));
    await eventually("all", () => rig.received.length === 20);
    t.same(
      rig.payloads().map(Number),
      Array.from({ length: 20 }, (_, i) => 2 * i + 1),
    );
    for (const number of [3, 4]) rig.device(number, { profile });
    const pong = await run(rig, await rig.admit(3), "pong");
    await run(rig, await rig.admit(4), "ping", { ponger: pong });
    const lines = () => rig.gateway.registry.find(uuid(4))?.logs.newest() ?? [];
    await eventually("answered", () => lines().some(({ message }) => message === "reply: PONG"));
    const another = spawn("pong", shippedModule("pong"));
    t.match(await one.startFunction(another), {
      ok: false,
      error: { detail: /free memory: [0-9]+ bytes are needed, [0-9]+ are there/ },
    });
    await one.stopFunction(last);
    const fits = await one.startFunction(another);
    if (!fits.ok) throw new Error(fits.error.detail);
    await eventually("it fits now", () => rig.stateOf(fits.value) === "running");
    const refused = await one.startFunction(spawn("f", VECTORS));
    t.match(refused, { ok: false, error: { detail: /simd/ } });
    t.same([...rig.gateway.metrics.drops], []);
  },
);
