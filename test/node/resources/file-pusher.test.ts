import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { InstanceId } from "../../../core/instance-id.js";
import { FilePusherProvider } from "../../../node/resources/file-pusher/file-pusher-provider.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { eventFor, hostOf, keepingLogger, PEER, started } from "../kit/resource-fixture.js";

t.setTimeout(120_000);

async function pusher(directory: string, maxBytes = 1_000) {
  const clock = new FakeClock();
  const logger = keepingLogger();
  const provider = await FilePusherProvider.open({
    providerId: "file-pusher-1",
    clock,
    logger,
    directory,
    maxBytes,
  });
  const parts = hostOf([provider], { clock });
  const wire = (id: InstanceId, outputs: ReadonlyMap<string, InstanceId>) =>
    parts.host.patch({ source: id.functionId, outputs });
  const texts = () => parts.sent.splice(0).map(({ data }) => ("payload" in data ? data.payload : data.type));
  return { ...parts, clock, wire, texts, warnings: logger.lines };
}

const OUT = new Map([["out", PEER]]);

t.test("given a folder, when an instance is wired, then its files go round at its period", async (t) => {
  const folder = t.testdir({
    "b.txt": "second",
    "a.txt": "first",
    "c.bin": Buffer.from([0xff, 0xfe]),
    sub: { x: "no" },
  });
  const { host, clock, wire, texts, sent } = await pusher(folder);
  const id = await started(host, "file-pusher", { "period-ms": "100" });
  await clock.advance(0);
  t.same(texts(), [], "nothing without a target, but the position moves on");
  wire(id, OUT);
  await clock.advance(99);
  t.same(texts(), []);
  await clock.advance(1);
  t.match(sent, [{ target: PEER, source: id, streamId: 0n, metadata: { traceId: "0".repeat(32) } }]);
  t.same(texts(), ["second"]);
  await clock.advance(400);
  t.same(texts(), ["", "first", "second", ""], "what is not UTF-8 becomes an empty message");
  wire(id, new Map());
  await clock.advance(100);
  wire(id, OUT);
  await clock.advance(100);
  t.same(texts(), ["second"], "a patch without out unmaps it");
  await host.stop(id);
  await clock.advance(1_000);
  t.same(texts(), []);
  t.equal(clock.pending, 0);
});

t.test("given several instances, then each keeps its own pace and position", async (t) => {
  const { host, clock, wire, sent } = await pusher(t.testdir({ a: "A", b: "B" }));
  const fast = await started(host, "file-pusher", { "period-ms": "10", "encode-base64": "TRUE" });
  const slow = await started(host, "file-pusher", {});
  for (const id of [fast, slow]) wire(id, OUT);
  await clock.advance(1_000);
  const of = (id: InstanceId) => sent.filter(({ source }) => source.functionId === id.functionId);
  t.equal(of(fast).length, 101);
  t.same(of(fast)[0]?.data, { type: "cast", payload: "QQ==" });
  t.same(
    of(slow).map(({ data }) => data),
    [
      { type: "cast", payload: "A" },
      { type: "cast", payload: "B" },
    ],
  );
  await host.close();
});

t.test("given odd periods, then they mean the default or one millisecond", async (t) => {
  const { host, clock, wire, sent } = await pusher(t.testdir({ a: "A" }));
  for (const [period, expected] of [
    ["x", 3],
    ["-5", 3],
    ["1.5", 3],
    ["0", 2001],
  ] as const) {
    const id = await started(host, "file-pusher", { "period-ms": period });
    wire(id, OUT);
    await clock.advance(2_000);
    t.equal(sent.splice(0).length, expected, period);
    await host.stop(id);
  }
});

t.test("given no files or no folder, then empty messages are cast and the log says why", async (t) => {
  for (const folder of [t.testdir({}), "/nonexistent/folder"]) {
    const { host, clock, wire, texts, warnings } = await pusher(folder);
    const id = await started(host, "file-pusher");
    wire(id, OUT);
    await clock.advance(1_000);
    t.same(texts(), ["", ""]);
    t.equal(warnings.length, folder.startsWith("/nonexistent") ? 1 : 0);
    await host.close();
  }
});

t.test("given what must not be read, then it is left out", async (t) => {
  const folder = t.testdir({
    data: { a: "fine", "big.bin": "x".repeat(1_001), z: "last" },
    secret: "outside",
  });
  const data = join(folder, "data");
  symlinkSync(join(folder, "secret"), join(data, "link-out"));
  symlinkSync(join(data, "a"), join(data, "link-in"));
  symlinkSync("nowhere", join(data, "link-dead"));
  execFileSync("mkfifo", [join(data, "pipe")]);
  writeFileSync(join(data, "unreadable"), "n");
  chmodSync(join(data, "unreadable"), 0);
  const { host, clock, wire, texts, warnings } = await pusher(data, 1_000);
  const id = await started(host, "file-pusher", { "period-ms": "1" });
  wire(id, OUT);
  await clock.advance(20);
  const seen = new Set(texts());
  t.ok(seen.has("fine") && seen.has("last"));
  t.notOk(seen.has("outside"), "a link does not lead out of the folder");
  t.match(warnings.join("\n"), /big\.bin is left out: the files to push may take 1000 bytes together/);
  t.match(warnings.join("\n"), /link-dead cannot be read/);
  host.deliver(eventFor(id, { type: "call", payload: "x" }, 9n));
  await clock.advance(0);
  await host.close();
});
