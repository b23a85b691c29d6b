import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import t from "tap";
import { chipFamily } from "../../../esp32/tools/chip-family.js";
import { EdgelessProcess, edgeless } from "../../kit/edgeless-process.js";
import { eventually } from "../../kit/eventually.js";
import { firmwareFiles, tgz } from "../../kit/firmware-files.js";
import type { MemoryPort } from "../../kit/memory-port.js";
import { servePort } from "../../kit/port-server.js";
import { ROOT } from "../../kit/repository.js";
import { ScriptedBoard } from "../../kit/scripted-board.js";
import { ROM_CHIPS, ScriptedRom } from "../../kit/scripted-rom.js";

t.setTimeout(120_000);
t.jobs = 4;

const folder = mkdtempSync(join(tmpdir(), "edgeless-esp32-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const archive = join(folder, "espruino.tgz");
const files = firmwareFiles(chipFamily("ESP32"), 20_000);
writeFileSync(archive, tgz(files));

/** A folder with a device runtime that is only a file. */
function runtimeFolder(): string {
  const runtime = mkdtempSync(join(folder, "runtime-"));
  const boot = Buffer.from("eval(1)");
  writeFileSync(join(runtime, "boot0.js"), boot);
  const entry = { name: ".boot0", file: "boot0.js", bytes: boot.length, crc32: crc32(boot) };
  writeFileSync(join(runtime, "firmware.json"), JSON.stringify({ version: "9", files: [entry] }));
  return runtime;
}

t.test("given a board whose loader runs, when flashed and erased, then the commands tell it", async (t) => {
  const flash = Buffer.alloc(4 << 20, 0xff);
  const served = await servePort((line) => new ScriptedRom(line, ROM_CHIPS.esp32, {}, flash));
  t.teardown(() => served.close());
  const flashed = await edgeless(["esp32", "flash", "--port", served.port, "--firmware", archive], folder);
  t.equal(flashed.status, 0, flashed.stderr);
  t.match(flashed.stdout, /^flashed; press EN \(RESET\) to start it\n$/);
  t.match(
    flashed.stderr,
    /hold BOOT[\s\S]*ESP32-D0WDQ6.*4 MB flash[\s\S]*espruino_esp32\.bin: written and verified/,
  );
  t.ok(flash.subarray(0x1000, 0x1000 + 100).equals(Buffer.from(files[0]?.bytes.subarray(0, 100) ?? [])));
  const erased = await edgeless(["esp32", "erase", "--yes", "--json", "--port", served.port], folder);
  t.match(JSON.parse(erased.stdout), { erased: true });
  t.ok(flash.every((byte) => byte === 0xff));
  const refused = await edgeless(["esp32", "erase", "--port", served.port], folder);
  t.equal(refused.status, 2, "nobody can be asked here");
});

t.test(
  "given a board on a serial device, when flashed, then lines without reset are no hindrance",
  async (t) => {
    const flash = Buffer.alloc(4 << 20, 0xff);
    const served = await servePort((line) => new ScriptedRom(line, ROM_CHIPS.esp32, {}, flash));
    t.teardown(() => served.close());
    const device = join(folder, "tty");
    const address = served.port.replace("tcp://", "TCP:");
    const socat = spawn("socat", [`pty,raw,echo=0,link=${device}`, address], { stdio: "ignore" });
    const hasSocat = await new Promise<boolean>((resolve) => {
      socat.on("error", () => resolve(false));
      socat.on("spawn", () => resolve(true));
    });
    if (!hasSocat) {
      t.pass("skipped: socat, which makes a pseudo terminal, is not installed");
      return;
    }
    t.teardown(() => socat.kill());
    const flashed = await eventually("a flashed board", async () => {
      const done = await edgeless(["esp32", "flash", "--port", device, "--firmware", archive], folder);
      return done.stderr.includes("there is no such port") ? undefined : done;
    });
    t.equal(flashed.status, 0, flashed.stderr);
    t.ok(flash.subarray(0x1000, 0x1000 + 100).equals(Buffer.from(files[0]?.bytes.subarray(0, 100) ?? [])));
  },
);

t.test(
  "given a board with Espruino, when provisioned, asked and watched, then it is seen at work",
  async (t) => {
    const storage = new Map<string, Buffer>();
    const lines = ["edgeless 4 joined home", "edgeless 3 registered as rd/7"];
    const boards: ScriptedBoard[] = [];
    const served = await servePort((line) =>
      boards.push(new ScriptedBoard(line, { startLines: lines }, storage)),
    );
    t.teardown(() => served.close());
    const runtime = runtimeFolder();
    const options = [
      "--wifi",
      "home",
      "--gateway",
      "10.0.0.1",
      "--name",
      "porch",
      "--provider",
      "scd30-sensor",
    ];
    const command = new EdgelessProcess(
      ["esp32", "provision", "--port", served.port, "--runtime", runtime, ...options],
      folder,
      { EDGELESS_WIFI_PASSWORD: "secret-secret" },
    );
    const provisioned = await command.finished();
    t.equal(provisioned.status, 0, provisioned.stderr);
    t.match(
      provisioned.stdout,
      /^board porch \(node [-0-9a-f]{36}\) has registered with 10\.0\.0\.1:5683 as rd\/7\n$/,
    );
    t.notMatch(provisioned.stdout + provisioned.stderr, /secret/);

    const info = await edgeless(["esp32", "info", "--json", "--port", served.port], folder);
    t.match(JSON.parse(info.stdout), {
      name: "porch",
      freeVariables: 2_500,
      hasRuntime: true,
      networks: ["home"],
    });
    t.notMatch(info.stdout, /secret/);

    const monitor = new EdgelessProcess(
      ["esp32", "monitor", "--port", served.port, "--level", "info"],
      folder,
    );
    await eventually("a connection", () => monitor.stderr.includes("Ctrl-C ends"));
    boards.at(-1)?.start();
    await monitor.says(/\d\d:\d\d:\d\d\.\d{3} info {2}registered as rd\/7/);
    t.notMatch(monitor.stdout, /joined/, "a debug line is not shown");
    t.equal((await monitor.stop()).status, 0);
  },
);

t.test("given a person at a terminal, when asked for a password, then it is not shown", async (t) => {
  const served = await servePort((line) => {
    new ScriptedBoard(line, { startLines: ["edgeless 3 registered as rd/1"] });
  });
  t.teardown(() => served.close());
  const program = join(ROOT, "dist/cli/main.js");
  const command = `${process.execPath} ${program} esp32 provision --port ${served.port} --runtime ${runtimeFolder()}`;
  // A colon would end the address.
  const script = join(folder, "provision.sh");
  writeFileSync(script, `exec ${command}\n`);
  const terminal = spawn("socat", [`EXEC:sh ${script},pty,setsid,ctty,stderr`, "-"]);
  const hasSocat = await new Promise<boolean>((resolve) => {
    terminal.on("error", () => resolve(false));
    terminal.on("spawn", () => resolve(true));
  });
  if (!hasSocat) {
    t.pass("skipped: socat, which makes a pseudo terminal, is not installed");
    return;
  }
  t.teardown(() => terminal.kill());
  let shown = "";
  terminal.stdout.on("data", (bytes: Buffer) => {
    shown += bytes.toString();
  });
  const answers = {
    "Name of the board": "",
    "Wi-Fi network": "home",
    "Password of home": "secret-secret",
    "Address of the gateway": "10.0.0.1",
  };
  for (const [question, answer] of Object.entries(answers)) {
    await eventually(question, () => new RegExp(`${question}[^\n]*: `).test(shown));
    terminal.stdin.write(`${answer}\r`);
  }
  await eventually("a registered board", () =>
    /board board-\w+ .* has registered with 10\.0\.0\.1/.test(shown),
  );
  t.notMatch(shown, /secret/);
  t.match(shown, /Wi-Fi network: .*home/, "what is no secret is shown");
  t.match(shown, /\[#+ *\] +\d+ %/, "a bar shows how far it is");
});

t.test("given a watched board, when its line breaks, then it is watched again", async (t) => {
  const lines: MemoryPort[] = [];
  const served = await servePort((line) => {
    lines.push(line);
    new ScriptedBoard(
      line,
      { startLines: ["edgeless 3 registered as rd/7"] },
      new Map([[".boot0", Buffer.of(1)]]),
    );
  });
  t.teardown(() => served.close());
  const monitor = new EdgelessProcess(["esp32", "monitor", "--port", served.port, "--json"], folder);
  await eventually("a connection", () => monitor.stderr.includes("Ctrl-C ends"));
  lines[0]?.pull();
  await eventually("a second connection", () => monitor.stderr.includes("is back"));
  lines[1]?.send(Buffer.from("edgeless 2 hello again\r\n"));
  const [line] = await monitor.says(/\{.*hello again.*\}/);
  t.match(JSON.parse(line), { level: "warn", text: "hello again" });
  t.match(monitor.stderr, /went away: the other side closed the connection; waiting for it/);
  t.equal((await monitor.stop()).status, 0);
});

t.test(
  "given an image with settings, when a board is flashed with it, then both are on the board",
  async (t) => {
    const flash = Buffer.alloc(4 << 20, 0);
    const served = await servePort(
      (line) => new ScriptedRom(line, ROM_CHIPS.esp32, { stub: "refused" }, flash),
    );
    t.teardown(() => served.close());
    const image = join(folder, "porch.bin");
    const settings = ["--name", "porch", "--wifi", "home", "--gateway", "10.0.0.1", "--led", "none"];
    const built = await new EdgelessProcess(
      ["esp32", "image", "--firmware", archive, "--output", image, "--runtime", runtimeFolder(), ...settings],
      folder,
      { EDGELESS_WIFI_PASSWORD: "sécret \"\\😀'" },
    ).finished();
    t.equal(built.status, 0, built.stderr);
    t.match(
      built.stdout,
      /porch\.bin: 4MB of flash for ESP32 with Espruino, runtime and settings of board porch/,
    );
    t.equal(statSync(image).mode & 0o077, 0, "there are passwords in it");
    const options = ["--port", served.port, "--before", "no-reset", "--after", "no-reset"];
    const flashed = await edgeless(
      ["esp32", "flash", "--firmware", image, "--erase", "--json", ...options],
      folder,
    );
    t.equal(flashed.status, 0, flashed.stderr);
    t.match(JSON.parse(flashed.stdout).written, ["bootloader", "partition table", "factory", "storage"]);
    t.match(flashed.stderr, /the flasher stub does not start .*: going on without it, more slowly/);
    t.notMatch(flashed.stderr, /hold BOOT/);
    t.ok(flash.equals(readFileSync(image)));
    const start = flash.indexOf('{"name":"porch"');
    const [, kept] = /"password":("(?:[^"\\]|\\.)*")/.exec(flash.toString("utf8", start, start + 500)) ?? [];
    t.equal(JSON.parse(kept ?? ""), "sécret \"\\😀'");

    const plain = await edgeless(
      ["esp32", "image", "--firmware", archive, "--output", image, "--size", "8MB"],
      folder,
    );
    t.match(plain.stdout, /: 8MB of flash for ESP32 with Espruino\n$/);
    t.equal(readFileSync(image).length, 8 << 20);
    for (const [wrong, message] of [
      [["--size", "3MB"], /--size takes one of 4MB, 8MB, 16MB, 32MB, not "3MB"/],
      [
        ["--chip", "esp32c3"],
        /without a bootloader and an application for ESP32-C3; what it holds is for ESP32/,
      ],
      [["--name", "x", "--no-wifi"], /no gateway: use --gateway/],
      [["--output", "/proc/none/image.bin"], /cannot write \/proc\/none\/image\.bin/],
    ] as const) {
      const refused = await edgeless(
        ["esp32", "image", "--firmware", archive, "--output", image, ...wrong],
        folder,
      );
      t.not(refused.status, 0);
      t.match(refused.stderr, message);
    }
    const small = await servePort(
      (line) => new ScriptedRom(line, ROM_CHIPS.esp32, {}, Buffer.alloc(2 << 20, 0xff)),
    );
    t.teardown(() => small.close());
    const tooSmall = await edgeless(["esp32", "flash", "--port", small.port, "--firmware", image], folder);
    t.equal(tooSmall.status, 1);
    t.match(
      tooSmall.stderr,
      /the flash of this board is too small: 2097152 bytes, this firmware needs 4194304/,
    );
    const odd = await edgeless(["esp32", "erase", "--yes", "--port", served.port, "--before", "now"], folder);
    t.equal(odd.status, 2);
    t.match(odd.stderr, /--before takes default-reset or no-reset, not "now"/);
  },
);

t.test("given a firmware that can be read once, when flashed, then it is not read again", async (t) => {
  const flash = Buffer.alloc(4 << 20, 0xff);
  const served = await servePort((line) => new ScriptedRom(line, ROM_CHIPS.esp32, {}, flash));
  t.teardown(() => served.close());
  const pipe = join(folder, "pipe.tgz");
  const feeder = spawn("sh", ["-c", `mkfifo "${pipe}" && cat "${archive}" > "${pipe}"`], { stdio: "ignore" });
  t.teardown(() => feeder.kill());
  await eventually("a pipe", () => existsSync(pipe));
  const flashed = await edgeless(
    ["esp32", "flash", "--port", served.port, "--firmware", pipe, "--before", "no-reset"],
    folder,
  );
  t.equal(flashed.status, 0, flashed.stderr);
  t.match(flashed.stderr, /espruino_esp32\.bin: written and verified/);
});

t.test(
  "given a command at work, when a signal ends it, then its port is closed and it says so",
  async (t) => {
    const lines: MemoryPort[] = [];
    const served = await servePort((line) => lines.push(line));
    t.teardown(() => served.close());
    for (const command of [
      ["erase", "--yes"],
      ["flash", "--firmware", archive],
      ["provision", "--no-wifi", "--name", "x", "--gateway", "10.0.0.1", "--runtime", runtimeFolder()],
      ["info"],
    ]) {
      const { length } = lines;
      const running = new EdgelessProcess(["esp32", ...command, "--port", served.port], folder);
      await eventually("a connection", () => lines.length > length);
      const { status, stderr, stdout } = await running.stop();
      t.equal(status, 143, String(command[0]));
      t.equal(stdout, "");
      t.match(stderr, /interrupted; the command can be repeated\n$/, String(command[0]));
      await eventually("a closed connection", () => lines.at(-1)?.isOpen === false);
    }
  },
);

t.test("given what cannot work, when a command is called, then its error says what to do", async (t) => {
  const silent = await servePort(() => {});
  t.teardown(() => silent.close());
  const missing = await edgeless(["esp32", "info", "--port", join(folder, "ttyNone")], folder);
  t.equal(missing.status, 1);
  t.match(missing.stderr, /there is no such port \[EDGELESS_SERIAL_PORT\]\nHelp: List the boards/);
  const nobody = await edgeless(["esp32", "info", "--port", silent.port], folder);
  t.match(nobody.stderr, /no Espruino answers.*: nothing came from it \[EDGELESS_SERIAL_CONSOLE\]/);
  const noise = await servePort((line) => {
    line.peer = { receive: () => line.send(Buffer.alloc(200, "\x00\xfe\x90\x8e", "latin1")) };
  });
  t.teardown(() => noise.close());
  const odd = await edgeless(["esp32", "info", "--json", "--port", noise.port], folder);
  t.equal(odd.stdout, "");
  t.match(JSON.parse(odd.stderr), {
    error: { code: "EDGELESS_SERIAL_CONSOLE", message: /what comes is no text, maybe the speed is wrong/ },
  });
  for (const port of ["tcp://nowhere", "tcp://localhost:0", "http://localhost:4000", ""]) {
    const wrong = await edgeless(["esp32", "info", "--port", port], folder);
    t.equal(wrong.status, 2, port);
    t.match(wrong.stderr, /--port takes a serial port/, port);
  }
  const nobodyThere = await edgeless(["esp32", "info", "--port", "tcp://127.0.0.1:1"], folder);
  t.match(nobodyThere.stderr, /cannot open tcp:\/\/127\.0\.0\.1:1: nothing listens there/);
  const release = await edgeless(["esp32", "firmware", "fetch", "--release", "../2v29"], folder);
  t.equal(release.status, 2);
  t.match(release.stderr, /--release takes a version such as 2v29/);
  const noPort = await edgeless(["esp32", "info", "--port", archive], folder);
  t.match(noPort.stderr, /espruino\.tgz: it is no serial port \[EDGELESS_SERIAL_PORT\]/);
  const firmware = await edgeless(
    ["esp32", "flash", "--port", silent.port, "--firmware", "none.zip"],
    folder,
  );
  t.match(firmware.stderr, /no such file or folder: none\.zip/);
  const cutOff = join(folder, "cut-off.tgz");
  writeFileSync(cutOff, readFileSync(archive).subarray(0, 9_000));
  const useless = mkdtempSync(join(folder, "useless-"));
  for (const [what, message] of [
    [cutOff, /cut-off\.tgz: damaged archive/],
    [useless, /without a bootloader and a partition table and an application/],
  ] as const) {
    const refused = await edgeless(["esp32", "flash", "--port", silent.port, "--firmware", what], folder);
    t.equal(refused.status, 1);
    t.match(refused.stderr, message);
    t.notMatch(refused.stderr, /hold BOOT/, "the board is not disturbed");
  }
});
