import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { BuildOptions } from "../../../toolchain/assemblyscript/build-function.js";
import { buildFunction } from "../../../toolchain/assemblyscript/build-function.js";
import { BUILD_PROFILES } from "../../../toolchain/assemblyscript/build-profile.js";
import { formatReport, inputsOf } from "../../../toolchain/assemblyscript/build-report.js";
import { CompilerProcess } from "../../../toolchain/assemblyscript/compiler-process.js";
import { createFunction } from "../../../toolchain/assemblyscript/create-function.js";
import { abiFaults } from "../../../toolchain/image/check-abi.js";
import { inspectModule } from "../../../toolchain/image/inspect.js";
import { functionFolder } from "../../kit/built-function.js";
import { CALL_FAILED, GuestDriver } from "../../kit/guest-driver.js";
import { ROOT } from "../../kit/repository.js";

// The compiler is slow to start on a busy machine.
t.setTimeout(180_000);

const compiler = new CompilerProcess();
t.teardown(() => compiler.close());

/** Builds a source in a folder of its own; the error when it cannot be built. */
async function build(source: string, options: BuildOptions = {}) {
  const folder = functionFolder("sample", source);
  try {
    return await folder.build({ compiler, ...options });
  } catch (error) {
    if (existsSync(join(folder.path, "sample.wasm"))) throw new Error("a refused module was written");
    return error as Error & { code: string };
  } finally {
    folder.remove();
  }
}

function inClass(body: string, before = ""): string {
  return `import { EdgeFunction, Event, log, Output, Reply } from "edgeless";
${before}
@edgeFunction
class Sample extends EdgeFunction {
${body}
}
`;
}

async function module(source: string, options: BuildOptions = {}) {
  const result = await build(source, options);
  if (result instanceof Error) throw result;
  return result;
}

async function refusal(source: string) {
  const result = await build(source);
  if (!(result instanceof Error)) throw new Error("it was built");
  return result;
}

t.test("a function builds in every profile and does the same in each", async (t) => {
  const source = inClass(
    `  onCast(event: Event): void { if (event.f64() > 0.5) out.cast((event.i32() + 1).toString()); }
  onCall(event: Event): Reply { return event.isEmpty ? Reply.error() : Reply.text(event.text + "!"); }`,
    'const out = new Output("out");',
  );
  for (const profile of BUILD_PROFILES) {
    const { report, wasm } = await module(source, { profile });
    t.equal(report.size, wasm.length);
    t.same(report.outputs, ["out"]);
    t.same(report.warnings, [], "the SDK gives none");
    t.same(abiFaults(inspectModule(wasm)), []);
    t.match(formatReport(report), new RegExp(`^sample: ${wasm.length} bytes, ${profile} profile`));
    const guest = new GuestDriver(wasm).init("a", "b");
    t.same(guest.cast("41").take(), [["cast", "out", "42"]]);
    t.equal(guest.call("é"), "é!");
    t.equal(guest.call(""), CALL_FAILED);
    guest.stop();
  }
});

t.test("the tiny profile never outgrows a page and forgets each event", async (t) => {
  const source = inClass(
    "  private count: i32 = 0;\n  onCast(event: Event): void { this.count++; out.cast(event.text + this.count.toString()); }",
    'const out = new Output("out");',
  );
  const { report, wasm } = await module(source, { profile: "tiny" });
  t.equal(report.memory, "arena");
  t.same(inspectModule(wasm).memory, { minPages: 1, maxPages: 1 });
  const guest = new GuestDriver(wasm).init();
  for (let i = 1; i <= 5000; i++) {
    const [effect] = guest.cast("xy").take();
    if (effect?.[2] !== `xy${i}`) t.fail(`event ${i} gave ${effect?.[2]}`);
  }
});

t.test("the tiny profile keeps a collector when an object can outlive an event", async (t) => {
  for (const [body, before] of [
    [
      "  private last: string = '';\n  onCast(event: Event): void { out.cast(this.last); this.last = event.text; }",
      "",
    ],
    ["  onCast(event: Event): void { out.cast(last); last = event.text; }", "let last: string = '';"],
    ["  onCast(event: Event): void { out.cast(last[0]); last[0] = event.text; }", "const last = [''];"],
    [
      "  onCast(event: Event): void { out.cast(last.text); last.text = event.text; }",
      "namespace last { export let text: string = ''; }",
    ],
  ] as const) {
    const source = inClass(body, `const out = new Output("out");\n${before}`);
    const { report, wasm } = await module(source, { profile: "tiny" });
    t.equal(report.memory, "collected");
    t.match(report.memoryReason, /"last"/);
    const guest = new GuestDriver(wasm).init().cast("first");
    for (let i = 0; i < 2000; i++) guest.cast("a text of some length");
    t.same(guest.take().at(-1), ["cast", "out", "a text of some length"]);
  }
});

