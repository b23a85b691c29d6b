import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import t from "tap";
import { CHANGED, GET, METHOD_NOT_ALLOWED, POST, PUT } from "../../coap-api/coap/codes.js";
import { decodeDiagnostic } from "../../coap-api/operations/diagnostic.js";
import {
  encodeFirmwareManifest,
  encodeFirmwarePart,
  type FirmwareFile,
  GONE_BACK,
  ON_TRIAL,
  PROVED,
  SAFE_MODE,
} from "../../coap-api/operations/firmware.js";
import {
  CONSOLE,
  decideBoot,
  JOURNAL,
  JOURNAL_BYTES,
  NORMAL,
  SAFE,
  shortJournal,
} from "../../embedded/boot-journal.js";
import { isFirmwareFile } from "../../embedded/firmware-slot.js";
import { DeviceRig } from "../kit/device-rig.js";
import { shippedModule } from "../kit/guest-driver.js";

const A = "00112233445566aa";
const B = "00112233445566bb";
const MINUTE = 60_000;

/** The decision for the boot that begins after a journal. */
function after(journal: string, isReset = true) {
  return decideBoot(journal, isReset);
}

t.test("given a journal of boots, when the next one begins, then it says what to do", async (t) => {
  for (const [journal, isReset, mode, what] of [
    ["", false, NORMAL, "the very first boot"],
    ["oh", false, NORMAL, "switched off"],
    ["ooo", false, SAFE, "three boots that came to nothing"],
    ["ohwhwh", true, SAFE, "three boots that were reset after they had registered"],
    ["ohohoh", false, NORMAL, "three times switched off and on again"],
    ["ohwhpwh", true, NORMAL, "a reset on purpose in between"],
    ["ohwhlwh", true, NORMAL, "an hour in between"],
    ["ohwhoh", true, NORMAL, "switched off in between"],
    ["owwwwh", true, SAFE, "safe mode was reset, too"],
    ["owwwww", true, CONSOLE, "safe mode did not help"],
    ["owwwwwh", false, NORMAL, "safe mode came through"],
  ] as const)
    t.equal(after(journal, isReset).mode, mode, what);
});

t.test(
  "given functions in boots that ended badly, when three did, then the one in all of them is to blame",
  async (t) => {
    t.same(after(`ohs${A}whs${A}s${B}whs${A}`), {
      ...{ mode: NORMAL, slot: 0, isTrial: false, isBack: false, failures: 0 },
      refused: [A],
    });
    t.same(after(`ohs${A}whs${B}whs${A}`), {
      ...{ mode: SAFE, slot: 0, isTrial: false, isBack: false, failures: 3 },
      refused: [],
    });
    t.same(after(`ohs${A}whs${A}wh`).mode, SAFE, "the third crashed without it");
    t.same(after(`ohs${A}whs${A}whs${A}whohoh`, false).refused, [A], "for good");
    t.same(after(`ohs${A}whs${A}whs${A}wht1pwh`).refused, [], "but not with another firmware");
  },
);

t.test(
  "given power that went while the journal was written, when it is read, then nothing after it is lost",
  async (t) => {
    t.equal(after("ohwhwhs0011").failures, 3);
    t.match(after("ohwhs0011223344wh"), { failures: 3, refused: [] });
    t.match(after("oht"), { failures: 1, isTrial: false });
    t.match(after("ohtwh"), { failures: 2, isTrial: false });
  },
);

t.test("given a new firmware, when its first boot ends, then it stays or goes", async (t) => {
  t.match(after("oht1p"), { slot: 1, isTrial: true, isBack: false });
  t.match(after("oht1pwh"), { slot: 1, isTrial: false, isBack: false });
  t.match(after("oht1pw"), { slot: 0, isTrial: false, isBack: true, failures: 0 });
  t.match(after("oht1pwwh"), { slot: 0, isBack: true }, "told until the next update");
  t.match(after("oht1pwht0p"), { slot: 0, isTrial: true, isBack: false }, "the other slot is next");
  t.match(after("oht1pwht0pw"), { slot: 1, isBack: true });
  t.match(after("owwwt1p"), { slot: 1, isTrial: true, mode: NORMAL }, "a way out of safe mode");
});

