import { EdgelessError } from "../../core/errors.js";
import { analyseModule } from "../image/analyse-module.js";
import { abiFaults } from "../image/check-abi.js";
import { SUSPENDING_IMPORTS } from "../image/guest-abi.js";
import { writeSuspendableModule } from "../image/write-prepared-module.js";
import { ByteReader, badWasm } from "../wasm/byte-reader.js";
import { PORTABLE_FEATURES } from "../wasm/feature.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { readModule } from "../wasm/read-module.js";
import type { WasmModule } from "../wasm/wasm-module.js";
import type { MemoryPlan } from "./module-names.js";
import { ModuleWriter } from "./module-text.js";
import { settled } from "./sign-facts.js";
import { type DataSegment, readData, readGlobals } from "./static-parts.js";

const PAGE = 65_536;

/** Functions inside each other that recursion may reach, and that a module may have without it. */
const MAX_RECURSION = 200;
const MAX_CALL_DEPTH = 200;

/** Bytes of a module beyond which no translation is tried: its text would not fit on any board. */
const MAX_MODULE_BYTES = 256 * 1024;
const MAX_TEXT_BYTES = 1024 * 1024;

/** Passes over a module to find out about signs, and bytes beyond which there is only one. */
const MAX_PASSES = 12;
const MAX_STUDIED_BYTES = 32 * 1024;

/** Bounds for the translated function. */
export interface TranslateOptions {
  /** Linear memory in bytes; what a page of 64 KiB has beyond it is a trap. */
  readonly maxMemoryBytes: number;
  /** Characters of the text; default: a megabyte. */
  readonly maxTextBytes?: number;
}

/** A function as JavaScript that the interpreter of a board runs. */
export interface TranslatedModule {
  /** An expression: a function of the environment that gives the list of exports (see `js-guest.ts`). ASCII only. */
  readonly code: string;
  /** Linear memory at the start. */
  readonly memoryBytes: number;
  readonly suspends: boolean;
  /** Functions in the text. */
  readonly functions: number;
  /** Most functions inside each other, recursion counted once. */
  readonly callDepth: number;
}

/**
 * Translates a module that keeps to the guest ABI, as it came from its author. The same module and options always give
 * the same text. Throws EDGELESS_BAD_WASM, EDGELESS_WASM_ABI (what cannot be translated, by name) or
 * EDGELESS_WASM_TOO_LARGE.
 */
export function translateModule(wasm: Uint8Array, options: TranslateOptions): TranslatedModule {
  if (wasm.length > MAX_MODULE_BYTES) {
    throw tooLarge(`the module has ${wasm.length} bytes, ${MAX_MODULE_BYTES} can be translated`);
  }
  const analysis = analyseModule(wasm);
  const refused = analysis.info.features.filter((feature) => !PORTABLE_FEATURES.has(feature));
  if (refused.length > 0) {
    throw badWasm(0, `it uses ${refused.join(", ")}, which functions may not`);
  }
  const [fault] = abiFaults(analysis.info);
  if (fault !== undefined) {
    throw new EdgelessError("EDGELESS_WASM_ABI", fault);
  }
  const suspends = analysis.info.imports.some(({ name }) => SUSPENDING_IMPORTS.has(name));
  const module = suspends ? readModule(writeSuspendableModule(analysis)) : analysis.module;
  const constants = readGlobals(module);
  const data = readData(module, constants);
  const memory = memoryPlan(module, options.maxMemoryBytes, uses(module, Op.memorySize));
  checkData(data, memory.bytes);
  const usesGrowth = uses(module, Op.memoryGrow);
  const limits = { maxTextBytes: options.maxTextBytes ?? MAX_TEXT_BYTES, maxRecursion: MAX_RECURSION };
  const { code, functions, callDepth } = settled(
    wasm.length > MAX_STUDIED_BYTES ? 0 : MAX_PASSES,
    (signs) => {
      const writer = new ModuleWriter(module, memory, constants, data, limits, signs);
      writer.usesGrowth = usesGrowth;
      return writer.write();
    },
  );
  if (callDepth > MAX_CALL_DEPTH) {
    throw tooLarge(`its calls are ${callDepth} deep, boards allow ${MAX_CALL_DEPTH}`);
  }
  return { code, memoryBytes: memory.bytes, suspends, functions, callDepth };
}

function memoryPlan({ memories }: WasmModule, maxBytes: number, asksForSize: boolean): MemoryPlan {
  const { min = 0, max } = memories[0] ?? {};
  const mostPages = Math.max(min, Math.min(max ?? PAGE, Math.floor(maxBytes / PAGE)));
  const allowed = Math.max(8, Math.floor(maxBytes / 8) * 8);
  return {
    bytes: Math.min(min * PAGE, allowed),
    end: asksForSize && min * PAGE > allowed ? min * PAGE : undefined,
    mostBytes: Math.min(mostPages * PAGE, allowed),
    pages: min,
    mostPages,
  };
}

function checkData(segments: readonly DataSegment[], bytes: number): void {
  for (const { offset, bytes: content } of segments) {
    if (offset !== undefined && offset + content.length > bytes) {
      throw tooLarge(
        `the function's data ends at ${offset + content.length}, it may have ${bytes} bytes of memory`,
      );
    }
  }
}

function uses({ bytes, bodies }: WasmModule, opcode: number): boolean {
  return bodies.some(({ start, end }) => {
    const instruction = new InstructionReader(new ByteReader(bytes, start, end));
    while (instruction.next()) {
      if (instruction.opcode === opcode) {
        return true;
      }
    }
    return false;
  });
}

function tooLarge(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_WASM_TOO_LARGE", reason);
}