t.test("a compile error names file, line, column and the line of source", async (t) => {
  const error = await refusal(inClass("  onCast(event: Event): void {\n    log.info(5);\n  }"));
  t.equal(error.code, "EDGELESS_COMPILE");
  t.match(error.message, /sample\.ts:6:14: error: .*\n {6}log\.info\(5\);\n {15}\^/);
});

t.test("a syntax error, a missing class and a second one are explained", async (t) => {
  const syntax = await refusal(inClass("  onCast(event: Event): void { if ( }"));
  t.equal(syntax.code, "EDGELESS_COMPILE");
  t.match(syntax.message, /sample\.ts:5:\d+: error/);
  t.match(
    (await refusal("export const a = 1;\n")).message,
    /sample\.ts:1:1: error: no class with @edgeFunction/,
  );
  const second = inClass("  onStop(): void {}", "@edgeFunction\nclass Other extends EdgeFunction {}\n");
  t.match((await refusal(second)).message, /only one class may have @edgeFunction/);
});

t.test("what is not the class of a function is explained, and the generated entry never shows", async (t) => {
  const head = 'import { EdgeFunction, Event, Reply } from "edgeless";\n';
  const withHandler = (handler: string) => inClass(`  ${handler}`);
  for (const [source, expected] of [
    [`${head}@edgeFunction\nclass A {}\n`, /sample\.ts:3:7: error: class A must extend EdgeFunction/],
    [`${head}@edgeFunction\nfunction f(): void {}\n`, /sample\.ts:3:10: .* in front of a class/],
    [`${head}class A extends EdgeFunction {}\n`, /sample\.ts:2:7: .*put it in front of class A/],
    [
      `import { EdgeFunction, edgeFunction } from "edgeless";\n@edgeFunction\nclass A extends EdgeFunction {}\n`,
      /sample\.ts:1:24: error: edgeFunction is known everywhere/,
    ],
    [withHandler("constructor(private a: i32) { super(); }"), /sample\.ts:5:3: .*use onInit/],
    [
      withHandler("onCall(event: Event): void {}"),
      /onCall must be declared as onCall\(event: Event\): Reply/,
    ],
    [withHandler('onStop(): void { const a: i32 = "x"; }'), /Type 'string' is not assignable to type 'i32'/],
    [withHandler("async onStop(): Promise<void> {}"), /sample\.ts:5:3: error: there is no async/],
    [`import { z } from "zod";\n${withHandler("")}`, /sample\.ts:1:19: error: There is no package "zod"/],
  ] as const) {
    const { message } = await refusal(source);
    t.match(message, expected);
    t.notMatch(message, /edgeless-entry|~lib/);
  }
  const { report } = await module(withHandler("oncast(event: Event): void {}\n  onTick(): void {}"));
  t.match(report.warnings, [{ severity: "warning", line: 5, message: /oncast .* did you mean onCast/ }]);
  t.equal(report.warnings.length, 1);
  const deaf = await module(
    `${head}@edgeFunction\nclass A extends EdgeFunction {\n  onMessage(event: Event): void {}\n}\n`,
  );
  t.match(deaf.report.warnings, [{ line: 3, message: /class A has neither onCast nor onCall/ }]);
  t.equal(deaf.report.warnings.length, 1);
});

t.test("what no host offers is refused where it stands", async (t) => {
  for (const [call, instead] of [
    ['console.log("x")', /console\.log .* log\.info/],
    ["Date.now()", /Date\.now .* clock/],
    ["Math.random()", /Math\.random .* Lcg/],
    ['trace("x")', /trace .* log\.trace/],
  ] as const) {
    const error = await refusal(inClass(`  onCast(event: Event): void {\n    ${call};\n  }`));
    t.equal(error.code, "EDGELESS_COMPILE");
    t.match(error.message, /sample\.ts:6:5: error/);
    t.match(error.message, instead);
  }
  const own = await refusal(
    inClass("  onCast(event: Event): void { ask(); }", "declare function ask(): void;"),
  );
  t.equal(own.code, "EDGELESS_COMPILE");
  t.match(own.message, /sample\.ts:2:18: error: a host offers no function ask/);
});

t.test("assertions and errors end the instance; the debug profile says where", async (t) => {
  const source = inClass(
    '  onCast(event: Event): void {\n    if (event.isEmpty) throw new Error("nothing");\n  }',
  );
  t.throws(() => new GuestDriver(new Uint8Array()));
  const { wasm } = await module(source, { profile: "debug" });
  const guest = new GuestDriver(wasm).init();
  t.throws(() => guest.cast(""));
  t.match(guest.take(), [["log", 1, "sample", /nothing at .*sample\.ts:6/]]);
});