t.test(
  "given any journal, when it is read, then there is a decision, and its short form decides the same",
  async (t) => {
    const letter = fc.constantFrom(
      "b",
      "w",
      "p",
      "h",
      "d",
      `s${A}`,
      `s${B}`,
      `q${A}`,
      "t0",
      "t1",
      "c0",
      "c1",
      "\u00ff",
      "s",
      "t",
    );
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 40 }), fc.boolean(), (letters, isReset) => {
        const decision = decideBoot(letters.join(""), isReset);
        const again = decideBoot(shortJournal(decision), isReset);
        return again.slot === decision.slot && again.isTrial === decision.isTrial;
      }),
    );
    t.same(after(shortJournal(after(`v1q${A}`))).refused, [A]);
  },
);

t.test(
  "given names, when they are to be files of a firmware, then those of other things are not",
  async (t) => {
    for (const name of ["edgeless", "edgeless.cold", "edgeless.epaper-display"])
      t.ok(isFirmwareFile(name), name);
    for (const name of [
      "",
      ".boot0",
      "edgeless.json",
      "edgeless.boot",
      "edgeless.fw",
      "i0011223344556677",
      "edgeless/x",
      "edgeless.a-very-long-name-it-is",
      "edgelesS",
    ])
      t.notOk(isFirmwareFile(name), name);
  },
);

t.test(
  "given a function that ends boots, when it did so three times, then it is not started again, and others are",
  async (t) => {
    const rig = await new DeviceRig().boot();
    for (let boots = 0; boots < 3; boots++) {
      await rig.start(shippedModule("noop"));
      rig.device.reset();
      await rig.until(() => rig.device.device?.isRegistered() === true);
    }
    const digest = await rig.upload(shippedModule("noop"));
    const refused = await rig.post("f", rig.startPayload(digest));
    t.equal(refused?.code, 0x80);
    t.match(decodeDiagnostic(refused?.payload ?? new Uint8Array(0)), {
      error: 72,
      reason: "it ended three boots in a row",
    });
    t.equal(await rig.start(shippedModule("ping")), 1);
    t.equal(rig.gateway.registrations.at(-1)?.registration.firmware?.state, PROVED);
  },
);

t.test(
  "given boots that end badly without a function to blame, then there is safe mode, and it ends by itself",
  async (t) => {
    const rig = new DeviceRig();
    rig.device.powerOn();
    for (let boots = 0; boots < 3; boots++) rig.device.reset();
    await rig.until(() => rig.device.device?.isRegistered() === true);
    t.equal(rig.gateway.registrations.at(-1)?.registration.firmware?.state, SAFE_MODE);
    const digest = await rig.upload(shippedModule("noop"));
    t.equal((await rig.post("f", rig.startPayload(digest)))?.code, 0xa3, "later, perhaps");
    await rig.startResource("epaper-display");
    await rig.clock.advance(11 * MINUTE);
    t.equal(rig.gateway.registrations.at(-1)?.registration.firmware?.state, PROVED);
    await rig.start(shippedModule("noop"));
    for (let boots = 0; boots < 7; boots++) rig.device.reset();
    t.equal(rig.device.device, undefined, "only the console is left");
    t.equal((await rig.ask(GET, "s"))?.code, undefined);
  },
);

t.test("given hours and many boots, when the journal grows, then it is written anew in time", async (t) => {
  const rig = new DeviceRig();
  rig.device.powerOn();
  for (let boots = 0; boots < 60; boots++) {
    await rig.until(() => rig.device.device?.isRegistered() === true);
    await rig.start(shippedModule("noop"));
    await rig.clock.advance(61 * MINUTE);
    rig.device.reset();
  }
  await rig.until(() => rig.device.device?.isRegistered() === true);
  const journal = rig.device.flash.readText(JOURNAL) ?? "";
  t.ok(journal.length < JOURNAL_BYTES, `${journal.length}`);
  t.equal(rig.gateway.registrations.at(-1)?.registration.firmware?.state, PROVED);
});

/** Files of a firmware whose resident script is this one. */
function firmware(script: string): Record<string, Uint8Array> {
  return {
    edgeless: Buffer.from(`${script}// ${"x".repeat(900)}`),
    "edgeless.cold": Buffer.from("return 1".repeat(100)),
  };
}

/** Sends a firmware to the device in parts and starts its trial. */
async function update(rig: DeviceRig, version: string, files: Record<string, Uint8Array>, damage = 0) {
  const list: FirmwareFile[] = [];
  for (const [name, bytes] of Object.entries(files)) {
    for (let at = 0; at < bytes.length; at += 400) {
      const part = bytes.subarray(at, at + 400);
      const response = await rig.put(
        `u/${name}`,
        encodeFirmwarePart({ at, total: bytes.length, bytes: part }),
      );
      if (response?.code !== CHANGED) return response;
    }
    list.push({
      name,
      bytes: bytes.length,
      crc32: crc32(bytes) ^ damage,
      sha256: createHash("sha256").update(bytes).digest(),
    });
  }
  return rig.post(
    "u",
    encodeFirmwareManifest({ version, files: list.map((file) => ({ ...file, crc32: file.crc32 >>> 0 })) }),
  );
}

