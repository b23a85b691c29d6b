import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import t from "tap";
import type { Clock } from "../../../core/clock.js";
import type { BoardSettings } from "../../../esp32/board-settings.js";
import type { BytePort } from "../../../esp32/tools/byte-port.js";
import { type Provisioned, provisionBoard } from "../../../esp32/tools/provision-board.js";
import { systemClock } from "../../../platform/system-clock.js";
import { wait } from "../../../platform/wait.js";
import { EdgelessProcess, edgeless } from "../../kit/edgeless-process.js";
import { EspruinoBoard, NO_ESPRUINO } from "../../kit/espruino-board.js";
import { MemoryPort, type PortPeer } from "../../kit/memory-port.js";
import { PORCH, registeringRuntime } from "../../kit/provisioned-board.js";
import { type BoardScript, ScriptedBoard } from "../../kit/scripted-board.js";
import { seededRandom } from "../../kit/seeded-random.js";

t.setTimeout(400_000);
t.jobs = 8;

const FORMER = { ...PORCH, wifi: [{ ssid: 'ho"me', password: "secret\\-secret" }] };
const CHANGED = { ...FORMER, name: "attic" };
const OLD = registeringRuntime("old");
const NEW = registeringRuntime("new");

/** Time that goes by ten times as fast. */
const FAST: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 10,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 10, callback),
};

const SCRIPT: BoardScript = { startLines: ["edgeless 3 registered as rd/1"] };

function provisionedBoard(port: MemoryPort, script: BoardScript = {}): ScriptedBoard {
  const files = new Map(OLD.files.map(({ name, bytes }) => [name, Buffer.from(bytes)]));
  files.set("edgeless.json", Buffer.from(JSON.stringify(FORMER)));
  files.set("i0011223344556677", Buffer.from("an image"));
  return new ScriptedBoard(port, { ...SCRIPT, ...script }, files);
}

function provision(port: BytePort, clear: boolean, clock = FAST): Promise<Provisioned> {
  return provisionBoard(
    port,
    clock,
    {
      runtime: NEW,
      settings: async (_interpreter, previous) => {
        if (previous === undefined) throw new Error("the settings are gone");
        return { ...previous, name: CHANGED.name };
      },
      clear,
      waitMs: 20_000,
    },
    { note: () => {}, progress: () => {} },
  );
}

/** Has `then` called once so many bytes went by; the board gets them all, or those before. */
function after(bytes: number, board: ScriptedBoard, then: () => void, keeps: boolean): PortPeer {
  let left = bytes;
  return {
    signals: (signals) => board.signals(signals),
    receive(part) {
      const taken = keeps ? part : part.subarray(0, Math.max(0, left));
      if (taken.length > 0) board.receive(taken);
      if (left > 0 && left <= part.length) then();
      left -= part.length;
    },
  };
}

/** What a run that is not interrupted sends, bytes. */
async function sentBytes(clear: boolean): Promise<number> {
  const port = new MemoryPort(true);
  const board = provisionedBoard(port);
  let sent = 0;
  port.peer = {
    signals: (signals) => board.signals(signals),
    receive(part) {
      sent += part.length;
      board.receive(part);
    },
  };
  await provision(port, clear);
  return sent;
}

function settingsOf({ files }: ScriptedBoard): unknown {
  return JSON.parse(files.get("edgeless.json")?.toString() ?? "null");
}

function holdsNew({ files }: ScriptedBoard): boolean {
  return NEW.files.every(({ name, bytes }) => files.get(name)?.equals(bytes) === true);
}

const POINTS = 40;

/** Places in `total` bytes, the same in every run. */
function points(seed: number, total: number): readonly number[] {
  const bytes = seededRandom(seed).fill(new Uint8Array(2 * POINTS));
  return Array.from({ length: POINTS }, (_, i) => {
    const part = ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)) / 65_536;
    return 1 + Math.floor(part * (total - 1));
  });
}

for (const clear of [false, true]) {
  const how = clear ? "provisioned anew" : "provisioned";

  t.test(
    `given a board that is being ${how}, when the program is killed at any byte, then the settings are whole and the next run ends well`,
    async (t) => {
      const total = await sentBytes(clear);
      const runs = points(7, total).map(async (bytes) => {
        const first = new MemoryPort(true);
        const board = provisionedBoard(first);
        first.peer = after(bytes, board, () => first.pull(), false);
        await t.rejects(provision(first, clear), { code: "EDGELESS_SERIAL_LOST" });
        const { node, wifi } = settingsOf(board) as BoardSettings;
        t.same([node, wifi], [FORMER.node, FORMER.wifi], `after ${bytes} of ${total} bytes`);
        const boot = board.files.get(".boot0");
        t.ok(
          boot === undefined ||
            [OLD, NEW].some(({ files }) => files[0] !== undefined && boot.equals(files[0].bytes)),
          "no part of a start",
        );
        const second = new MemoryPort(true);
        board.plugIn(second);
        t.equal((await provision(second, clear)).registration, "rd/1");
        t.same(settingsOf(board), CHANGED);
        t.ok(holdsNew(board));
      });
      await Promise.all(runs);
    },
  );

  t.test(
    `given a board that is being ${how}, when it loses its power at any byte, then the settings are whole and the next run ends well`,
    async (t) => {
      const total = await sentBytes(clear);
      let healed = 0;
      const runs = points(8, total).map(async (bytes) => {
        const first = new MemoryPort(true);
        const board = provisionedBoard(first);
        first.peer = after(bytes, board, () => board.start(), true);
        const outcome = await provision(first, clear).catch((error: unknown) => error);
        if (outcome instanceof Error) t.match(outcome, { code: "EDGELESS_SERIAL_CONSOLE" });
        else healed++;
        const { node, wifi } = settingsOf(board) as BoardSettings;
        t.same([node, wifi], [FORMER.node, FORMER.wifi], `after ${bytes} of ${total} bytes`);
        t.equal((await provision(first, clear)).registration, "rd/1");
        t.same(settingsOf(board), CHANGED);
        t.ok(holdsNew(board));
      });
      await Promise.all(runs);
      t.ok(healed > POINTS / 4, `most files are sent again by themselves: ${healed} of ${POINTS}`);
    },
  );
}

