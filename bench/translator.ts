/*
 * Prints what the shipped functions are in bytes when they are translated for boards, and, where ESPRUINO names an interpreter for
 * Linux, what they cost there.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { floatCosts, renderFloatCosts } from "./float-costs.js";
import { MeasuringInterpreter } from "./interpreter-costs.js";
import { runningCosts } from "./running-costs.js";
import { libraryModules, translationSize } from "./translation-sizes.js";
import { type MeasuredCells, measuredCells, renderTable, rowKey } from "./translation-table.js";

let root = dirname(fileURLToPath(import.meta.url));
while (!existsSync(join(root, "package.json"))) root = dirname(root);

const { ESPRUINO } = process.env;
const interpreter =
  ESPRUINO === undefined || ESPRUINO === "" ? undefined : new MeasuringInterpreter(ESPRUINO);
const modules = await libraryModules(root);
const sizes = modules.map(translationSize);
const measured = new Map<string, MeasuredCells>();
for (const module of interpreter === undefined ? [] : modules) {
  if (interpreter !== undefined) {
    measured.set(rowKey(module), measuredCells(await runningCosts(interpreter, module)));
  }
}
process.stdout.write(`${renderTable(sizes, measured)}\n`);
const mean = sizes.reduce((sum, { wasmBytes, textBytes }) => sum + textBytes / wasmBytes, 0) / sizes.length;
process.stdout.write(`mean ratio ${mean.toFixed(2)}\n`);
if (interpreter !== undefined) {
  process.stdout.write(`\n${renderFloatCosts(await floatCosts(interpreter))}\n`);
} else {
  process.stdout.write("memory, variables and turns were not measured: ESPRUINO names no interpreter\n");
}