t.test(
  "given a new firmware, when it was sent, then the device runs it, and keeps it once it registered",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const running = () => rig.gateway.registrations.at(-1)?.registration.firmware;
    t.same(running(), { version: "emulated", state: PROVED });
    await rig.start(shippedModule("noop"));
    t.equal((await update(rig, "2.0.0", firmware("var version = 2;")))?.code, CHANGED);
    t.same(running(), { version: "emulated", state: PROVED }, "not at once: the answer leaves first");
    await rig.until(() => running()?.version === "2.0.0", MINUTE);
    t.equal(running()?.state, ON_TRIAL);
    rig.device.reset();
    await rig.until(() => running()?.state === PROVED, MINUTE);
    t.equal(
      (await update(rig, "3.0.0", firmware("var version = 3;")))?.code,
      CHANGED,
      "into the first slot again",
    );
    await rig.until(() => running()?.version === "3.0.0", MINUTE);
  },
);

t.test(
  "given a firmware that does not start, or does not register, when it was tried, then the former one runs",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const running = () => rig.gateway.registrations.at(-1)?.registration.firmware;
    await update(rig, "2.0.0", firmware("var version = ;"));
    await rig.until(() => running()?.state === GONE_BACK, 2 * MINUTE);
    t.equal(running()?.version, "emulated");
    await update(rig, "2.0.1", firmware("var version = 2;"));
    await rig.clock.advance(500);
    rig.network.setConditions({ loss: 1 });
    await rig.clock.advance(3.5 * MINUTE);
    rig.network.setConditions({ loss: 0 });
    const registered = rig.gateway.registrations.length;
    await rig.until(() => rig.gateway.registrations.length > registered, 2 * MINUTE);
    t.same(running(), { version: "emulated", state: GONE_BACK });
    await update(rig, "2.0.2", firmware("var version = 2;"));
    await rig.until(() => running()?.version === "2.0.2", MINUTE);
    t.equal(running()?.state, ON_TRIAL);
  },
);

t.test(
  "given parts that are wrong, when they come, then each is refused, and the firmware stays",
  async (t) => {
    const rig = await new DeviceRig().boot();
    const refusal = async (path: string, payload: Uint8Array, method = PUT) => {
      const response = await (method === PUT ? rig.put(path, payload) : rig.post(path, payload));
      return [
        response?.code,
        response?.code === METHOD_NOT_ALLOWED ? 0 : decodeDiagnostic(response?.payload ?? payload).error,
      ];
    };
    const bytes = Buffer.from("abc");
    t.same(await refusal("u/edgeless", encodeFirmwarePart({ at: 2, total: 4, bytes })), [0x80, 12]);
    t.same(await refusal("u/edgeless", encodeFirmwarePart({ at: 2, total: 400_000, bytes })), [0x80, 12]);
    t.same(await refusal("u/.boot0", encodeFirmwarePart({ at: 0, total: 3, bytes })), [0x80, 12]);
    t.same(await refusal("u/edgeless.json", encodeFirmwarePart({ at: 0, total: 3, bytes })), [0x80, 12]);
    t.same(await refusal("u/edgeless", encodeFirmwarePart({ at: 400, total: 800, bytes })), [0x80, 73]);
    t.same(await refusal("u/edgeless", new Uint8Array([0xff])), [0x80, 12]);
    t.same(await refusal("u", encodeFirmwareManifest({ version: "1", files: [] }), POST), [0x80, 73]);
    t.same(await refusal("u", new Uint8Array([0x80]), POST), [0x80, 12]);
    t.same(await refusal("u/edgeless", bytes, POST), [METHOD_NOT_ALLOWED, 0]);
    const damaged = await update(rig, "2.0.0", firmware("var a;"), 1);
    t.match(decodeDiagnostic(damaged?.payload ?? bytes), {
      error: 73,
      reason: "edgeless is missing or damaged",
    });
    const small = await new DeviceRig({ profile: { flashBytes: 4096 } }).boot();
    const full = await update(small, "2.0.0", { edgeless: Buffer.alloc(5000, 32) });
    t.equal(full?.code, 0xa3);
    await rig.clock.advance(MINUTE);
    t.equal(rig.gateway.registrations.length, 1);
  },
);
