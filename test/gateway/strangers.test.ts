import { join } from "node:path";
import t from "tap";
import { CON, DELETE, formatCode, GET, POST, PUT } from "../../coap-api/coap/codes.js";
import { createMessage, encodeMessage } from "../../coap-api/coap/message.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { encodeRegistration } from "../../coap-api/operations/register.js";
import { eventually } from "../kit/eventually.js";
import { cast, uuid } from "../node/kit/events.js";
import { ForeignClient, REGISTRATION } from "./kit/foreign-client.js";
import { deviceAddress, type GatewayRig } from "./kit/gateway-rig.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const registerAs = (client: ForeignClient, number: number, parts: Partial<typeof REGISTRATION> = {}) =>
  client.ask(POST, "rd", encodeRegistration({ ...REGISTRATION, ...parts }), `ep=${uuid(number)}&lt=60`);

t.test(
  "given a registered device, when a stranger acts in its name, then the device keeps what it has",
  async (t) => {
    const rig = await rigFor(t);
    const board = rig.device(1);
    const agent = await rig.admit(1);
    const incr = await run(rig, agent, "incr", { result: sink(1) });
    const stranger = new ForeignClient(rig, "10.0.9.9");
    const before = rig.orchestrator.latest(uuid(1))?.nonce;

    const refused = await registerAs(stranger, 1);
    t.equal(formatCode(refused.code), "4.03");
    t.match(decodeDiagnostic(refused.payload).reason, /registered at another address, where it answers/);
    t.equal(await stranger.code(POST, "rd/1"), "4.04");
    t.equal(await stranger.code(DELETE, "rd/1"), "4.04");
    t.equal(await stranger.code(POST, "e", Uint8Array.of(0x82, 0, 0x41, 0x31)), "4.03");
    t.equal(await stranger.code(POST, "y", Uint8Array.of(0x82, 1, 0x41, 1)), "4.03");
    t.equal(await stranger.code(POST, "l", Uint8Array.of(0x80)), "4.03");

    const at = deviceAddress(1);
    t.equal(await stranger.code(POST, "x", undefined, "", at), "4.03", "the board obeys its gateway alone");
    t.equal(await stranger.code(DELETE, "f/1", undefined, "", at), "4.03");
    t.equal(await stranger.code(PUT, "f/1", Uint8Array.of(0xa0), "", at), "4.03");
    t.equal(await stranger.code(GET, ".well-known/core", undefined, "", at), "2.05");

    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, incr, "1"));
    await eventually("it works on", () => rig.payloads().includes("2"));
    t.equal(rig.orchestrator.latest(uuid(1))?.nonce, before);
    t.equal(board.device?.instances()[0]?.restarts, 0);
    t.same(rig.gateway.registry.find(uuid(1))?.record.address, at);
  },
);

t.test(
  "given a device that is gone from its address, when it registers elsewhere, then that is its address",
  async (t) => {
    const rig = await rigFor(t);
    const board = rig.device(1);
    await rig.admit(1);
    board.powerOff();
    const elsewhere = new ForeignClient(rig, "10.0.9.9", { responseTimeoutMs: 20_000 });
    t.equal(formatCode((await registerAs(elsewhere, 1)).code), "2.01");
    t.equal(rig.gateway.registry.find(uuid(1))?.record.address, "10.0.9.9");
  },
);

t.test(
  "given a host that registers thousands of devices, when it has its share, then others still get in",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({
        ...config,
        devices: { ...config.devices, max_devices: 40, max_per_address: 20 },
      }),
    });
    rig.device(1);
    await rig.admit(1);
    const codes = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const flood = new ForeignClient(rig, "10.0.9.9", {}, 10_000 + i);
      const { code } = await registerAs(flood, 1000 + i, { bootNonce: i });
      codes.set(formatCode(code), (codes.get(formatCode(code)) ?? 0) + 1);
    }
    t.same(Object.fromEntries(codes), { "2.01": 20, "5.03": 280 });
    t.equal(rig.gateway.registry.devices.length, 21, "nothing is kept of what was refused");
    rig.device(2);
    await rig.admit(2);
    t.ok(isPresent(rig, 1) && isPresent(rig, 2));
  },
);

