import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFunction } from "../toolchain/assemblyscript/build-function.js";
import { CompilerProcess } from "../toolchain/assemblyscript/compiler-process.js";
import { PACKAGE_FILE } from "../toolchain/assemblyscript/function-package.js";
import { translateModule } from "../toolchain/translate/translate.js";
import type { MeasuringInterpreter } from "./interpreter-costs.js";

/** Numbers of few digits, of as many as there are, and at the ends of the range. */
const NUMBERS = {
  f32: ["21.5", "0.1", "-273.15", "3.1415927", "16777216", "1e-20", "3.4028235e38"],
  f64: [
    "21.5",
    "0.1",
    "-273.15",
    "3.141592653589793",
    "9007199254740993",
    "1e-200",
    "1.7976931348623157e308",
  ],
} as const;

const MEMORY_BYTES = 8192;

/** What a number costs, in turns of the empty loop. */
export interface FloatCosts {
  readonly type: "f32" | "f64";
  readonly number: string;
  /** From text to the number. */
  readonly read: number;
  /** From the number to its shortest text. */
  readonly written: number;
}

/** Measures reading and writing of floats: what functions that do so take longer than one that does not. */
export async function floatCosts(interpreter: MeasuringInterpreter): Promise<FloatCosts[]> {
  const compiler = new CompilerProcess();
  try {
    const costs: FloatCosts[] = [];
    for (const type of ["f32", "f64"] as const) {
      const bodies = {
        nothing: "out.castBytes(event.ptr, event.len);",
        read: `if (event.${type}() != 0) out.castBytes(event.ptr, event.len);`,
        written: `out.cast(num.${type}Text(event.${type}()));`,
      };
      const texts = new Map<string, string>();
      for (const [name, body] of Object.entries(bodies)) {
        texts.set(name, await translated(compiler, body));
      }
      for (const number of NUMBERS[type]) {
        const turns = async (name: keyof typeof bodies) => {
          const measured = await interpreter.measure(texts.get(name) ?? "", { init: "", event: number });
          return measured?.turns ?? Number.NaN;
        };
        const nothing = await turns("nothing");
        const read = await turns("read");
        const written = await turns("written");
        costs.push({ type, number, read: read - nothing, written: written - read });
      }
    }
    return costs;
  } finally {
    compiler.close();
  }
}

async function translated(compiler: CompilerProcess, body: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-floats-"));
  try {
    writeFileSync(
      join(folder, "floats.ts"),
      `import { EdgeFunction, Event, num, Output } from "edgeless";
const out = new Output("out");
@edgeFunction
class Floats extends EdgeFunction {
  onCast(event: Event): void {
    num.ok();
    ${body}
  }
}
`,
    );
    const content = {
      id: "floats",
      version: "1",
      function_type: "RUST_WASM",
      outputs: [],
      build: "floats.ts",
    };
    writeFileSync(join(folder, PACKAGE_FILE), JSON.stringify(content));
    const { wasmFile } = await buildFunction(folder, { profile: "tiny", compiler });
    return translateModule(readFileSync(wasmFile), { maxMemoryBytes: MEMORY_BYTES }).code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As a table in Markdown. */
export function renderFloatCosts(costs: readonly FloatCosts[]): string {
  const rows = costs.map(
    ({ type, number, read, written }) =>
      `| ${type} | \`${number}\` | ${Math.round(read)} | ${Math.round(written)} |`,
  );
  return ["| type | number | text to number | number to text |", "|---|---|---:|---:|", ...rows].join("\n");
}
