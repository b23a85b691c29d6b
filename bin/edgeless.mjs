#!/usr/bin/env node
// The command `edgeless` of a clone: builds what is missing or outdated, then runs it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../scripts/freshness.mjs";
import { build, install } from "../scripts/steps.mjs";

install();
build();
await import(pathToFileURL(join(ROOT, "dist/cli/main.js")).href);
