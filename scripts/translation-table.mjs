// Writes the table of docs/translator.md from the modules in dist/functions. What is measured on an interpreter is measured when
// ESPRUINO names one, and kept as it is otherwise.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";

const { libraryModules, translationSize } = await import("../dist/bench/translation-sizes.js");
const { measuredCells, measuredIn, renderTable, rowKey, withTable } = await import(
  "../dist/bench/translation-table.js"
);
const { MeasuringInterpreter } = await import("../dist/bench/interpreter-costs.js");
const { runningCosts } = await import("../dist/bench/running-costs.js");

const file = join(ROOT, "docs", "translator.md");
const page = readFileSync(file, "utf8");
const modules = await libraryModules(ROOT);
const measured = measuredIn(page);
const { ESPRUINO } = process.env;
if (ESPRUINO !== undefined && ESPRUINO !== "") {
  const interpreter = new MeasuringInterpreter(ESPRUINO);
  for (const module of modules) {
    const costs = await runningCosts(interpreter, module);
    measured.set(rowKey(module), measuredCells(costs));
    process.stderr.write(`${rowKey(module)}${measured.get(rowKey(module))}\n`);
  }
}
writeFileSync(file, withTable(page, renderTable(modules.map(translationSize), measured)));
