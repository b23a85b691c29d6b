import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import t from "tap";
import { openLevelStore } from "../../platform/store/level-store.js";
import { MemoryStore } from "../../platform/store/memory-store.js";
import type { Store, StoreChange } from "../../platform/store/store.js";

const bytes = (text: string) => new TextEncoder().encode(text);

async function contents(store: Store, prefix = ""): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const [key, value] of store.entries(prefix)) found.push([key, new TextDecoder().decode(value)]);
  return found;
}

t.test("given either store, when values are written, then they are found again in order", async (t) => {
  for (const store of [new MemoryStore(), await openLevelStore(join(t.testdir(), "new", "store"))]) {
    await store.write([
      { key: "b/2", value: bytes("two") },
      { key: "b/10", value: bytes("ten") },
      { key: "a", value: bytes("") },
      { key: "c/\u{1F600}", value: bytes("astral") },
      { key: "c/\uFFFD", value: bytes("last of the plane") },
    ]);
    t.same(await contents(store, "b/"), [
      ["b/10", "ten"],
      ["b/2", "two"],
    ]);
    t.same(
      (await contents(store)).map(([key]) => key),
      ["a", "b/10", "b/2", "c/\uFFFD", "c/\u{1F600}"],
    );
    t.same(await store.get("a"), bytes(""));
    t.equal(await store.get("b"), undefined);
    await store.write([{ key: "b/2" }, { key: "never there" }, { key: "a", value: bytes("x") }]);
    t.equal(await store.get("b/2"), undefined);
    t.same(await store.get("a"), bytes("x"));
    await store.close();
  }
});

t.test("given any writes, when a store is opened again, then it holds what a map would", async (t) => {
  let folder = 0;
  const root = t.testdir();
  const change = fc.record(
    { key: fc.constantFrom("a", "b", "ba", "c"), value: fc.uint8Array({ maxLength: 20 }) },
    { requiredKeys: ["key"] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 }), async (writes) => {
      const path = join(root, String(folder++));
      const model = new MemoryStore();
      const store = await openLevelStore(path);
      for (const changes of writes as StoreChange[][]) {
        await model.write(changes);
        await store.write(changes);
      }
      await store.close();
      const again = await openLevelStore(path);
      const kept = await contents(again);
      await again.close();
      t.same(kept, await contents(model));
    }),
    { numRuns: 10 },
  );
});

t.test("given many writes at once, when they return, then the last call won", async (t) => {
  const path = t.testdir();
  const store = await openLevelStore(path);
  const writes = Array.from({ length: 200 }, (_, i) =>
    store.write([
      i % 7 === 6 ? { key: "k" } : { key: "k", value: bytes(String(i)) },
      { key: `n${i}`, value: bytes("") },
    ]),
  );
  await Promise.all(writes);
  t.same(await store.get("k"), bytes("199"));
  t.equal((await contents(store, "n")).length, 200);
  await store.close();
});

t.test("given an open store, when it is opened a second time, then it is locked", async (t) => {
  const path = t.testdir();
  const store = await openLevelStore(path);
  await t.rejects(openLevelStore(path), { code: "EDGELESS_STORE_LOCKED" });
  await store.close();
  await (await openLevelStore(path)).close();
});

t.test("given a folder that is no store, when it is opened, then the error names it", async (t) => {
  const path = join(t.testdir({ file: "content" }), "file");
  await t.rejects(openLevelStore(path), { code: "EDGELESS_STORE_BROKEN", message: /file/ });
  const broken = join(t.testdir({ broken: { CURRENT: "MANIFEST-000009\n" } }), "broken");
  await t.rejects(openLevelStore(broken), { code: "EDGELESS_STORE_BROKEN" });
});

t.test("given a closed store, when it is used, then the error has a code", async (t) => {
  const store = await openLevelStore(t.testdir());
  await store.close();
  await t.rejects(store.get("a"), { code: "EDGELESS_STORE_BROKEN" });
  await t.rejects(store.write([{ key: "a" }]), { code: "EDGELESS_STORE_BROKEN" });
});

