// Writes the pages in docs/ that follow from the code; needs a build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./freshness.mjs";

const { GENERATED_PAGES } = await import(pathToFileURL(join(ROOT, "dist/test/kit/generated-pages.js")).href);
for (const [page, render] of GENERATED_PAGES) writeFileSync(join(ROOT, page), render());
