import { readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import t from "tap";
import { filesBelow, ROOT } from "../kit/repository.js";

/** Which top folders a top folder may import, beside itself: the table of docs/architecture.md. */
const ALLOWED: Record<string, readonly string[]> = {
  core: [],
  platform: ["core"],
  "coap-api": ["core"],
  "grpc-api": ["core", "platform"],
  toolchain: ["core", "platform"],
  embedded: ["core", "coap-api"],
  esp32: ["core", "platform", "coap-api", "embedded"],
  emulator: ["core", "platform", "coap-api", "embedded", "toolchain"],
  node: ["core", "platform", "grpc-api", "toolchain"],
  control: ["core", "platform", "grpc-api"],
  gateway: ["core", "platform", "coap-api", "grpc-api", "toolchain"],
};

/** Folders that also run on a microcontroller: nothing of Node.js, no package. */
const DEVICE = ["core", "coap-api", "embedded"];

function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^"';]*?from\s*"([^"]+)"|import\s*\(\s*"([^"]+)"|(?:^|\n)import\s+"([^"]+)"/g,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

t.test("given the table of folders, when sources import, then nothing reaches past it", async (t) => {
  let imports = 0;
  for (const [folder, allowed] of Object.entries(ALLOWED)) {
    for (const path of filesBelow(folder, ".ts")) {
      for (const specifier of importsOf(path)) {
        imports++;
        if (!specifier.startsWith(".")) {
          if (DEVICE.includes(folder))
            t.fail(`${path} imports ${specifier}, but ${folder} runs on a microcontroller`);
          continue;
        }
        const target = normalize(join(dirname(path), specifier)).split(sep)[0] ?? "";
        if (target !== folder && !allowed.includes(target))
          t.fail(`${path} imports ${specifier}: ${folder} must not know ${target}`);
      }
    }
  }
  t.ok(imports > 20, "imports were found");
});

t.test("given the ε-CON and the ε-ORC, when one needs the other, then it goes through the API", async (t) => {
  for (const path of filesBelow("control", ".ts")) {
    const [, component] = path.split(sep);
    for (const specifier of importsOf(path).filter((name) => name.startsWith("."))) {
      const [top, other] = normalize(join(dirname(path), specifier)).split(sep);
      const shared = top !== "control" || other === component;
      t.ok(shared, `${path} imports ${specifier}`);
    }
  }
});

t.test("given hand-written sources, when they are measured, then no file is over 700 lines", async (t) => {
  const folders = [...Object.keys(ALLOWED), "cli", "bench", "test", "functions"];
  const long = folders
    .flatMap((folder) => filesBelow(folder, ".ts"))
    .filter(
      (path) =>
        !path.includes("generated") && readFileSync(join(ROOT, path), "utf8").split("\n").length > 701,
    );
  t.same(long, []);
});
