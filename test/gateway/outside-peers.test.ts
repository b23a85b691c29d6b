import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { createFleet } from "../../cli/emulate/start-fleet.js";
import {
  CAST,
  decodeDownlinkEvent,
  encodeUplinkEvent,
  NONE,
  type UplinkEvent,
} from "../../coap-api/operations/event.js";
import { decodeGatewayStatus } from "../../coap-api/operations/gateway-status.js";
import { decodeDigests } from "../../coap-api/operations/image-digests.js";
import { encodeLogLines } from "../../coap-api/operations/log-lines.js";
import { decodeOutputs } from "../../coap-api/operations/outputs.js";
import { encodeRegistration, RUNTIME_WASM } from "../../coap-api/operations/register.js";
import { decodeStatus } from "../../coap-api/operations/status.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { EmulatedDevice } from "../../emulator/emulated-device.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { openUdpSocket, type UdpSocket } from "../../platform/udp-socket.js";
import { sha256 } from "../../toolchain/image/digest.js";
import { AiocoapPeer, libcoapClient, NO_AIOCOAP, NO_LIBCOAP } from "../kit/coap-peers.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { NpmPeer, type NpmRequest } from "../kit/npm-peer.js";
import { cast, uuid } from "../node/kit/events.js";
import { REGISTRATION } from "./kit/foreign-client.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const LOOPBACK = "127.0.0.1";
const GATEWAY_LINKS = '</rd>;rt="core.rd",</e>,</l>,</y>,</i>;ct=60,</s>;obs;ct=60';
const DEVICE_LINKS = "</i>;ct=60,</f>,</r>,</e>,</s>;obs;ct=60,</x>";
const INCR = shippedModule("incr");
const DIGEST = sha256(INCR).slice(0, 16);

async function socketFor(t: Test): Promise<UdpSocket> {
  const socket = await openUdpSocket(LOOPBACK, 0, "test");
  t.teardown(() => socket.close());
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await openUdpSocket(LOOPBACK, 0, "test");
  const { port } = socket;
  await socket.close();
  return port;
}

/** Why tests with IPv6 are left out; false when they can run. */
async function noIpv6(): Promise<string | false> {
  try {
    await (await openUdpSocket("::1", 0, "test")).close();
    return false;
  } catch {
    return "this machine has no IPv6";
  }
}

/** An emulated device on the real network, whose gateway is whoever has a port. */
async function deviceOf(t: Test, gatewayPort: number): Promise<{ device: EmulatedDevice; port: number }> {
  const socket = await socketFor(t);
  const { port } = socket;
  const device = new EmulatedDevice({
    ...{ nodeId: uuid(1), gatewayAddress: LOOPBACK, socket, clock: systemClock, random: systemRandom },
    profile: BOARD_PROFILES["esp32-wasm"] as BoardProfile,
    library: new ModuleLibrary(),
    peripherals: { resources: [] },
    settings: { gatewayPort, retryInitialMs: 100, retryMaximumMs: 200, maxImageBytes: 16_384 },
  });
  t.teardown(() => device.powerOff());
  return { device, port };
}

t.test(
  "given libcoap's client in the place of the gateway, when it discovers, reads, observes and stores, then the device obeys",
  { skip: NO_LIBCOAP },
  async (t) => {
    const gatewayPort = await freePort();
    const { device, port } = await deviceOf(t, gatewayPort);
    device.powerOn();
    const folder = t.testdir({ image: Buffer.from(INCR), huge: Buffer.alloc(40_000, 1) });
    const at = (path: string) => `coap://${LOOPBACK}:${port}/${path}`;
    const asGateway = (...args: string[]) => libcoapClient("-p", String(gatewayPort), ...args);
    t.equal((await libcoapClient("-m", "get", at(".well-known/core"))).trim(), DEVICE_LINKS);
    t.match(await libcoapClient("-m", "get", at("s")), /4\.03/, "anybody else is refused");

    await asGateway("-m", "get", "-o", join(folder, "status"), at("s"));
    t.same(decodeStatus(readFileSync(join(folder, "status"))).digests, []);
    t.match(await asGateway("-m", "get", "-A", "50", at("s")), /4\.06/);
    for (const size of [16, 64, 256, 1024]) {
      const image = join(folder, "image");
      t.match(await asGateway("-m", "put", "-b", String(size), "-f", image, at(`i/${DIGEST}`)), /^\s*$/);
      t.same(device.device?.status().digests, [Buffer.from(DIGEST, "hex")], `blocks of ${size}`);
      await asGateway("-m", "delete", at(`i/${DIGEST}`));
      t.same(device.device?.status().digests, []);
    }
    t.match(await asGateway("-m", "put", "-f", join(folder, "huge"), at(`i/${"f".repeat(16)}`)), /4\.13/);

    const once = await asGateway("-m", "get", at("s"));
    const changes = setInterval(() => device.device?.statusChanged(), 300);
    t.teardown(() => clearInterval(changes));
    const observed = await asGateway("-m", "get", "-s", "2", at("s"));
    t.ok(observed.length > 3 * once.length, "told of changes");
  },
);

