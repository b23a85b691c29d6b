import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { BoardSettings } from "../../../esp32/board-settings.js";
import type { BytePort } from "../../../esp32/tools/byte-port.js";
import { chipFamily } from "../../../esp32/tools/chip-family.js";
import { openPort } from "../../../esp32/tools/open-port.js";
import { type Provision, type Provisioned, provisionBoard } from "../../../esp32/tools/provision-board.js";
import { systemClock } from "../../../platform/system-clock.js";
import { EdgelessProcess, edgeless } from "../../kit/edgeless-process.js";
import { EspruinoBoard, NO_ESPRUINO } from "../../kit/espruino-board.js";
import { firmwareFiles, tgz } from "../../kit/firmware-files.js";
import { freePorts } from "../../kit/free-ports.js";
import { MemoryPort } from "../../kit/memory-port.js";
import { PORCH, registeringRuntime } from "../../kit/provisioned-board.js";
import { type BoardScript, ScriptedBoard } from "../../kit/scripted-board.js";

t.setTimeout(240_000);
t.jobs = 16;

const SETTINGS: BoardSettings = { ...PORCH, ble: false };
const RUNTIME = registeringRuntime("new");
const START = ["edgeless 3 joined home", "edgeless 3 registered as rd/1"];

interface Notes {
  readonly notes: string[];
  readonly files: Set<string>;
}

function provision(
  port: BytePort,
  wanted: Partial<Provision> = {},
  told: Notes = { notes: [], files: new Set() },
): Promise<Provisioned> {
  return provisionBoard(
    port,
    systemClock,
    { runtime: RUNTIME, settings: async () => SETTINGS, clear: false, waitMs: 2_000, ...wanted },
    { note: (text) => told.notes.push(text), progress: (file) => told.files.add(file) },
  );
}

function holdsAll({ files }: ScriptedBoard): boolean {
  const settings = { name: "edgeless.json", bytes: Buffer.from(JSON.stringify(SETTINGS)) };
  return [...RUNTIME.files, settings].every(({ name, bytes }) => files.get(name)?.equals(bytes) === true);
}

const BOARDS: Record<string, BoardScript> = {
  "as it comes": {},
  "with a program that keeps it busy": { isBusy: true },
  "with firmware that loses bursts": { version: "2v27.45" },
  "that refuses packets": { refusedPackets: 2 },
  "whose answers arrive damaged": { damagedAnswers: 2 },
  "to which parts arrive damaged": { damagedParts: 2 },
  "that asks to pause": { pauses: true },
  "with an ESP32-C3": { board: "ESP32C3" },
};

for (const [what, script] of Object.entries(BOARDS)) {
  t.test(`given a board ${what}, when it is provisioned, then it has registered`, async (t) => {
    const port = new MemoryPort(true);
    const board = new ScriptedBoard(port, { startLines: START, ...script });
    const told: Notes = { notes: [], files: new Set() };
    const result = await provision(port, {}, told);
    t.equal(result.registration, "rd/1");
    t.same(result.written, ["edgeless", "edgeless.cold", "edgeless.json", ".boot0"]);
    t.ok(holdsAll(board));
    t.equal(board.starts, 2, "before the files are written, and after");
    t.ok(told.files.has("edgeless"), "progress was told");
    t.ok(told.notes.includes("the board says: joined home"));
    t.notMatch(JSON.stringify(told.notes), /secret/);
  });
}

t.test(
  "given a provisioned board, when it is provisioned again, then only its start is written",
  async (t) => {
    const port = new MemoryPort(true);
    const board = new ScriptedBoard(port, { startLines: START });
    await provision(port);
    const stale = ["edgeless.of-an-older-version", "edgeless.boot", "b.edgeless"];
    for (const name of stale) board.files.set(name, Buffer.from("z"));
    board.files.set("i0011223344556677", Buffer.from("an image"));
    let previous: BoardSettings | undefined;
    const settings: Provision["settings"] = async (_interpreter, known) => {
      previous = known;
      return SETTINGS;
    };
    const again = await provision(port, { settings });
    t.same(previous, SETTINGS, "the old settings are offered");
    t.same(again.written, [".boot0"]);
    for (const name of stale) t.notOk(board.files.has(name), name);
    t.ok(board.files.has("i0011223344556677"), "images stay");
  },
);

