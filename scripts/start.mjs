// npm start: everything that is missing, then the system in a box with the demo workflow.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./freshness.mjs";
import { build, install } from "./steps.mjs";

install();
build();
process.argv.splice(2, 0, "box", "--demo");
await import(pathToFileURL(join(ROOT, "dist/cli/main.js")).href);