t.test(
  "given an interrupted run that left the runtime running without its start, when provisioned again, then it is stopped first",
  async (t) => {
    const port = new MemoryPort(true);
    const board = provisionedBoard(port);
    board.files.delete(".boot0");
    let startsBefore = 0;
    const { receive } = board;
    board.receive = (bytes) => {
      if (startsBefore === 0 && Buffer.from(bytes).includes('"fn"')) startsBefore = board.starts;
      receive.call(board, bytes);
    };
    await provision(port, false);
    t.equal(startsBefore, 1);
  },
);

t.test(
  "given a board whose program prints all the time, when provisioned, then it is found and stopped",
  async (t) => {
    const port = new MemoryPort(true);
    const board = provisionedBoard(port, { chatters: true });
    t.equal((await provision(port, false, systemClock)).registration, "rd/1");
    t.ok(holdsNew(board));
    board.start();
    port.pull();
  },
);

const folder = mkdtempSync(join(tmpdir(), "edgeless-interrupted-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** The new runtime in a folder, for the command. */
const listed = NEW.files.map(({ name, bytes }) => {
  const file = `${name.replace(".", "")}.js`;
  writeFileSync(join(folder, file), bytes);
  return { name, file, bytes: bytes.length, crc32: crc32(bytes) };
});
writeFileSync(join(folder, "firmware.json"), JSON.stringify({ version: "1", files: listed }));

function command(port: string): EdgelessProcess {
  const options = ["--runtime", folder, "--name", "attic", "--wait", "20"];
  return new EdgelessProcess(["esp32", "provision", "--port", port, ...options], folder);
}

/** What boards do while they are provisioned: scripts that start with them. */
const PROGRAMS: Record<string, string> = {
  "that does nothing": "",
  "that prints all the time": 'setInterval(function(){print("reading 12.5 of Espruino")},2)',
  "whose console has no echo": "echo(0)",
  "that is busy all the time": "setInterval(function(){for(var i=0;i<9000;i++);},10)",
};

for (const [what, program] of Object.entries(PROGRAMS)) {
  t.test(
    `given a real Espruino ${what}, when the command is killed and the board loses its power, then the next run ends well`,
    { skip: NO_ESPRUINO },
    async (t) => {
      const files = Object.fromEntries(
        OLD.files.map(({ name, bytes }) => [name, Buffer.from(bytes).toString("latin1")]),
      );
      const settings = Buffer.from(JSON.stringify(FORMER)).toString("latin1");
      const board = new EspruinoBoard().store({
        ...files,
        ".boot0": `${program};`,
        "edgeless.json": settings,
      });
      board.stayOn().powerOn();
      t.teardown(() => board.close());
      const port = await board.serve();
      for (const delayMs of [1_200, 2_000, 3_000, 3_800, 5_000]) {
        const run = command(port);
        await wait(systemClock, delayMs);
        await run.kill();
      }
      const cut = command(port);
      await wait(systemClock, 3_000);
      board.powerOn();
      await cut.finished();
      const done = await command(port).finished();
      t.equal(done.status, 0, done.stderr);
      const info = await edgeless(["esp32", "info", "--json", "--port", port], folder);
      t.match(JSON.parse(info.stdout), { name: "attic", node: FORMER.node, networks: ['ho"me'] });
      t.comment(`ESPRUINO: after 5 kills and a loss of power: ${done.stderr.trim().split("\n").join(" | ")}`);
    },
  );
}

t.test(
  "given the command, when it is killed again and again, then it ends well when it is let",
  async (t) => {
    const board = provisionedBoard(new MemoryPort(false));
    let killAt = Number.POSITIVE_INFINITY;
    let running: EdgelessProcess | undefined;
    const server = createServer((socket) => {
      const line = new MemoryPort(false);
      board.plugIn(line);
      line.onData((bytes) => socket.write(bytes));
      socket.on("error", () => {});
      socket.on("close", () => line.pull());
      socket.on("data", (bytes) => {
        killAt -= bytes.length;
        if (killAt <= 0) void running?.kill();
        else board.receive(bytes);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    const address = server.address();
    const port = `tcp://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    for (const bytes of [10, 300, 600, 900, 1_500, 2_500]) {
      killAt = bytes;
      running = command(port);
      t.equal((await running.finished()).status, undefined, `killed after ${bytes} bytes`);
      t.match(settingsOf(board), { node: FORMER.node, wifi: FORMER.wifi });
    }
    killAt = Number.POSITIVE_INFINITY;
    const done = await command(port).finished();
    t.equal(done.status, 0, done.stderr);
    t.same(settingsOf(board), CHANGED);
    t.ok(holdsNew(board));
  },
);
