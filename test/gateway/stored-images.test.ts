import { join } from "node:path";
import t from "tap";
import { ACK, CON, CREATED, DELETE, EMPTY, formatCode, GET, POST, PUT } from "../../coap-api/coap/codes.js";
import {
  ABSENT,
  createMessage,
  decodeMessage,
  encodeMessage,
  type Message,
} from "../../coap-api/coap/message.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { decodeGatewayStatus } from "../../coap-api/operations/gateway-status.js";
import { decodeDigests } from "../../coap-api/operations/image-digests.js";
import { encodeRegistration, RUNTIME_JS } from "../../coap-api/operations/register.js";
import { decodeStatus } from "../../coap-api/operations/status.js";
import { ERRORS } from "../../core/errors.js";
import { BOARD_PROFILES } from "../../emulator/board-profile.js";
import type { GatewayConfig } from "../../gateway/config.js";
import type { DeviceImage } from "../../gateway/device-image.js";
import { ImageWorkshop } from "../../gateway/image-workshop.js";
import { KeptOutcomes } from "../../gateway/kept-outcomes.js";
import { OutcomeCache } from "../../gateway/outcome-cache.js";
import type { StoreChange } from "../../platform/store/store.js";
import { systemClock } from "../../platform/system-clock.js";
import { sha256 } from "../../toolchain/image/digest.js";
import { ImageWorkers } from "../../toolchain/image-worker/image-workers.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { type GatewayRig, spawn } from "./kit/gateway-rig.js";
import { rigFor } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const INCR = shippedModule("incr");
const DOUBLE = shippedModule("double");
const pathOf = (image: Uint8Array) => `i/${nameOf(image)}`;
const nameOf = (image: Uint8Array) => sha256(image).slice(0, 16);
const withImages = (images: GatewayConfig["images"]) => (config: GatewayConfig) => ({ ...config, images });

/** How often modules were checked, by what came of it. */
async function checks(rig: GatewayRig): Promise<Record<string, number>> {
  const page = await (await fetch(`${rig.gateway.metricsUrl}/metrics`)).text();
  const lines = page.matchAll(/modules_checked_total\{outcome="(\w+)"\} (\d+)/g);
  return Object.fromEntries([...lines].map(([, outcome = "", count]) => [outcome, Number(count)]));
}

async function listed(client: ForeignClient): Promise<string[]> {
  const { payload } = await client.ask(GET, "i");
  return decodeDigests(payload).map((digest) => Buffer.from(digest).toString("hex"));
}

async function statusOf(client: ForeignClient) {
  return decodeGatewayStatus((await client.ask(GET, "s")).payload);
}

t.test(
  "given a technician, when he stores an image, then it can be listed, read and removed, and a start finds the work done",
  async (t) => {
    const rig = await rigFor(t);
    const technician = new ForeignClient(rig, "10.0.9.9");
    t.same(await listed(technician), []);
    t.equal(await technician.code(PUT, pathOf(INCR), INCR), "2.01");
    t.equal(await technician.code(PUT, pathOf(INCR), INCR), "2.04", "it is there already");
    t.same(await listed(technician), [nameOf(INCR)]);
    const { payload, contentFormat } = await technician.ask(GET, pathOf(INCR));
    t.same(payload, INCR);
    t.equal(contentFormat, 42);
    t.same(await checks(rig), { made: 1 });

    rig.device(1, { profile: BOARD_PROFILES["esp32-js"] ?? {} });
    const agent = await rig.admit(1);
    await eventually("translated ahead", async () => (await checks(rig)).made === 2);
    const started = await agent.startFunction(spawn("incr", INCR));
    if (!started.ok) throw new Error(started.error.detail);
    t.same(await checks(rig), { made: 2, remembered: 1 }, "nothing is checked at the start");
    await eventually("it runs", () => rig.stateOf(started.value) === "running");

    t.equal(await technician.code(DELETE, pathOf(INCR)), "2.02");
    t.equal(await technician.code(DELETE, pathOf(INCR)), "2.02");
    t.equal(await technician.code(GET, pathOf(INCR)), "4.04");
    t.same(await listed(technician), []);
    t.equal(rig.stateOf(started.value), "running", "what runs has its own copy");
  },
);

