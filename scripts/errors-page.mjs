// Writes docs/errors.md from the catalogue in core/errors.ts; needs a build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./freshness.mjs";

const { renderErrorsPage } = await import(pathToFileURL(join(ROOT, "dist/test/kit/errors-page.js")).href);
writeFileSync(join(ROOT, "docs/errors.md"), renderErrorsPage());