t.test(
  "given a cable pulled at any packet, when plugged in again, then the board is provisioned",
  async (t) => {
    const packets = Array.from({ length: 20 }, (_, i) => i + 1);
    const pulled = packets.map(async (pullAtPacket) => {
      const first = new MemoryPort(true);
      const { files } = new ScriptedBoard(first, { startLines: START, pullAtPacket });
      await t.rejects(provision(first), { code: "EDGELESS_SERIAL_LOST" });
      t.notOk(files.has(".boot0"), "a half-written runtime is never started");
      const second = new MemoryPort(true);
      const board = new ScriptedBoard(second, { startLines: START }, files);
      t.equal((await provision(second)).registration, "rd/1");
      t.ok(holdsAll(board));
    });
    await Promise.all(pulled);
  },
);

t.test(
  "given a board with another program, when provisioned, then it is left alone or emptied",
  async (t) => {
    const port = new MemoryPort(true);
    const board = new ScriptedBoard(port, { startLines: START });
    board.files.set(".bootcde", Buffer.from("a"));
    await t.rejects(provision(port), { code: "EDGELESS_REJECTED", message: /\.bootcde/ });
    t.ok(board.files.has(".bootcde"));
    await provision(port, { clear: true });
    t.notOk(board.files.has(".bootcde"));
  },
);

t.test("given a storage that is too small, when provisioned, then the error names the file", async (t) => {
  const port = new MemoryPort(true);
  new ScriptedBoard(port, { storageBytes: 2_000 });
  await t.rejects(provision(port), { code: "EDGELESS_BOARD_FULL", message: /edgeless\.cold/ });
});

t.test("given settings that cannot be read, when provisioned, then that is told and they go", async (t) => {
  for (const text of ["{", "[]", '{"name":1}']) {
    const port = new MemoryPort(true);
    const files = new Map([["edgeless.json", Buffer.from(text)]]);
    const board = new ScriptedBoard(port, { startLines: START }, files);
    const told: Notes = { notes: [], files: new Set() };
    await provision(port, {}, told);
    t.ok(holdsAll(board));
    t.match(told.notes.join(), /cannot be used/);
  }
});

const STATES: [BoardScript["network"], RegExp][] = [
  [{ ssid: "home" }, /within 0\.2 s; the board is in the network home as 192\.168\.1\.77, signal -61 dBm$/],
  [{ reason: "NO_AP_FOUND" }, /the board is in no network: no such network in reach \(NO_AP_FOUND\)$/],
  [{ reason: "MIC_FAILURE" }, /the board is in no network: MIC_FAILURE$/],
  [undefined, /it has no Wi-Fi$/],
];

t.test(
  "given a board that does not register, when time is up, then it is told how far it came",
  async (t) => {
    for (const [network, message] of STATES) {
      const port = new MemoryPort(true);
      const startLines = ["edgeless 2 the gateway does not answer"];
      new ScriptedBoard(port, { startLines, ...(network === undefined ? {} : { network }) });
      const told: Notes = { notes: [], files: new Set() };
      await t.rejects(provision(port, { waitMs: 200 }, told), {
        code: "EDGELESS_BOARD_NOT_REGISTERED",
        message,
      });
      t.ok(told.notes.includes("the board says: the gateway does not answer"));
    }
  },
);

t.test("given firmware without packets, when provisioned, then the version is told", async (t) => {
  const port = new MemoryPort(true);
  new ScriptedBoard(port, { version: "2v20" });
  const fast = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 20 };
  await t.rejects(
    provisionBoard(
      port,
      fast,
      { runtime: RUNTIME, settings: async () => SETTINGS, clear: false, waitMs: 0 },
      { note: () => {}, progress: () => {} },
    ),
    { code: "EDGELESS_SERIAL_CONSOLE", message: /2v20; 2v25 or later/ },
  );
});

t.test(
  "given a board with Bluetooth, when it is switched off, then the board restarts with more variables, and is provisioned",
  async (t) => {
    const port = new MemoryPort(true);
    new ScriptedBoard(port, { startLines: START });
    const told: Notes = { notes: [], files: new Set() };
    const done = await provision(port, { bluetooth: false }, told);
    t.equal(done.registration, "rd/1");
    t.ok(told.notes.includes("Bluetooth is off: 4600 variables"), told.notes.join());
  },
);