t.test(
  "given a gateway made of aiocoap, when it does all that a gateway does, then the device does its part",
  { skip: NO_AIOCOAP },
  async (t) => {
    const gatewayPort = await freePort();
    const { device } = await deviceOf(t, gatewayPort);
    const folder = t.testdir({ image: Buffer.from(INCR) });
    const peer = new AiocoapPeer("gateway", String(gatewayPort), join(folder, "image"));
    t.teardown(() => peer.kill());
    device.powerOn();
    await peer.finish();
    t.equal(peer.complaints, "");
    const code = (step: string) => peer.step(step)?.code;
    t.equal(peer.step("registered")?.board, "emulated-esp32-wasm");
    t.equal(peer.step("links")?.text, DEVICE_LINKS);
    t.match(peer.step("discovery"), { code: "2.05", format: 40 });
    t.same(peer.step("status")?.keys, [0, 1, 2, 3, 4, 5]);
    t.match(peer.step("accepted"), { code: "2.05", format: 60 });
    t.equal(code("not acceptable"), "4.06");
    t.equal(code("strange format"), "4.15");
    t.equal(code("nowhere"), "4.04");
    t.equal(code("wrong method"), "4.05");
    t.equal(code("critical option"), "4.02");
    t.equal(code("by NON"), "2.05");
    for (let exponent = 0; exponent <= 6; exponent++) {
      t.equal(code(`image by ${16 << exponent}`), "2.01", `blocks of ${16 << exponent}`);
      t.equal(code(`removed ${exponent}`), "2.02");
    }
    t.match(peer.step("too large"), { code: "4.13", size1: 16_384 });
    t.equal(peer.step("images")?.there, true);
    t.match(peer.step("start"), { code: "2.01", location: "f/1" });
    t.match(peer.step("start again"), { code: "2.01", location: "f/1" });
    t.equal(code("outputs"), "2.04");
    t.equal(code("cast"), "2.04");
    t.same(peer.step("event")?.payload, ["3", "b'42'"]);
    t.equal(code("cast to nobody"), "4.04");
    t.match(peer.step("nonsense"), { code: "4.00", format: 60 });
    t.equal(peer.step("diagnostic")?.error, 12);
    const { counts, images } = peer.step("observed") as unknown as Record<"counts" | "images", number[]>;
    t.equal(counts.at(-1), 0, `told of the end too: ${counts}`);
    t.ok(counts.includes(1));
    t.equal(images.at(-1), 0, `told of the images: ${images}`);
    t.match(peer.step("wrong image"), { code: "4.00", format: 60 });
  },
);

t.test(
  "given a gateway on IPv6 and IPv4, when emulated devices come by address and by name, then they register",
  { skip: await noIpv6() },
  async (t) => {
    const socket = await openUdpSocket("::", 0, "test");
    t.teardown(() => socket.close());
    const rig = await rigFor(t, { socket });
    const usual = { loss: "0", delay: "0", jitter: "0", duplication: "0", reordering: "0", bandwidth: "0" };
    for (const [index, host] of ["[::1]", "127.0.0.1", "localhost"].entries()) {
      const gateway = `${host}:${socket.port}`;
      const options = {
        gateway,
        count: "1",
        name: `by ${host}`,
        seed: `${index}`,
        profile: "esp32",
        spread: "0",
      };
      const fleet = await createFleet({ ...usual, ...options }, systemClock);
      t.teardown(() => fleet.close());
      fleet.powerOn();
      await eventually(`${host} registers`, () => rig.gateway.registry.present === index + 1);
    }
    const nowhere = {
      gateway: "nowhere.invalid:1",
      count: "1",
      name: "",
      seed: "1",
      profile: "esp32",
      spread: "0",
    };
    await t.rejects(createFleet({ ...usual, ...nowhere }, systemClock), { code: "EDGELESS_UNREACHABLE" });
  },
);