t.test(
  "given devices that come once and leave, when there are many, then the named one is not forgotten",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({ ...config, devices: { ...config.devices, max_devices: 10 } }),
    });
    for (let number = 1; number <= 30; number++) {
      const client = new ForeignClient(rig, "10.0.9.9", {}, 10_000 + number);
      const { locationPath } = await registerAs(client, number, { bootNonce: number });
      if (number === 1) {
        const device = rig.gateway.registry.find(uuid(1));
        if (device !== undefined) await rig.gateway.registry.rename(device, "kitchen");
      }
      t.equal(await client.code(DELETE, locationPath), "2.02");
      await eventually("left", () => rig.gateway.registry.present === 0);
    }
    const { devices } = rig.gateway.registry;
    t.ok(devices.length <= 10);
    t.ok(devices.some(({ name }) => name === "kitchen"));
    t.ok(
      devices.some(({ nodeId }) => nodeId === uuid(30)),
      "the newest is remembered",
    );
  },
);

t.test(
  "given a gateway that started again, when a device that was not heard since comes from elsewhere, then at once",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "state") });
    const board = rig.device(1);
    await rig.admit(1);
    board.powerOff();
    await rig.crashGateway(join(folder, "image"));
    await rig.startGateway(join(folder, "image"));
    const elsewhere = new ForeignClient(rig, "10.0.9.9");
    const beganMs = performance.now();
    t.equal(formatCode((await registerAs(elsewhere, 1)).code), "2.01");
    t.ok(performance.now() - beganMs < 3_000, "nobody waits for the former address");
  },
);

t.test(
  "given a gateway that wants proofs, when thousands of forged addresses register, then none is taken and a device still gets in",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({ ...config, coap: { ...config.coap, verify_peers: true, max_strangers: 8 } }),
    });
    const payload = encodeRegistration(REGISTRATION);
    let answered = 0;
    const flood = (from: number) => {
      for (let i = from; i < from + 500; i++) {
        // Nothing that is sent to a forged address comes back to whoever forged it.
        const socket = rig.network.open(`10.${1 + (i >> 8)}.7.${i & 0xff}`, 5683);
        socket.onDatagram((datagram) => {
          answered++;
          t.ok(datagram.length < 60, "a small answer to a large request");
        });
        const message = createMessage(CON, POST, i, Uint8Array.of(1, 2));
        socket.send(
          encodeMessage({ ...message, path: "rd", query: `ep=${uuid(5000 + i)}&lt=60`, payload }),
          rig.address,
          5683,
        );
      }
    };
    flood(0);
    rig.device(1);
    for (let wave = 1; wave < 6; wave++) {
      flood(wave * 500);
      await eventually("answers", () => answered === (wave + 1) * 500);
    }
    await rig.admit(1);
    t.equal(rig.gateway.registry.devices.length, 1, "nothing is kept of a forged registration");
    await eventually("counted", () => rig.gateway.registry.present === 1);
  },
);

t.test(
  "given a board at the place of another, when it registers there, then the former one leaves and it stays reachable",
  async (t) => {
    const rig = await rigFor(t);
    const board = rig.device(1);
    await rig.admit(1);
    board.powerOff();
    // The socket of the place belongs to the newer board from here on.
    rig.device(2, { at: 1 });
    const agent = await rig.admit(2);
    await eventually("the former one is gone", () => !isPresent(rig, 1));
    const incr = await run(rig, agent, "incr", { result: sink(1) });
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, incr, "1"));
    await eventually("it works", () => rig.payloads().includes("2"));
    t.equal(rig.gateway.registry.findAt(deviceAddress(1), 5683)?.nodeId, uuid(2));
  },
);

function isPresent(rig: GatewayRig, number: number): boolean {
  return rig.gateway.registry.findPresent(uuid(number)) !== undefined;
}