t.test(
  "given images that are none, too large or too many, when they are offered, then each is refused and nothing is kept",
  async (t) => {
    const room = INCR.length + DOUBLE.length + 100;
    const rig = await rigFor(t, { configure: withImages({ max_images: 2, max_bytes: room }) });
    const client = new ForeignClient(rig, "10.0.9.9");
    const refused = async (path: string, image: Uint8Array) => {
      const { code, payload } = await client.ask(PUT, path, image);
      return { code: formatCode(code), error: decodeDiagnostic(payload).error };
    };
    const notWhatItSays = { code: "4.00", error: ERRORS.EDGELESS_BAD_WASM.number };
    t.same(await refused(pathOf(INCR), DOUBLE), notWhatItSays, "another content");
    t.same(await refused(pathOf(INCR), new Uint8Array(0)), notWhatItSays, "nothing");
    const text = new TextEncoder().encode("()=>0");
    t.same(await refused(pathOf(text), text), notWhatItSays, "no module, like what comes with a start");
    t.match(await refused("i/nothing", INCR), { code: "4.00", error: ERRORS.EDGELESS_BAD_MESSAGE.number });
    t.equal(await client.code(POST, "i", INCR), "4.05");
    t.equal(await client.code(POST, pathOf(INCR), INCR), "4.05");
    t.same(await listed(client), []);

    const large = await client.ask(PUT, "i/0123456789abcdef", new Uint8Array(room + 1));
    t.match({ code: formatCode(large.code), size1: large.size1 }, { code: "4.13", size1: room });
    t.equal(await client.code(PUT, pathOf(INCR), INCR), "2.01");
    t.equal(await client.code(PUT, pathOf(DOUBLE), DOUBLE), "2.01");
    const third = shippedModule("double_tiny");
    const full = await client.ask(PUT, pathOf(third), third);
    t.match({ code: formatCode(full.code), size1: full.size1 }, { code: "4.13", size1: 0 });
    t.equal(await client.code(PUT, pathOf(DOUBLE), DOUBLE), "2.04", "what is there may come again");
    t.same(await listed(client), [nameOf(INCR), nameOf(DOUBLE)]);
  },
);

t.test(
  "given several who store images at a time, when one is being checked, then the others are told to come back",
  async (t) => {
    const rig = await rigFor(t);
    const put = async (image: Uint8Array, number: number) => {
      const client = new ForeignClient(rig, `10.0.9.${number}`);
      const { code, maxAge } = await client.ask(PUT, pathOf(image), image);
      return code === CREATED ? "2.01" : `${formatCode(code)} ${maxAge}`;
    };
    const all = [INCR, DOUBLE, shippedModule("noop"), shippedModule("pong")];
    const outcomes = await Promise.all(all.map(put));
    t.ok(outcomes.includes("2.01"));
    t.ok(
      outcomes.every((outcome) => outcome === "2.01" || outcome === "5.03 2"),
      `${outcomes}`,
    );
    for (const [number, image] of all.entries())
      if (outcomes[number] !== "2.01") t.equal(await put(image, 20 + number), "2.01");
    t.equal((await listed(new ForeignClient(rig, "10.0.9.9"))).length, all.length);
  },
);

t.test(
  "given somebody who keeps the thread for stored images busy, when a function is to start, then it does not wait",
  async (t) => {
    const workers = new ImageWorkers({ workers: 1, maxQueued: 8, deadlineMs: 60_000, maxMemoryMb: 192 });
    const patientWorkers = new ImageWorkers({
      workers: 1,
      maxQueued: 8,
      deadlineMs: 60_000,
      maxMemoryMb: 192,
    });
    t.teardown(() => Promise.all([workers.close(), patientWorkers.close()]));
    const workshop = new ImageWorkshop({
      ...{ workers, patientWorkers, clock: systemClock, waitMs: 60_000, known: new OutcomeCache(1_000_000) },
      counted: () => {},
    });
    const slow = Array.from({ length: 8 }, (_, number) =>
      workshop
        .make({ wasm: DOUBLE, runtime: RUNTIME_JS, maxMemoryBytes: 20_000 + number }, true)
        .catch(() => undefined),
    );
    await workshop.make({ wasm: INCR, runtime: RUNTIME_JS, maxMemoryBytes: 20_000 });
    t.ok(patientWorkers.queued > 0, "the others still wait for their turn");
    await Promise.all(slow);
  },
);

t.test("given a gateway that takes no images, when one is offered, then it is forbidden", async (t) => {
  const rig = await rigFor(t, { configure: withImages({ accept: false }) });
  const client = new ForeignClient(rig, "10.0.9.9");
  t.equal(await client.code(PUT, pathOf(INCR), INCR), "4.03");
  t.equal(await client.code(DELETE, pathOf(INCR)), "4.03");
  t.equal(await client.code(GET, "i"), "2.05");
});

t.test(
  "given a gateway that wants proofs, when an image comes, then the first block is asked for one, and the image arrives",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({ ...config, coap: { ...config.coap, verify_peers: true } }),
    });
    const codes: string[] = [];
    const client = new ForeignClient(rig, "10.0.9.9");
    rig.network.onPassing = ({ datagram, to }) => {
      if (to.startsWith("10.0.9.9:")) codes.push(formatCode(datagram[1] ?? 0));
    };
    t.equal(await client.code(PUT, pathOf(INCR), INCR), "2.01");
    t.same(codes.slice(0, 2), ["4.01", "2.31"], "nothing is held of who did not prove its address");
    t.equal(codes.filter((code) => code === "4.01").length, 1);
    t.same((await client.ask(GET, pathOf(INCR))).payload, INCR);
    t.equal(await client.code(DELETE, pathOf(INCR)), "2.02");
  },
);