t.test(
  "given a writer killed at any moment, then all writes that returned are whole and there",
  async (t) => {
    for (let round = 0; round < 3; round++) {
      const path = join(t.testdir(), "store");
      const acknowledged = await killWhileWriting(path, 20 + 40 * round);
      const store = await openLevelStore(path);
      const keys = new Set((await contents(store)).map(([key]) => key));
      const lost: number[] = [];
      for (let i = 0; i <= acknowledged; i++) {
        if (!keys.has(`first/${i}`) || !keys.has(`second/${i}`)) lost.push(i);
      }
      t.same(lost, [], "no acknowledged write is lost");
      const twin = (key: string) =>
        key.startsWith("first/") ? key.replace("first", "second") : key.replace("second", "first");
      t.same(
        [...keys].filter((key) => !keys.has(twin(key))),
        [],
        "no write is there in part",
      );
      await store.close();
    }
  },
);

t.test(
  "given a disk that is full for a while, when there is room again, then all writes that returned are there",
  { skip: spawnSync("prlimit", ["--version"]).error !== undefined && "prlimit is not installed" },
  async (t) => {
    const path = join(t.testdir(), "store");
    // Whatever watches the tests' processes from within would end this one at the signal.
    const start = 'unset NODE_OPTIONS; trap "" XFSZ; exec "$0" "$@"';
    const child = spawn(
      "bash",
      ["-c", start, process.execPath, ...loaderOptions(), writerScript(path), path],
      { stdio: ["ignore", "ignore", "inherit", "ipc"] },
    );
    const limit = (bytes: string) =>
      spawnSync("prlimit", ["--pid", String(child.pid), `--fsize=${bytes}:`], { stdio: "inherit" });
    const returned: number[] = [];
    let failed = 0;
    await new Promise<void>((resolve, reject) => {
      child.on("message", (number: number) => {
        if (number >= 0) returned.push(number);
        else if (++failed === 5) limit("unlimited");
        if (number === 10) limit("1");
        if (failed >= 5 && number > 10 && returned.length >= 30) child.kill("SIGKILL");
      });
      child.on("exit", (_code, signal) =>
        signal === "SIGKILL" ? resolve() : reject(new Error("the writer ended by itself")),
      );
    });
    t.ok(failed >= 5, "writes failed");
    const store = await openLevelStore(path);
    const keys = new Set((await contents(store)).map(([key]) => key));
    const lost = returned.filter((number) => !keys.has(`first/${number}`) || !keys.has(`second/${number}`));
    t.same(lost, []);
    await store.close();
  },
);

/** Kills a process that writes pairs of keys and tells each number written; returns the last number told. */
async function killWhileWriting(path: string, untilNumber: number): Promise<number> {
  const child: ChildProcess = fork(writerScript(path), [path], {
    execArgv: process.execArgv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let last = -1;
  await new Promise<void>((resolve, reject) => {
    child.on("message", (number: number) => {
      last = number;
      if (number === untilNumber) child.kill("SIGKILL");
    });
    child.on("exit", (_code, signal) =>
      signal === "SIGKILL" ? resolve() : reject(new Error("the writer ended by itself")),
    );
    child.on("error", reject);
  });
  return last;
}

/** Options of Node.js for a writer: what loads TypeScript, nothing else. */
function loaderOptions(): readonly string[] {
  return import.meta.url.endsWith(".ts") ? process.execArgv : [];
}

/** A script that writes without end and tells each number written, -1 for a full disk; it imports the store as this test does. */
function writerScript(path: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = join(dirname(path), "writer.mjs");
  const store = new URL(`file://${join(here, "../../platform/store", `level-store.${extension}`)}`);
  if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    script,
    `import { openLevelStore } from ${JSON.stringify(store.href)};
const store = await openLevelStore(process.argv[2]);
for (let i = 0; ; i++) {
  const changes = [
    { key: "first/" + i, value: new Uint8Array(3000) },
    { key: "second/" + i, value: new Uint8Array(10) },
  ];
  const isFull = await store.write(changes).then(() => false, ({ code }) => code === "EDGELESS_STORE_FULL");
  await new Promise((resolve) => process.send(isFull ? -1 : i, resolve));
}
`,
  );
  return script;
}
