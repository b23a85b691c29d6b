import { execFileSync } from "node:child_process";
import { constants, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import type { EventData } from "../../../core/event.js";
import { fileLogProvider } from "../../../node/resources/file-log/file-log-provider.js";
import { LineFile } from "../../../node/resources/file-log/line-file.js";
import { formatLine, formatTime } from "../../../node/resources/file-log/log-line.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { eventFor, hostOf, METADATA, PEER, started, until } from "../kit/resource-fixture.js";

t.setTimeout(120_000);

const SOURCE =
  "InstanceId(node_id: bbbbbbbb-0000-4000-8000-000000000002, function_id: cccccccc-0000-4000-8000-000000000003)";
const TIME = "2023-11-14T22:13:20.000000+00:00";

const cast = (payload: string): EventData => ({ type: "cast", payload });
const call = (payload: string): EventData => ({ type: "call", payload });

function fileLog(workingFolder: string, folder?: string) {
  const clock = new FakeClock();
  const confined = folder === undefined ? {} : { folder };
  const provider = fileLogProvider({ providerId: "file-log-1", clock, workingFolder, ...confined });
  return hostOf([provider], { clock, mailboxCapacity: 20_000 });
}

t.test("given the prefixes that are present, when a line is made, then they stand in order", async (t) => {
  const line = (timestamp: boolean, sourceId: boolean) =>
    formatLine({ timestamp, sourceId }, 1_700_000_000_000, PEER, "hello, 世界");
  t.equal(line(false, false), "hello, 世界");
  t.equal(line(true, false), `${TIME} hello, 世界`);
  t.equal(line(false, true), `${SOURCE} hello, 世界`);
  t.equal(line(true, true), `${TIME} ${SOURCE} hello, 世界`);
});

t.test("given any time, when it is written, then RFC 3339 readers get it back", async (t) => {
  t.equal(formatTime(1_700_000_000_123.456), "2023-11-14T22:13:20.123456+00:00");
  t.equal(formatTime(0), "1970-01-01T00:00:00.000000+00:00");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (ms) => {
      const text = formatTime(ms);
      return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/.test(text) && Date.parse(text) === ms;
    }),
  );
});

t.test("given casts and calls, when they arrive, then each is a line and calls are answered", async (t) => {
  const folder = t.testdir();
  const { host, sent } = fileLog(folder);
  const id = await started(host, "file-log", {
    filename: "my.log",
    "add-timestamp": "false",
    "add-source-id": "",
  });
  host.deliver(eventFor(id, cast("first")));
  host.deliver(eventFor(id, call("second"), 42n));
  await until("the answer", () => sent.length === 1);
  t.equal(
    await readFile(join(folder, "my.log"), "utf8"),
    `${TIME} ${SOURCE} first\n${TIME} ${SOURCE} second\n`,
  );
  t.match(sent, [
    { target: PEER, source: id, streamId: 42n, data: { type: "call-ret", payload: "" }, metadata: METADATA },
  ]);
  await host.close();
});

t.test(
  "given many calls at once, when one is answered, then its line is in the file, in order",
  async (t) => {
    const folder = t.testdir({ "my.log": "before\n" });
    const { host, sent } = fileLog(folder);
    const id = await started(host, "file-log", { filename: join(folder, "my.log") });
    const expected = ["before"];
    for (let i = 1; i <= 10_000; i++) {
      host.deliver(eventFor(id, call(`line ${i}`), BigInt(i)));
      expected.push(`line ${i}`);
    }
    await until("a first answer", () => sent.length > 0);
    const answered = sent.length;
    const lines = (await readFile(join(folder, "my.log"), "utf8")).split("\n");
    t.ok(lines.length - 2 >= answered, `${answered} answered, ${lines.length - 2} written`);
    await until("all answers", () => sent.length === 10_000);
    t.same((await readFile(join(folder, "my.log"), "utf8")).trimEnd().split("\n"), expected);
    t.same(
      sent.map(({ streamId }) => Number(streamId)),
      expected.slice(1).map((_line, i) => i + 1),
    );
    await host.close();
  },
);

t.test("given lines that wait, when the resource stops, then they are written first", async (t) => {
  const folder = t.testdir();
  const { host, sent } = fileLog(folder);
  const id = await started(host, "file-log", { filename: "my.log" });
  for (let i = 0; i < 500; i++) host.deliver(eventFor(id, call(`${i}`), BigInt(i + 1)));
  await host.stop(id);
  const written = (await readFile(join(folder, "my.log"), "utf8")).trimEnd().split("\n").length;
  t.equal(written, 500);
  t.equal(sent.filter(({ data }) => data.type === "call-ret").length, 500);
});

t.test("given two writers of one file, when they write, then no line is torn", async (t) => {
  const path = join(t.testdir(), "shared.log");
  const writers = [await LineFile.open(path), await LineFile.open(path)];
  const text = (writer: number, i: number) => `${writer}:${i}:${"x".repeat((i * 37) % 5_000)}`;
  await Promise.all(
    writers.map(async (file, writer) => {
      for (let i = 0; i < 200; i += 4)
        await Promise.all([0, 1, 2, 3].map((k) => file.append(text(writer, i + k))));
    }),
  );
  await Promise.all(writers.map((file) => file.close()));
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  t.equal(lines.length, 400);
  for (const writer of [0, 1]) {
    const own = lines.filter((line) => line.startsWith(`${writer}:`));
    t.same(
      own,
      Array.from({ length: 200 }, (_, i) => text(writer, i)),
    );
  }
});