t.test(
  "given stored images, when the gateway is killed, then they are there, and what was made of them is made no more",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "a") });
    const client = new ForeignClient(rig, "10.0.9.9");
    t.equal(await client.code(PUT, pathOf(INCR), INCR), "2.01");
    rig.device(1, { profile: BOARD_PROFILES["esp32-js"] ?? {} });
    const before = await rig.admit(1);
    const first = await before.startFunction(spawn("double", DOUBLE));
    t.ok(first.ok);
    await eventually("made", async () => (await checks(rig)).made === 3);
    await eventually("written", () => rig.stateOf(first.ok ? first.value : never()) === "running");
    const nonce = (await statusOf(client)).bootNonce;
    await rig.crashGateway(join(folder, "b"));
    await rig.startGateway(join(folder, "b"));
    t.same(await listed(client), [nameOf(INCR)]);
    t.not((await statusOf(client)).bootNonce, nonce);
    for (const [number, image] of [INCR, DOUBLE].entries()) {
      rig.device(2 + number, { profile: BOARD_PROFILES["esp32-js"] ?? {} });
      const agent = await rig.admit(2 + number);
      t.match(await agent.startFunction(spawn("f", image)), { ok: true });
    }
    t.equal((await checks(rig)).made, undefined, "neither the stored image nor the other is made again");
  },
);

function never(): never {
  throw new Error("not started");
}

t.test(
  "given outcomes of another version of the program, when a gateway starts, then they are dropped",
  async (t) => {
    const store = new Map<string, Uint8Array>();
    const save = (changes: readonly StoreChange[]) => {
      for (const { key, value } of changes)
        if (value === undefined) store.delete(key);
        else store.set(key, value);
    };
    const bytes = new TextEncoder().encode("text");
    const image: DeviceImage = { bytes, digest: sha256(bytes), memoryBytes: 1, neededBytes: 2 };
    const cache = new OutcomeCache(1_000, new KeptOutcomes("one", save));
    cache.set("a", { image }, Number.POSITIVE_INFINITY);
    cache.set("b", { image }, Number.POSITIVE_INFINITY);
    t.same([...store.keys()], ["made/one/a", "made/one/b"]);
    t.same(
      new KeptOutcomes("one", save).restore(store),
      new Map([
        ["a", image],
        ["b", image],
      ]),
    );

    const damaged = Uint8Array.from(store.get("made/one/b") ?? []);
    damaged[damaged.length - 1] = 0;
    store.set("made/one/b", damaged);
    t.same([...new KeptOutcomes("one", save).restore(store).keys()], ["a"]);
    t.same([...store.keys()], ["made/one/a"], "what is damaged is removed");
    t.equal(new KeptOutcomes("two", save).restore(store).size, 0);
    t.equal(store.size, 0, "what somebody else made is removed");

    const small = new OutcomeCache(600, new KeptOutcomes("one", save));
    for (const key of ["a", "b", "c"]) small.set(key, { image }, Number.POSITIVE_INFINITY);
    t.same([...store.keys()], ["made/one/b", "made/one/c"], "what is forgotten is removed");
  },
);

t.test(
  "given an observer of a gateway, when devices and images come and go, then it is told, and a reader of devices reads it",
  async (t) => {
    const rig = await rigFor(t);
    const client = new ForeignClient(rig, "10.0.9.9");
    const answer = await client.ask(GET, "s");
    t.equal(answer.contentFormat, 60);
    t.match(decodeGatewayStatus(answer.payload), {
      devices: 0,
      mostDevices: 10_000,
      instances: 0,
      digests: [],
    });
    t.match(decodeStatus(answer.payload), { freeMemoryBytes: 1_048_576, digests: [] });
    t.equal(await client.code(POST, "s"), "4.05");

    const told: number[] = [];
    observe(rig, (payload) => told.push(decodeGatewayStatus(payload).devices));
    await eventually("the first answer", () => told.length === 1);
    const registration = encodeRegistration({ ...REGISTRATION, runtimes: [RUNTIME_JS] });
    const { locationPath } = await client.ask(POST, "rd", registration, `ep=${uuid(1)}&lt=60`);
    await eventually("told of the device", () => told.at(-1) === 1);
    await client.code(DELETE, locationPath);
    await eventually("told of its end", () => told.at(-1) === 0);
    t.ok(told.length <= 4, `${told}`);
  },
);

/** Observes the status of the gateway; what it tells is acknowledged. */
function observe(rig: GatewayRig, told: (payload: Uint8Array) => void): void {
  const socket = rig.network.open("10.0.9.8", 5683);
  const send = (message: Message) => socket.send(encodeMessage(message), rig.address, 5683);
  socket.onDatagram((datagram) => {
    const { type, messageId, payload, observe } = decodeMessage(datagram);
    if (type === CON) send(createMessage(ACK, EMPTY, messageId, new Uint8Array(0)));
    if (observe !== ABSENT) told(payload);
  });
  send({ ...createMessage(CON, GET, 1, Uint8Array.of(7)), path: "s", observe: 0 });
}
