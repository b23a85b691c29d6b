import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import t from "tap";
import { GENERATED_PAGES } from "../kit/generated-pages.js";
import { filesBelow, ROOT } from "../kit/repository.js";

const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...filesBelow("docs", ".md"),
  ...filesBelow("examples", ".md"),
];

t.test("given pages that follow from the code, when read, then they are current", async (t) => {
  for (const [page, render] of GENERATED_PAGES) {
    t.equal(readFileSync(join(ROOT, page), "utf8"), render(), `run: node scripts/pages.mjs (${page})`);
  }
});

t.test("given every page, when its links are followed, then the files are there", async (t) => {
  for (const page of PAGES) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (target === undefined || target.includes("://")) continue;
      t.ok(existsSync(join(ROOT, normalize(join(dirname(page), target)))), `${page} links to ${target}`);
    }
  }
});

t.test(
  "given every error code in the sources, when it is looked up, then the catalogue has it",
  async (t) => {
    const catalogue = readFileSync(join(ROOT, "core/errors.ts"), "utf8");
    const folders = ["core", "platform", "grpc-api", "toolchain", "node", "control", "esp32", "cli"];
    const used = new Set<string>();
    for (const path of folders.flatMap((folder) => filesBelow(folder, ".ts"))) {
      for (const [code] of readFileSync(join(ROOT, path), "utf8").matchAll(/EDGELESS_[A-Z0-9_]+/g))
        used.add(code);
    }
    for (const code of ["EDGELESS_LOG", "EDGELESS_CONTROLLER_URL", "EDGELESS_WIFI_PASSWORD"])
      used.delete(code);
    for (const code of used) t.ok(catalogue.includes(`  ${code}: {`), code);
  },
);
