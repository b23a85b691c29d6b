import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { z } from "zod";
import { readConfig, writeTemplate } from "../../cli/files/toml-file.js";
import { readWorkflow, workflowWarnings } from "../../cli/files/workflow-file.js";
import { lineOfPath } from "../../platform/json-location.js";
import { ROOT } from "../kit/repository.js";

const SOUND = `{
  "functions": [
    {
      "name": "f",
      "class_specification": {
        "id": "c", "function_type": "RUST_WASM", "version": "0.1", "code": "f.wasm", "outputs": ["out"]
      },
      "output_mapping": { "out": "log" },
      "annotations": { "init-payload": "8" }
    },
    {
      "name": "g",
      "class_specification": { "id": "d", "function_type": "CONTAINER", "version": "0.1", "code": "container:i:t", "outputs": [] },
      "output_mapping": {},
      "annotations": {}
    }
  ],
  "resources": [
    { "name": "log", "class_type": "file-log", "output_mapping": {}, "configurations": { "filename": "x" } }
  ],
  "annotations": {}
}`;

function folderWith(files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-files-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

t.test("given any JSON value, when printed over lines, then each path is found on its line", async (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value, null, 2) ?? "null";
      const lines = text.split("\n");
      const check = (inner: unknown, path: PropertyKey[]): void => {
        const line = lines[lineOfPath(text, path) - 1] ?? "";
        const printed = JSON.stringify(inner, null, 2).split("\n")[0] ?? "";
        if (!line.includes(printed)) throw new Error(`${String(path)}: "${line}" lacks "${printed}"`);
        if (typeof inner === "object" && inner !== null) {
          for (const [key, item] of Object.entries(inner)) check(item, [...path, key]);
        }
      };
      check(JSON.parse(text), []);
    }),
  );
  t.equal(lineOfPath('{\n"a": {\n}\n}', ["a", "missing"]), 2, "a missing key is placed at its object");
});

t.test("given a sound workflow file, when read, then the code of wasm functions comes with it", async (t) => {
  const folder = folderWith({ "w.json": SOUND, "f.wasm": new Uint8Array([1, 2, 3]) });
  const workflow = readWorkflow(join(folder, "w.json"));
  const [f, g] = workflow.functions;
  t.same([...(f?.functionClass.binary ?? [])], [1, 2, 3]);
  t.equal(f?.functionClass.code, "f.wasm");
  t.equal(f?.outputMapping.get("out"), "log");
  t.equal(g?.functionClass.binary, undefined);
  t.equal(workflow.resources[0]?.configurations.get("filename"), "x");
  t.same(workflowWarnings("w.json", workflow), []);
  writeFileSync(join(folder, "w.json"), SOUND.replace('"out": "log"', '"outt": "log"'));
  t.same(workflowWarnings("w.json", readWorkflow(join(folder, "w.json"))), [
    "w.json: f: output outt is mapped, but class_specification.outputs has only out",
  ]);
});

t.test(
  "given the workflow files of the examples, when read, then they give no warning but where it is known",
  async (t) => {
    const folder = join(ROOT, "examples");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const workflows = files.filter((name) => /workflow[^/]*\.json$/.test(name));
    t.ok(workflows.length > 30);
    for (const name of workflows) {
      const warnings = workflowWarnings(name, readWorkflow(join(folder, name)));
      // As in EDGELESS 1.2, it maps an output that its function does not have.
      if (name === join("redis", "workflow-state.json")) t.match(warnings, [/output redis is mapped/]);
      else t.same(warnings, [], name);
    }
  },
);

t.test("given faulty workflow files, when read, then file, line, field and reason are told", async (t) => {
  const cases: [name: string, text: string, expected: RegExp][] = [
    ["not JSON", SOUND.replace('"name": "f",', '"name": "f"'), /w\.json:5: not JSON/],
    [
      "a missing key",
      SOUND.replace('"annotations": { "init-payload": "8" }', '"x": 1'),
      /w\.json:3: functions\[0\]\.annotations: is missing$/,
    ],
    [
      "a number as text",
      SOUND.replace('"init-payload": "8"', '"init-payload": 8'),
      /w\.json:9: functions\[0\]\.annotations\.init-payload: must be a text, not a number$/,
    ],
    ["no code", SOUND.replace('"code": "f.wasm", ', ""), /w\.json: f: class_specification\.code is missing/],
    [
      "code that is not there",
      SOUND.replace("f.wasm", "h.wasm"),
      /w\.json: f: cannot read the code h\.wasm: no such file/,
    ],
    ["code that is a folder", SOUND.replace("f.wasm", "."), /w\.json: f: \. is not a file/],
    [
      "an unknown target",
      SOUND.replace('"out": "log"', '"out": "lag"'),
      /w\.json: f: output out is mapped to lag/,
    ],
  ];
  for (const [name, text, message] of cases) {
    const folder = folderWith({ "w.json": text, "f.wasm": "x" });
    t.throws(() => readWorkflow(join(folder, "w.json")), { code: "EDGELESS_BAD_WORKFLOW", message }, name);
  }
  const unbuilt = folderWith({ "w.json": SOUND, "function.json": "{}" });
  t.throws(() => readWorkflow(join(unbuilt, "w.json")), {
    code: "EDGELESS_BAD_WORKFLOW",
    message: /w\.json: f: the code f\.wasm is not there: make it with edgeless function build /,
  });
  t.throws(() => readWorkflow("/nowhere/w.json"), {
    code: "EDGELESS_FILE_UNREADABLE",
    message: /no such file/,
  });
});

t.test(
  "given a TOML file, when it is missing, broken or wrong, then each is told with its place",
  async (t) => {
    const folder = folderWith({ "broken.toml": 'a = 1\nb = "x\n', "good.toml": "a = 1\n" });
    const schema = z.object({ a: z.number() });
    t.same(
      readConfig(join(folder, "good.toml"), (raw) => schema.parse(raw)),
      { a: 1 },
    );
    t.throws(() => readConfig(join(folder, "none.toml"), (raw) => raw), {
      code: "EDGELESS_CONFIG_MISSING",
      message: /none\.toml/,
    });
    t.throws(() => readConfig(join(folder, "broken.toml"), (raw) => raw), {
      code: "EDGELESS_BAD_CONFIG",
      message: /broken\.toml:2:\d+: /,
    });
  },
);

t.test("given a template, when the file exists, then it is kept", async (t) => {
  const folder = folderWith({ "old.toml": "kept" });
  t.throws(() => writeTemplate(join(folder, "old.toml"), "new"), { code: "EDGELESS_FILE_EXISTS" });
  writeTemplate(join(folder, "deep/new.toml"), "a = 2");
  t.same(
    readConfig(join(folder, "deep/new.toml"), (raw) => raw),
    { a: 2 },
  );
});