t.test("helper files, package files and out folders", async (t) => {
  const folder = functionFolder(
    "sample",
    inClass(
      "  onCast(event: Event): void { out.cast(shout(event.text)); }",
      'import { shout } from "./shout";\nconst out = new Output("out");',
    ),
  );
  t.teardown(() => folder.remove());
  folder.write("shout.ts", 'export function shout(text: string): string { return text + "!"; }\n');
  const outFolder = join(folder.path, "out");
  const { report } = await folder.build({ compiler, outFolder });
  t.same(readdirSync(outFolder).sort(), ["function.json", "sample.wasm"]);
  t.same(JSON.parse(readFileSync(join(outFolder, "function.json"), "utf8")), {
    id: "sample",
    version: "1",
    function_type: "RUST_WASM",
    outputs: ["out"],
    build: "sample.ts",
  });
  const inputs = inputsOf(report);
  for (const file of ["function.json", "sample.ts", "shout.ts"])
    t.ok(inputs.includes(join(folder.path, file)), file);
  t.ok(inputs.includes(join(ROOT, "functions", "sdk", "output.ts")));
  for (const [text, expected] of [
    ["{", /function\.json:1: not JSON/],
    ['{\n"id":"x",\n"version":5}', /function\.json:3: version: .*\n.*function\.json:1: function_type/],
    ['{"id":"../x","version":"1","function_type":"RUST_WASM","build":"a.ts"}', /id: must be letters/],
    ['{"id":"x","version":"1","function_type":"CONTAINER","build":"a.ts"}', /function_type/],
    ['{"id":"x","version":"1","function_type":"RUST_WASM","build":"../a.ts"}', /build: must name/],
  ] as const) {
    folder.write("function.json", text);
    await t.rejects(buildFunction(folder.path, { compiler }), {
      code: "EDGELESS_BAD_PACKAGE",
      message: expected,
    });
  }
  const complete = '{"id":"x","version":"1","function_type":"RUST_WASM","build":"sample.ts","author":"me"}';
  folder.write("function.json", `\ufeff${complete}`);
  await buildFunction(folder.path, { compiler });
  t.match(JSON.parse(readFileSync(join(folder.path, "function.json"), "utf8")), {
    author: "me",
    outputs: ["out"],
  });
  folder.write("function.json", complete.replace("sample", "a"));
  await t.rejects(buildFunction(folder.path, { compiler }), { code: "EDGELESS_FILE_UNREADABLE" });
  await t.rejects(buildFunction(join(folder.path, "none"), { compiler }), {
    code: "EDGELESS_FILE_UNREADABLE",
  });
});

t.test("equal sources give equal modules", async (t) => {
  const source = inClass("  onStop(): void { log.info('bye'); }");
  t.same((await module(source)).wasm, (await module(source)).wasm);
});

t.test("a compiler that is closed or too slow rejects what waits for it", async (t) => {
  const folder = functionFolder("sample", inClass("  onStop(): void {}"));
  t.teardown(() => folder.remove());
  await t.rejects(folder.build({ compiler: new CompilerProcess(1) }), { code: "EDGELESS_TIMEOUT" });
  const other = new CompilerProcess();
  const building = folder.build({ compiler: other });
  setImmediate(() => other.close());
  await t.rejects(building, { code: "EDGELESS_COMPILE", message: /closed/ });
});

t.test("a new function builds, does what its test expects and shows no red lines in an editor", async (t) => {
  const place = mkdtempSync(join(tmpdir(), "edgeless-new-"));
  t.teardown(() => rmSync(place, { recursive: true, force: true }));
  const path = createFunction(place, "hello-world");
  t.throws(() => createFunction(place, "hello-world"), { code: "EDGELESS_FILE_EXISTS" });
  t.throws(() => createFunction(join(path, "function.json"), "x"), {
    code: "EDGELESS_FILE_UNREADABLE",
    message: /cannot write .*: a part of the path is no folder/,
  });
  for (const [name, className] of [
    ["event", "EventFunction"],
    ["string", "StringFunction"],
    ["a-1", "A1"],
  ] as const) {
    const source = readFileSync(join(createFunction(place, name), `${name}.ts`), "utf8");
    t.match(source, new RegExp(`class ${className} extends`));
  }
  for (const name of ["", "../x", "1a", "a b"]) {
    t.throws(() => createFunction(place, name), { code: "EDGELESS_USAGE" }, name);
  }
  const before = readFileSync(join(path, "function.json"), "utf8");
  const report = await buildFunction(path, { compiler });
  t.equal(readFileSync(join(path, "function.json"), "utf8"), before);
  const guest = new GuestDriver(readFileSync(report.wasmFile)).init();
  t.same(guest.sent(), []);
  t.same(guest.cast("21").cast("x").sent(), [["cast", "result", "42"]]);
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const check = spawnSync(process.execPath, [tsc, "--noEmit", "-p", path], { encoding: "utf8" });
  t.equal(check.stdout, "");
  t.equal(check.status, 0);
});