t.test(
  "given libcoap's client, when it discovers, registers and logs in blocks, then the gateway takes it",
  { skip: NO_LIBCOAP },
  async (t) => {
    const socket = await socketFor(t);
    const rig = await rigFor(t, { socket, address: LOOPBACK });
    const at = (path: string) => `coap://${LOOPBACK}:${socket.port}/${path}`;
    t.equal((await libcoapClient("-m", "get", at(".well-known/core"))).trim(), GATEWAY_LINKS);
    t.match(await libcoapClient("-m", "get", "-A", "60", at(".well-known/core")), /4\.06/);
    const folder = t.testdir({
      registration: Buffer.from(
        encodeRegistration({ ...REGISTRATION, labels: Array.from({ length: 40 }, (_, i) => `label ${i}`) }),
      ),
    });
    const line = { handle: 1, level: 3, target: new Uint8Array(4), message: new Uint8Array(400).fill(0x61) };
    writeFileSync(join(folder, "log"), encodeLogLines(Array.from({ length: 30 }, () => line)));
    const port = String(await freePort());
    const asDevice = (...args: string[]) => libcoapClient("-p", port, ...args);
    for (const [number, size] of [16, 64, 256, 1024].entries()) {
      const query = `rd?ep=${uuid(10 + number)}&lt=60`;
      const file = join(folder, "registration");
      const answer = await asDevice("-m", "post", "-b", String(size), "-f", file, at(query));
      t.notMatch(answer, /[45]\.[0-9][0-9]/);
      t.equal(rig.gateway.registry.find(uuid(10 + number))?.record.facts.labels.length, 40, `${size}`);
      t.equal(
        await asDevice("-m", "post", "-b", String(size), "-f", join(folder, "log"), at("l")),
        "",
        `12 KB in blocks of ${size}`,
      );
    }
    t.match(await asDevice("-m", "post", "-t", "50", "-e", "{}", at("l")), /4\.15/);
    t.match(await asDevice("-m", "post", "-e", "{}", at("l")), /4\.00/);
  },
);

for (const isProofWanted of [false, true])
  t.test(
    `given a gateway that wants ${isProofWanted ? "" : "no "}proofs, when libcoap's client stores, lists, reads and observes, then it gets what it asks for`,
    { skip: NO_LIBCOAP },
    async (t) => {
      const socket = await socketFor(t);
      await rigFor(t, {
        ...{ socket, address: LOOPBACK },
        configure: (config) => ({ ...config, coap: { ...config.coap, verify_peers: isProofWanted } }),
      });
      const folder = t.testdir({ image: Buffer.from(INCR), huge: Buffer.alloc(1_100_000, 1) });
      const at = (path: string) => `coap://${LOOPBACK}:${socket.port}/${path}`;
      const file = (name: string) => join(folder, name);
      const read = async (path: string, ...args: string[]) => {
        await libcoapClient("-m", "get", ...args, "-o", file("answer"), at(path));
        return readFileSync(file("answer"));
      };
      for (const size of [16, 32, 64, 128, 256, 512, 1024]) {
        const blocks = ["-b", String(size)];
        t.equal(await libcoapClient("-m", "put", ...blocks, "-f", file("image"), at(`i/${DIGEST}`)), "");
        t.same(decodeDigests(await read("i")), [Buffer.from(DIGEST, "hex")], `up in blocks of ${size}`);
        t.same(await read(`i/${DIGEST}`, ...blocks), Buffer.from(INCR), `down in blocks of ${size}`);
        await libcoapClient("-m", "delete", at(`i/${DIGEST}`));
        t.same(decodeDigests(await read("i")), []);
      }
      t.match(await libcoapClient("-m", "put", "-f", file("huge"), at(`i/${"f".repeat(16)}`)), /4\.13/);
      t.match(await libcoapClient("-m", "put", "-f", file("image"), at(`i/${"f".repeat(16)}`)), /4\.00/);
      t.match(decodeGatewayStatus(await read("s")), { devices: 0, digests: [] });

      const once = (await libcoapClient("-m", "get", at("s"))).length;
      let isOver = false;
      const observing = libcoapClient("-m", "get", "-s", "4", at("s")).finally(() => {
        isOver = true;
      });
      while (!isOver) {
        await libcoapClient("-m", "put", "-f", file("image"), at(`i/${DIGEST}`));
        await new Promise((resolve) => setTimeout(resolve, 1_200));
        await libcoapClient("-m", "delete", at(`i/${DIGEST}`));
        await new Promise((resolve) => setTimeout(resolve, 1_200));
      }
      t.ok((await observing).length > 1.9 * once, "told of the image");
    },
  );

