import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { createFunction } from "../../toolchain/assemblyscript/create-function.js";
import { functionSource } from "../../toolchain/assemblyscript/function-template.js";
import { EdgelessProcess, edgeless } from "../kit/edgeless-process.js";
import { eventually } from "../kit/eventually.js";
import { ROOT } from "../kit/repository.js";
import { System } from "../kit/system.js";

// The compiler is slow to start on a busy machine.
t.setTimeout(400_000);

const shipped = (id: string) => join(ROOT, "dist/functions", id, `${id}.wasm`);

function folder(t: { teardown(end: () => void): unknown }): string {
  const path = mkdtempSync(join(tmpdir(), "edgeless-functions-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs a command whose standard output is closed at once. */
function unread(args: readonly string[], cwd: string): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, "dist/cli/main.js"), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stderr })));
}

t.test(
  "given an empty folder, when a function is made, built, inspected, run and tested, then each command tells",
  async (t) => {
    const place = folder(t);
    t.match(await edgeless(["function", "new", "hello"], place), { status: 0, stdout: "made hello\n" });
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const editor = spawnSync(process.execPath, [tsc, "--noEmit", "-p", join(place, "hello")], {
      encoding: "utf8",
    });
    t.equal(editor.stdout, "", "an editor shows no red line");
    t.match(await edgeless(["function", "new", "hello"], place), {
      status: 1,
      stdout: "",
      stderr: /exists already \[EDGELESS_FILE_EXISTS\]/,
    });
    t.match(await edgeless(["function", "build", "hello"], place), {
      status: 0,
      stdout: /^hello: \d+ bytes, normal profile, outputs result, \d+ ms\nhello\/hello\.wasm\n$/,
      stderr: "Compiling hello ...\n",
    });
    t.match(await edgeless(["function", "inspect", "hello/hello.wasm"], place), {
      status: 0,
      stdout: /guest ABI +kept(.|\n)*env\.cast_asm +function(.|\n)*node of EDGELESS 1\.2 +runs/,
    });
    const events = ["--cast", "21", "--call", "?", "--cast", "x", "--cast", "-4"];
    t.match(await edgeless(["function", "run", "hello/hello.wasm", ...events], place), {
      status: 0,
      stdout: `cast   result -> 42
no reply
log    warn hello: not a number: x
cast   result -> -8
`,
      stderr: "",
    });
    const tested = await edgeless(["function", "test", "hello"], place);
    t.equal(tested.status, 0, tested.stdout + tested.stderr);
    t.match(tested.stdout, /pass 2/);

    const source = join(place, "hello/hello.ts");
    const text = readFileSync(source, "utf8");
    writeFileSync(source, text.replace("value * 2", "value * 3"));
    const failed = await edgeless(["function", "test", "hello", "--json"], place);
    t.equal(failed.status, 1);
    const lines = failed.stdout.trim().split("\n");
    t.match(
      lines.map((line) => JSON.parse(line) as unknown),
      [{ name: "casts twice the number it gets", passed: false }, { passed: true }],
    );

    writeFileSync(source, text.replace("value * 2", "valu * 2"));
    t.match(await edgeless(["function", "build", "hello/function.json", "--profile", "tiny"], place), {
      status: 1,
      stdout: "",
      stderr: /hello\.ts:\d+:\d+: error: Cannot find name 'valu'.*\n.*valu \* 2.*\n +\^/,
    });
  },
);

