import type { InterpreterCosts } from "./interpreter-costs.js";

/** What translating one module gives. */
export interface TranslationSize {
  readonly id: string;
  readonly profile: string;
  readonly wasmBytes: number;
  readonly textBytes: number;
}

/** What it costs to run it, with so much memory. */
export interface RunningCosts extends InterpreterCosts {
  readonly memoryBytes: number;
}

/** The measured part of a row as text. */
export type MeasuredCells = string;

const BEGIN = "<!-- table: node scripts/translation-table.mjs -->";
const END = "<!-- end of table -->";
const HEAD = `| function | profile | wasm | translated | ratio | over the air | memory | variables | turns |
|---|---|---:|---:|---:|---:|---:|---:|---:|`;
const NOT_MEASURED: MeasuredCells = " | | |";

/** A block of an image, and what a request and its acknowledgement add to it. */
const BLOCK_BYTES = 256;
const BLOCK_OVERHEAD_BYTES = 41;

/** Bytes of UDP payload that bring a text to a device. */
export function bytesOverTheAir(textBytes: number): number {
  return textBytes + Math.ceil(textBytes / BLOCK_BYTES) * BLOCK_OVERHEAD_BYTES;
}

/** The key of a row. */
export function rowKey({ id, profile }: Pick<TranslationSize, "id" | "profile">): string {
  return `| \`${id}\` | ${profile} |`;
}

/** The measured cells for a function that was measured; undefined: it does not run there. */
export function measuredCells(costs: RunningCosts | undefined): MeasuredCells {
  if (costs === undefined) {
    return " | does not run | |";
  }
  const turns = costs.turns === undefined ? "" : String(Math.round(costs.turns));
  return ` ${costs.memoryBytes} | ${costs.variables} | ${turns} |`;
}

/** The table in Markdown. */
export function renderTable(
  sizes: readonly TranslationSize[],
  measured: ReadonlyMap<string, MeasuredCells>,
): string {
  const rows = sizes.map((size) => {
    const { wasmBytes, textBytes } = size;
    const ratio = (textBytes / wasmBytes).toFixed(2);
    const cells = measured.get(rowKey(size)) ?? NOT_MEASURED;
    return `${rowKey(size)} ${wasmBytes} | ${textBytes} | ${ratio} | ${bytesOverTheAir(textBytes)} |${cells}`;
  });
  return [HEAD, ...rows].join("\n");
}

/** The measured cells that a page has, by key. */
export function measuredIn(page: string): Map<string, MeasuredCells> {
  const cells = new Map<string, MeasuredCells>();
  for (const [, key = "", measured = ""] of page.matchAll(
    /^(\| `\w+` \| \w+ \|) \d+ \| \d+ \| [\d.]+ \| \d+ \|(.*)$/gm,
  )) {
    cells.set(key, measured);
  }
  return cells;
}

/** The page with another table. Throws an Error when it has no place for one. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) {
    throw new Error("the page has no place for the table");
  }
  return `${page.slice(0, from)}${BEGIN}\n${table}\n${page.slice(to)}`;
}