t.test(
  "given a real Espruino, when it is provisioned, changed and cleared, then it runs what it was given",
  { skip: NO_ESPRUINO },
  async (t) => {
    const board = new EspruinoBoard().stayOn().powerOn();
    const port = await openPort(await board.serve(), 115_200, systemClock);
    t.teardown(async () => {
      await port.close();
      board.close();
    });
    const told: Notes = { notes: [], files: new Set() };
    const first = await provision(port, { waitMs: 10_000 }, told);
    t.equal(first.registration, "rd/1");
    t.equal(first.written.length, 4);
    t.comment(`ESPRUINO: ran on ${told.notes[0]}`);
    const changed = { ...SETTINGS, name: "attic" };
    const second = await provision(port, { settings: async () => changed, waitMs: 10_000 });
    t.same(second.written, ["edgeless.json", ".boot0"]);
    const third = await provision(port, { clear: true, waitMs: 10_000 });
    t.equal(third.written.length, 4);
  },
);

t.test(
  "given a real Espruino and a gateway, when the runtime is provisioned, then the gateway knows the board",
  { skip: NO_ESPRUINO },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-provision-"));
    const [coap = 0, agents = 0, control = 0, register = 0] = await freePorts(4);
    writeFileSync(
      join(folder, "gateway.toml"),
      `[general]
coap_url = "coap://127.0.0.1:${coap}"
node_register_url = "http://127.0.0.1:${register}"
invocation_url = "http://127.0.0.1:${agents}"
invocation_url_announced = ""
agent_host = "127.0.0.1"
agent_host_announced = ""
first_agent_port = 0
subscription_refresh_interval_sec = 2
labels = []
persistence_path = ""
control_url = "http://127.0.0.1:${control}"
[telemetry]
metrics_url = ""
performance_samples = false
`,
    );
    const gateway = new EdgelessProcess(["gateway"], folder);
    const board = new EspruinoBoard().stayOn().powerOn();
    const port = await board.serve();
    t.teardown(async () => {
      board.close();
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    await gateway.says(/devices at/);
    const provisioned = await edgeless(
      [
        ...["esp32", "provision", "--port", port, "--no-wifi", "--name", "porch", "--device-port", "0"],
        ...["--gateway", `127.0.0.1:${coap}`, "--provider", "gpio-out", "--wait", "60"],
      ],
      folder,
    );
    t.equal(provisioned.status, 0, provisioned.stderr);
    t.match(provisioned.stdout, /board porch .* has registered with 127\.0\.0\.1/);
    const devices = await edgeless(
      ["device", "list", "--control-url", `http://127.0.0.1:${control}`],
      folder,
    );
    t.match(devices.stdout, /^porch .* present +LINUX/);

    // The same without a console: the storage of a whole flash.
    const release = join(folder, "release.tgz");
    writeFileSync(release, tgz(firmwareFiles(chipFamily("ESP32"), 4_000)));
    const file = join(folder, "attic.bin");
    const image = await edgeless(
      [
        ...["esp32", "image", "--firmware", release, "--output", file, "--no-wifi", "--name", "attic"],
        ...["--device-port", "0", "--gateway", `127.0.0.1:${coap}`, "--provider", "gpio-out", "--json"],
      ],
      folder,
    );
    t.equal(image.status, 0, image.stderr);
    const second = new EspruinoBoard().storeAll(readFileSync(file).subarray(0x320000, 0x400000)).powerOn();
    t.teardown(() => second.close());
    await second.says(/registered as/);
    const both = await edgeless(["device", "list", "--control-url", `http://127.0.0.1:${control}`], folder);
    t.match(both.stdout, /^attic .* present +LINUX/m);
    t.ok(both.stdout.includes(String(JSON.parse(image.stdout).node).slice(0, 4)));
  },
);

t.test(
  "given a board that echoes what it is sent, when provisioning fails, then no password is told",
  async (t) => {
    const port = new MemoryPort(true);
    const board = new ScriptedBoard(port, { startLines: START });
    const receive = board.receive.bind(board);
    let isEchoing = false;
    board.receive = (bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      if (text.startsWith("\u0010\u0001")) isEchoing = text.includes('{"name"');
      if (!isEchoing) {
        receive(bytes);
        return;
      }
      port.send(Buffer.from(`\nUncaught SyntaxError: Got ?\n at ${JSON.stringify(SETTINGS)}\n`));
      if (text.startsWith("\u0010\u0001")) port.send(Uint8Array.of(21));
    };
    const told: Notes = { notes: [], files: new Set() };
    const failure: unknown = await provision(port, {}, told).catch((error: unknown) => error);
    t.match(failure, { code: "EDGELESS_SERIAL_CONSOLE", message: /Uncaught SyntaxError: Got \?$/ });
    t.notMatch(JSON.stringify([String(failure), told.notes]), /secret/);
  },
);