t.test("given wrong commands, when they are run, then they say what is wrong", async (t) => {
  const place = folder(t);
  writeFileSync(join(place, "text.wasm"), "no module");
  writeFileSync(join(place, "empty.wasm"), Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const cases: [string, number, RegExp][] = [
    ["build nowhere", 1, /cannot read nowhere: no such file \[EDGELESS_FILE_UNREADABLE\]/],
    ["build text.wasm", 2, /neither the folder of a function nor its function\.json/],
    ["build . --profile huge", 2, /--profile takes normal, tiny, debug, not "huge"/],
    ["build .", 1, /function\.json/],
    ["inspect text.wasm", 1, /EDGELESS_BAD_WASM/],
    ["inspect empty.wasm", 1, /empty\.wasm is no function: the export memory is missing/],
    ["run text.wasm --cast x", 1, /EDGELESS_BAD_WASM/],
    ["run empty.wasm", 1, /EDGELESS_WASM_ABI/],
    ["run empty.wasm --for never", 2, /--for takes a number of seconds/],
    ["run empty.wasm --answer none", 2, /--answer takes CHANNEL=TEXT/],
    ["test .", 2, /there is no file that ends with \.test\.mjs/],
    ["new 1st", 2, /no name for a function/],
    ["new hello", 0, /Next:/],
    ["run hello", 2, /hello is the folder of a function: name its module, hello\/hello\.wasm/],
    ["inspect hello/hello.wasm", 1, /is not there: make it with edgeless function build hello/],
    ["build hello --out hello/hello.ts", 1, /cannot write .*hello\.ts.*: there is a file of that name/],
  ];
  for (const [command, status, stderr] of cases) {
    t.match(await edgeless(["function", ...command.split(" ")], place), { status, stderr }, command);
  }
});

t.test(
  "given commands whose output nobody reads, when they write, then they end without a word",
  async (t) => {
    const place = folder(t);
    t.match(await edgeless(["function", "new", "hello"], place), { status: 0 });
    const commands = [
      "--help",
      `function inspect ${shipped("ping")}`,
      `function run ${shipped("counter")} --for 30`,
      "function test hello --json",
    ];
    for (const command of commands) {
      const { status, stderr } = await unread(command.split(" "), place);
      t.equal(status, 0, command);
      t.notMatch(stderr, /EPIPE|^ +at /m, command);
    }
  },
);

t.test("given shipped functions, when they are run, then time is skipped and ends are told", async (t) => {
  const place = folder(t);
  const run = (id: string, ...args: string[]) => edgeless(["function", "run", shipped(id), ...args], place);
  const counted = await run("counter", "--init", "41", "--for", "7200");
  t.equal(counted.status, 0);
  t.match(counted.stdout, /^cast {3}output -> 42\ncast {3}output -> 43 {2}\(after 1 s\)\n/);
  t.equal(counted.stdout.trim().split("\n").length, 7201);
  t.match(counted.stderr, /1 delayed cast still waits/);
  t.match(await run("counter", "--cast", "x"), { status: 1, stderr: /EDGELESS_FUNCTION_TRAPPED/ });
  t.match(await run("infinite_test"), { status: 1, stderr: /EDGELESS_FUNCTION_OUT_OF_TIME/ });
  const pinged = await run(
    "ping",
    "--state",
    '{"count":7}',
    "--answer",
    "ponger=PONG",
    "--for",
    "0",
    "--json",
  );
  t.match(
    pinged.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
    [
      { type: "state", state: '{"count":8}' },
      { type: "call", output: "ponger", payload: "PING-7" },
      { type: "log", level: "info", message: "reply: PONG" },
    ],
  );
  t.match(await run("messaging_test", "--call", "test_ret", "--call", "test_err", "--call", "else"), {
    status: 0,
    stdout: /reply {2}test_reply\nreply {2}\(error\)\n(.*\n)*no reply\n$/,
  });
});

t.test(
  "given the functions of the guide, when they are built and tested, then they do as it says",
  async (t) => {
    const place = folder(t);
    const page = readFileSync(join(ROOT, "docs/writing-functions.md"), "utf8");
    const blocks = (language: string) =>
      [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
        ([, text]) => text ?? "",
      );
    const ids: string[] = [];
    for (const source of blocks("ts")) {
      const id = /class (\w+)/.exec(source)?.[1]?.toLowerCase() ?? "";
      ids.push(id);
      createFunction(place, id);
      writeFileSync(join(place, id, `${id}.ts`), source);
      t.match(await edgeless(["function", "build", id], place), { status: 0 }, id);
    }
    t.same(ids, ["average", "echo"]);
    const [test = ""] = blocks("js");
    writeFileSync(join(place, "average", "average.test.mjs"), test);
    const tested = await edgeless(["function", "test", "average"], place);
    t.equal(tested.status, 0, tested.stdout + tested.stderr);
    t.match(tested.stdout, /pass 1/);

    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const shown = /^```ts\n([\s\S]*?)^```$/m.exec(readme)?.[1];
    t.ok(
      functionSource("hello").includes(shown ?? "nothing"),
      "the README shows what a new function looks like",
    );
  },
);

t.test("given a build under watch, when the source is saved, then the module follows", async (t) => {
  const place = folder(t);
  await edgeless(["function", "new", "hello"], place);
  const source = join(place, "hello/hello.ts");
  const text = readFileSync(source, "utf8");
  const watching = new EdgelessProcess(["function", "build", "hello", "--watch"], place);
  t.teardown(() => watching.kill());
  await watching.says(/hello\.wasm/, 60_000);
  await eventually("the watch", () => watching.stderr.includes("Watching"));
  writeFileSync(source, text.replace("value * 2", "valu * 2"));
  await eventually("the error", () => watching.stderr.includes("Cannot find name 'valu'"), 60_000);
  writeFileSync(source, text.replace("value * 2", "value * 3"));
  await watching.says(/hello\.wasm[\s\S]*hello\.wasm/, 60_000);
  const run = await edgeless(["function", "run", "hello/hello.wasm", "--cast", "2"], place);
  t.match(run.stdout, /result -> 6\n/);
  t.equal((await watching.stop()).status, 0);
});

t.test(
  "given a workflow under watch, when the source of its function is saved, then it is replaced within a second",
  async (t) => {
    const system = await System.start({ domains: 1, nodesPerDomain: 1, http: true });
    t.teardown(() => system.close());
    const place = system.folder;
    await edgeless(["function", "new", "hello"], place);
    const post = async () => {
      const { status } = await fetch(system.httpUrl(0), { method: "POST", body: "21" });
      return status;
    };
    const url = ["--controller-url", system.controllerUrl];
    const watching = new EdgelessProcess(
      ["workflow", "start", "hello/workflow.json", "--watch", "--json", ...url],
      place,
    );
    t.teardown(() => watching.kill());
    await watching.says(/"ms":/, 60_000);
    t.ok(existsSync(join(place, "hello/hello.wasm")), "the function was built first");
    t.equal(await post(), 200);
    await eventually("the first result", () => system.lines("hello.log").includes("42"));

    const source = join(place, "hello/hello.ts");
    const text = readFileSync(source, "utf8");
    writeFileSync(source, text.replace("value * 2", "valu * 2"));
    await eventually("the error", () => watching.stderr.includes("Cannot find name 'valu'"), 60_000);
    t.equal(await post(), 200, "the last good workflow runs on");
    await eventually("its result", () => system.lines("hello.log").length === 2);

    const started = () =>
      watching.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { workflowId: string; ms: number });
    const replacedMs: number[] = [];
    // Another program may have had the processor: the best of three counts.
    for (let factor = 3; factor <= 5 && !replacedMs.some((ms) => ms < 1000); factor++) {
      const before = started().length;
      writeFileSync(source, text.replace("value * 2", `value * ${factor}`));
      await eventually("the replacement", () => started().length > before, 60_000);
      t.equal(await post(), 200);
      await eventually("the new result", () => system.lines("hello.log").includes(`${21 * factor}`));
      replacedMs.push(started().at(-1)?.ms ?? Number.NaN);
    }
    t.ok(Math.min(...replacedMs) < 1000, `replaced in ${replacedMs.join(", ")} ms`);
    t.same(await system.api.list(), [started().at(-1)?.workflowId], "only the new one runs");
    t.equal((await watching.stop()).status, 0);
    t.same(await system.api.list(), [], "it was stopped at the end");
  },
);
