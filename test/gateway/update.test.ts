import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import t from "tap";
import { GatewayControl } from "../../cli/device-client.js";
import { formatDeviceDetail } from "../../cli/format-device.js";
import type { Output } from "../../cli/output.js";
import { updateDevice } from "../../cli/update-device.js";
import { BAD_REQUEST, CHANGED, NOT_FOUND, SERVICE_UNAVAILABLE } from "../../coap-api/coap/codes.js";
import { encodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import { decodeFirmwarePart, GONE_BACK, ON_TRIAL, PROVED } from "../../coap-api/operations/firmware.js";
import { FirmwareUpdate } from "../../gateway/firmware-update.js";
import { formatUpdateRecord, newUpdate, parseUpdateRecord } from "../../gateway/update-record.js";
import { eventually } from "../kit/eventually.js";
import { FakeClock } from "../kit/fake-clock.js";
import { freePorts } from "../kit/free-ports.js";
import { message } from "../kit/lockstep-peer.js";
import { uuid } from "../node/kit/events.js";
import type { GatewayRig } from "./kit/gateway-rig.js";
import { rigFor, run } from "./kit/gateway-steps.js";

t.setTimeout(120_000);

const [controlPort] = await freePorts(1);

const FIRMWARE = {
  version: "2.0.0",
  files: [
    { name: "edgeless", content: Buffer.from(`var version = 2; // ${"x".repeat(900)}`) },
    { name: "edgeless.cold", content: Buffer.from("return 1".repeat(40)) },
  ],
};

/** An update of a device whose boot has nonce 1, and what it asks for. */
class Sending {
  readonly clock = new FakeClock();
  readonly ends: string[] = [];
  readonly update: FirmwareUpdate;

  /** @param record of a former life of the gateway; a new update unless given */
  constructor(record = newUpdate(FIRMWARE, 1)) {
    this.update = new FirmwareUpdate(record, this.clock, () => {
      if (this.update.isOver) this.ends.push(this.update.state);
    });
  }

  /** Answers the next request; returns its path, or `path@position`. */
  answer(code: number, error = 0): string | undefined {
    const work = this.update.next();
    if (work === undefined) return undefined;
    const payload = error === 0 ? new Uint8Array(0) : encodeDiagnostic({ error, reason: "why" });
    work.done(code === 0 ? undefined : message({ code, payload }), code === 0 ? "timeout" : undefined);
    const { path = "", payload: sent = payload } = work.request;
    return path === "u" ? path : `${path}@${decodeFirmwarePart(sent).at}`;
  }

  /** Answers all requests well; the paths. */
  all(): (string | undefined)[] {
    const paths: (string | undefined)[] = [];
    while (this.update.state === "sending") paths.push(this.answer(CHANGED));
    return paths;
  }
}

t.test(
  "given an update, when the device takes the parts, then they come in order, and lost ones again",
  async (t) => {
    const sending = new Sending();
    t.equal(sending.answer(CHANGED), "u/edgeless@0");
    t.equal(sending.answer(0), "u/edgeless@400");
    t.same(sending.all(), ["u/edgeless@400", "u/edgeless@800", "u/edgeless.cold@0", "u"]);
    t.equal(sending.update.sentBytes, sending.update.totalBytes);
    t.equal(sending.update.next(), undefined);
    sending.update.registered({ version: "1", state: PROVED }, 1);
    t.equal(sending.update.state, "trial", "the former boot is not the trial");
    sending.update.registered({ version: "2.0.0", state: ON_TRIAL }, 2);
    t.same(sending.ends, ["done"]);
    await sending.clock.advance(10_000_000);
    t.same(sending.ends, ["done"], "once");
  },
);

t.test("given an update, when it does not come through, then it says why", async (t) => {
  const back = new Sending();
  back.all();
  back.update.registered({ version: "1", state: GONE_BACK }, 2);
  t.match(back.update, { state: "failed", reason: "the device went back to its former firmware 1" });
  const lost = new Sending();
  lost.all();
  await lost.clock.advance(500_000);
  t.match(lost.update, { state: "failed", reason: "the device did not come back" });
  const slow = new Sending();
  slow.answer(CHANGED);
  await slow.clock.advance(2_000_000);
  t.match(slow.update, { state: "failed", reason: "it took too long" });
  const full = new Sending();
  full.answer(SERVICE_UNAVAILABLE, 71);
  t.match(full.update, { state: "failed", reason: "EDGELESS_DEVICE_FULL: why" });
  const other = new Sending();
  other.answer(NOT_FOUND);
  t.match(other.update, { state: "failed", reason: "the device does not take firmware (4.04)" });
  t.equal(other.update.next(), undefined);
});

t.test(
  "given parts that got lost on the device, when it says so, then it is begun again, but not for ever",
  async (t) => {
    const sending = new Sending();
    for (let tries = 0; tries < 3; tries++) {
      t.equal(sending.answer(CHANGED), "u/edgeless@0");
      t.equal(sending.answer(BAD_REQUEST, 73), "u/edgeless@400");
      t.equal(sending.update.sentBytes, 0);
    }
    sending.answer(BAD_REQUEST, 73);
    t.match(sending.update, { state: "failed", reason: "EDGELESS_UPDATE_DAMAGED: why" });
    const rebooted = new Sending();
    rebooted.answer(CHANGED);
    rebooted.update.registered({ version: "1", state: PROVED }, 2);
    t.equal(rebooted.answer(CHANGED), "u/edgeless@0", "the device started anew in between");
  },
);

t.test(
  "given an update that is under way, when the gateway starts anew, then it goes on from what was written down",
  async (t) => {
    /** What is read of what was written. */
    const kept = ({ update }: Sending) =>
      parseUpdateRecord(JSON.parse(JSON.stringify(formatUpdateRecord(update.record))));
    const begun = new Sending();
    begun.answer(CHANGED);
    const sending = new Sending(kept(begun));
    t.same(sending.all(), ["u/edgeless@0", "u/edgeless@400", "u/edgeless@800", "u/edgeless.cold@0", "u"]);
    const trial = new Sending(kept(sending));
    t.match(trial.update, { state: "trial", sentBytes: sending.update.totalBytes });
    t.equal(trial.update.next(), undefined);
    trial.update.registered({ version: "1", state: PROVED }, 1);
    t.equal(trial.update.state, "trial");
    trial.update.registered({ version: "2.0.0", state: ON_TRIAL }, 2);
    t.equal(trial.update.state, "done");
    t.match(new Sending(kept(trial)).update, { state: "done", isOver: true });
    t.same(kept(trial).files, []);
    const away = new Sending(kept(sending));
    await away.clock.advance(500_000);
    t.match(new Sending(kept(away)).update, { state: "failed", reason: "the device did not come back" });
  },
);

t.test(
  "given a device that is sent a firmware, when the gateway is killed twice meanwhile, then it gets it, and the command that waits is told",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, {
      ...{ persistencePath: join(folder, "0"), link: { delayMs: 15 } },
      configure: (config) => ({
        ...config,
        general: { ...config.general, control_url: `http://127.0.0.1:${controlPort}` },
      }),
    });
    const device = rig.device(1);
    await rig.admit(1);
    const sent = () => rig.gateway.registry.find(uuid(1))?.update?.sentBytes ?? 0;
    const updated = update(rig, folderWith(t, "2.0.0", `var version = 2; // ${"x".repeat(30_000)}`));
    for (const life of ["1", "2"]) {
      await eventually("under way", () => sent() > 2_000);
      await rig.crashGateway(join(folder, life));
      await rig.startGateway(join(folder, life));
    }
    t.equal(await updated, "device board-1 runs 2.0.0 now");
    await eventually("it runs", () => device.device?.isRegistered() === true);
  },
);