t.test("given a file that cannot be used, when it starts, then the refusal says why", async (t) => {
  const folder = t.testdir({ "a-file": "", folder: {} });
  const { host } = fileLog(folder);
  const refusal = async (configuration: [string, string][]) => {
    const request = { classType: "file-log", configuration: new Map(configuration), workflowId: "" };
    const result = await host.start(request);
    return result.ok ? "started" : `${result.error.summary} / ${result.error.detail}`;
  };
  t.equal(await refusal([]), "Invalid resource configuration / Field 'filename' missing");
  t.equal(await refusal([["filename", ""]]), "Invalid resource configuration / Field 'filename' missing");
  t.match(
    await refusal([["filename", "folder"]]),
    /filename "folder" cannot be opened for appending: EISDIR/,
  );
  t.match(await refusal([["filename", "a-file/x"]]), /ENOTDIR/);
  t.match(await refusal([["filename", "none/x"]]), /ENOENT/);
  t.match(await refusal([["filename", "nul\0"]]), /cannot be opened/);
  t.match(await refusal([["filename", "n".repeat(300)]]), /ENAMETOOLONG/);
});

t.test("given a folder for the files, when one is named outside of it, then it is refused", async (t) => {
  const top = t.testdir({ logs: { sub: {} }, outside: "" });
  const folder = join(top, "logs");
  symlinkSync(join(top, "outside"), join(folder, "link"));
  symlinkSync(top, join(folder, "up"));
  const { host } = fileLog(top, folder);
  const start = (filename: string) =>
    host.start({ classType: "file-log", configuration: new Map([["filename", filename]]), workflowId: "" });
  for (const name of ["a.log", "sub/b.log", join(folder, "c.log")])
    t.match(await start(name), { ok: true }, name);
  for (const name of [
    "../outside",
    join(top, "outside"),
    "link",
    "up/outside",
    "up/new",
    "sub",
    "nul\0",
    "no/x",
    "n".repeat(300),
    `${"n/".repeat(5_000)}x`,
    ".",
    "..",
    "a.log/../../outside",
  ])
    t.match(await start(name), { ok: false, error: { summary: "Invalid resource configuration" } }, name);
  await host.close();
  t.same(readdirSync(folder).sort(), ["a.log", "c.log", "link", "sub", "up"]);
  t.equal(readFileSync(join(top, "outside"), "utf8"), "");
});

t.test(
  "given a full disk, when a call arrives, then it is answered err, counted and logged",
  {
    skip: existsSync("/dev/full") ? false : "needs /dev/full",
  },
  async (t) => {
    const { host, sent, telemetry, logger } = fileLog(t.testdir());
    const id = await started(host, "file-log", { filename: "/dev/full" });
    host.deliver(eventFor(id, call("x"), 1n));
    host.deliver(eventFor(id, cast("y")));
    await until("both failures", () => telemetry.dropCounts["handler-failed"] === 2);
    t.same(
      sent.map(({ data }) => data),
      [{ type: "err" }],
    );
    t.match(
      logger.lines.find((line) => line.startsWith("warn")),
      /ENOSPC/,
    );
    await host.close();
  },
);

t.test("given a file that others cut, when more is logged, then it goes to the end", async (t) => {
  const folder = t.testdir();
  const { host, sent } = fileLog(folder);
  const id = await started(host, "file-log", { filename: "my.log" });
  host.deliver(eventFor(id, call("a long first line"), 1n));
  await until("the first answer", () => sent.length === 1);
  await writeFile(join(folder, "my.log"), "");
  host.deliver(eventFor(id, call("second"), 2n));
  await until("the second answer", () => sent.length === 2);
  t.equal(await readFile(join(folder, "my.log"), "utf8"), "second\n");
  await host.close();
});

t.test(
  "given a write that is cut within a line, when there is room again, then the next line is whole",
  { skip: process.platform === "win32" ? "needs named pipes" : false },
  async (t) => {
    const path = join(t.testdir(), "pipe");
    execFileSync("mkfifo", [path]);
    await t.rejects(LineFile.open(path), { code: "ENXIO" }, "a pipe that nobody reads does not block");
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = await LineFile.open(path);
    const first = file.append("fits");
    const cut = file.append("x".repeat(200_000));
    const behind = file.append("behind");
    await first;
    await t.rejects(cut, { code: "EAGAIN" });
    await t.rejects(behind, { code: "EAGAIN" });
    const read = async () => {
      const { buffer, bytesRead } = await reader.read(Buffer.alloc(1_000_000), 0, 1_000_000);
      return buffer.toString("utf8", 0, bytesRead);
    };
    t.match(await read(), /^fits\nx+$/);
    await Promise.all([file.append("next"), file.append("last")]);
    t.equal(await read(), "\nnext\nlast\n");
    await file.close();
    await reader.close();
  },
);