t.test(
  "given the npm client, when it discovers, stores, lists, reads, observes and removes at a gateway, then it gets what it asks for",
  async (t) => {
    const socket = await socketFor(t);
    await rigFor(t, { socket, address: LOOPBACK });
    const peer = await NpmPeer.open();
    t.teardown(() => peer.close());
    const ask = (...[method, path, payload, options]: NpmRequest) =>
      peer.ask(socket.port, method, path, payload, options);
    t.equal((await ask("GET", ".well-known/core")).payload.toString(), GATEWAY_LINKS);
    const told: number[] = [];
    peer.observe(socket.port, "s", (payload) => told.push(decodeGatewayStatus(payload).digests.length));
    await eventually("the first status", () => told.length === 1);
    for (const exponent of [0, 4, 6]) {
      const block = Buffer.from([exponent]);
      t.equal((await ask("PUT", `i/${DIGEST}`, INCR, { Block1: block })).code, "2.01");
      t.same(decodeDigests((await ask("GET", "i")).payload), [Buffer.from(DIGEST, "hex")]);
      t.same((await ask("GET", `i/${DIGEST}`, undefined, { Block2: block })).payload, Buffer.from(INCR));
      t.equal((await ask("DELETE", `i/${DIGEST}`)).code, "2.02");
    }
    t.equal((await ask("PUT", `i/${DIGEST}`, INCR, { Block1: Buffer.from([6]) })).code, "2.01");
    await eventually("told of the image", () => told.at(-1) === 1);
  },
);

t.test(
  "given a device made of the npm client and server, when it registers and hosts a function, then its events flow both ways",
  async (t) => {
    const socket = await socketFor(t);
    const rig = await rigFor(t, { socket, address: LOOPBACK });
    const peer = await NpmPeer.open();
    t.teardown(() => peer.close());
    const images = new Map<string, Buffer>();
    const send = (event: Partial<UplinkEvent>) => {
      const whole = { kind: CAST, route: NONE, peer: NONE, handle: NONE, stream: NONE, ...event };
      const payload = encodeUplinkEvent({ payload: new Uint8Array(0), ...whole });
      return peer.ask(socket.port, "POST", "e", payload);
    };
    const sent: string[] = [];
    let route = NONE;
    peer.serve(({ method, url, payload }) => {
      if (method === "PUT" && url.startsWith("/i/")) images.set(url.slice(3), payload);
      else if (method === "POST" && url === "/f") return { code: "2.01", location: ["f", "1"] };
      else if (method === "PUT" && url === "/f/1") route = decodeOutputs(payload)[0]?.route ?? NONE;
      else if (method === "POST" && url === "/e") {
        const { payload: text } = decodeDownlinkEvent(payload);
        const answer = Buffer.from(`${Buffer.from(text).toString()}!`);
        void send({ route, payload: answer }).then(({ code }) => sent.push(code));
      }
      return { code: method === "DELETE" ? "2.02" : "2.04" };
    });
    const registration = encodeRegistration({
      ...REGISTRATION,
      ...{ board: "npm", runtimes: [RUNTIME_WASM], freeMemoryBytes: 200_000 },
      limits: { ...REGISTRATION.limits, functionMemoryBytes: 131_072 },
    });
    const registered = await peer.ask(socket.port, "POST", "rd", registration, {}, `ep=${uuid(8)}&lt=60`);
    t.equal(registered.code, "2.01");
    const started = await run(rig, await rig.admit(8), "incr", { result: sink(1) });
    t.same(images.get(DIGEST), Buffer.from(INCR), "the image in blocks");
    await invocationOf(t, rig).handle(cast(SOURCE, started, "41"));
    await eventually("the event", () => rig.payloads().includes("41!"));
    await eventually("acknowledged", () => sent.length === 1);
    t.same(sent, ["2.04"]);
    t.equal((await peer.ask(socket.port, "DELETE", "rd/1")).code, "2.02");
    t.equal(rig.gateway.registry.present, 0);
  },
);

t.test(
  "given a device made of aiocoap, when it registers and hosts a function, then its events flow both ways",
  { skip: NO_AIOCOAP },
  async (t) => {
    const socket = await socketFor(t);
    const rig = await rigFor(t, { socket, address: LOOPBACK });
    const peer = new AiocoapPeer("device", String(socket.port), uuid(7));
    t.teardown(() => peer.kill());
    const agent = await rig.admit(7);
    const started = await run(rig, agent, "incr", { result: sink(1) });
    await invocationOf(t, rig).handle(cast(SOURCE, started, "41"));
    await eventually("the event", () => rig.payloads().includes("41!"));
    await agent.stopFunction(started);
    await eventually("stopped", () => peer.step("stop"));
    await peer.finish();
    t.equal(peer.complaints, "");
    t.equal(peer.step("links")?.text, GATEWAY_LINKS);
    t.match(peer.step("register"), { code: "2.01", location: "rd/1" });
    t.equal(peer.step("not acceptable")?.code, "4.06");
    t.equal(peer.step("strange format")?.code, "4.15");
    for (const name of ["refresh", "changed", "log", "sent"]) t.equal(peer.step(name)?.code, "2.04", name);
    t.match(peer.step("image"), { bytes: INCR.length, whole: true });
    t.same(peer.step("outputs")?.channels, ["result"]);
    t.equal(peer.step("leave")?.code, "2.02");
    t.equal(rig.gateway.registry.present, 0);
  },
);