/** A folder like that of the build. */
function folderWith(t: Tap, version: string, script: string): string {
  const folder = mkdtempSync(join(tmpdir(), "firmware-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const contents = { ".boot0": "1", edgeless: script, "edgeless.cold": "0".repeat(500), "edgeless.fw": "[]" };
  const files = Object.entries(contents).map(([name, text]) => {
    writeFileSync(join(folder, `${name}.js`), text);
    return { name, file: `${name}.js`, bytes: text.length, crc32: crc32(text) };
  });
  writeFileSync(join(folder, "firmware.json"), JSON.stringify({ version, files }));
  return folder;
}
type Tap = Parameters<typeof rigFor>[0];

/** What `edgeless device update` prints. */
async function update(rig: GatewayRig, folder: string): Promise<string> {
  const gateway = new GatewayControl(rig.gateway.controlUrl ?? "");
  let printed = "";
  const output: Output = {
    json: false,
    note: () => {},
    result: (text) => {
      printed = text;
    },
  };
  await updateDevice("board-1", folder, gateway, output);
  return printed;
}

t.test(
  "given a device with a function, when its firmware is updated, then it runs on with the new one",
  async (t) => {
    const rig = await rigFor(t);
    const device = rig.device(1);
    const agent = await rig.admit(1);
    const id = await run(rig, agent, "noop");
    const folder = folderWith(t, "2.0.0", "var version = 2;");
    t.equal(await update(rig, folder), "device board-1 runs 2.0.0 now");
    await eventually("the function runs again", () => device.device?.instances().length === 1);
    await eventually("the ε-ORC knows", () => rig.stateOf(id) === "running");
    t.equal(await update(rig, folder), "device board-1 runs 2.0.0 already");
    const detail = await new GatewayControl(rig.gateway.controlUrl ?? "").inspect("board-1");
    t.match(formatDeviceDetail(detail), /firmware +2\.0\.0 on-trial\nupdate +2\.0\.0 done/);
    t.equal(rig.orchestrator.latest(uuid(1))?.nodeId, uuid(1), "the same node");
  },
);

t.test(
  "given a firmware that is no script, when a device was updated, then the command fails, and the former one runs",
  async (t) => {
    const clock = new FakeClock();
    const rig = await rigFor(t, { clock });
    rig.device(1);
    let isOver = false;
    const waiting = (async () => {
      while (!isOver) {
        await clock.advance(50);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await rig.admit(1);
    const folder = folderWith(t, "3.0.0", "var version = ;");
    await t.rejects(update(rig, folder), {
      code: "EDGELESS_UPDATE_FAILED",
      message: "device board-1 was not updated: the device went back to its former firmware emulated",
    });
    const detail = await new GatewayControl(rig.gateway.controlUrl ?? "").inspect("board-1");
    t.match(detail.firmware, { version: "emulated", state: "gone-back" });
    isOver = true;
    await waiting;
  },
);

t.test("given the control API, when an update is wrong or a second one, then it is refused", async (t) => {
  const rig = await rigFor(t);
  rig.device(1);
  await rig.admit(1);
  const url = `${rig.gateway.controlUrl}/devices/board-1/firmware`;
  const put = async (body: unknown) =>
    (await fetch(url, { method: "PUT", body: JSON.stringify(body) })).status;
  const content = Buffer.alloc(60_000, 32).toString("base64");
  t.equal(await put({ version: "1", files: [] }), 400);
  t.equal(await put({ version: "1", files: [{ name: ".boot0", content }] }), 400);
  t.equal(await put({ version: "1", files: [{ name: "edgeless", content: "?" }] }), 400);
  t.equal(await put({ version: "1", files: [{ name: "edgeless", content }] }), 202);
  t.equal(await put({ version: "1", files: [{ name: "edgeless", content }] }), 409);
  t.equal((await fetch(url)).status, 405);
});
