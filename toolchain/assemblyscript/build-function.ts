import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readUserFile } from "../../platform/read-file.js";
import { prepareImage } from "../image/prepare.js";
import type { BuildProfile } from "./build-profile.js";
import type { BuildReport } from "./build-report.js";
import { CompilerProcess } from "./compiler-process.js";
import { compileError, type Diagnostic, seenFrom } from "./diagnostic.js";
import { functionPackageText, PACKAGE_FILE, readFunctionPackage } from "./function-package.js";
import { sdkFolder } from "./sdk-folder.js";
import { writeOutput } from "./write-output.js";

/** The whole address space. */
const MAX_PAGES = 65536;

/** How to build a function. */
export interface BuildOptions {
  /** Default: that of `function.json`, or normal. */
  readonly profile?: BuildProfile;
  /** Where `NAME.wasm` and `function.json` go; default: the function's own folder. */
  readonly outFolder?: string;
  /** A compiler to use and leave running; default: one that ends with this build. */
  readonly compiler?: CompilerProcess;
}

/**
 * Builds the function of a folder: `function.json` names it and its source file. Writes `NAME.wasm` and
 * `function.json` with the output channels found in the source.
 * @throws EdgelessError EDGELESS_COMPILE with file, line, column and source line; EDGELESS_WASM_ABI when a host could
 * not load the module (nothing is written then); EDGELESS_BAD_PACKAGE; EDGELESS_FILE_UNREADABLE
 */
export async function buildFunction(folder: string, options: BuildOptions = {}): Promise<BuildReport> {
  const started = performance.now();
  const path = resolve(folder);
  const content = readFunctionPackage(folder);
  const profile = options.profile ?? content.profile ?? "normal";
  readUserFile(join(folder, content.build));
  const compiler = options.compiler ?? new CompilerProcess();
  const task = { folder: path, entry: content.build, functionId: content.id, profile, sdk: sdkFolder() };
  const outFolder = resolve(options.outFolder ?? path);
  const wasmFile = join(outFolder, `${content.id}.wasm`);
  try {
    const { wasm, diagnostics, ...compilation } = await compiler.compile(task);
    if (wasm === undefined) throw compileError(folder, diagnostics);
    checkModule(folder, wasm, compilation.hostCalls);
    writeOutput(wasmFile, wasm);
    writeIfChanged(
      join(outFolder, PACKAGE_FILE),
      functionPackageText({ ...content, outputs: [...compilation.outputs] }),
    );
    return {
      id: content.id,
      folder: path,
      profile,
      wasmFile,
      size: wasm.length,
      outputs: compilation.outputs,
      memory: compilation.memory,
      memoryReason: compilation.memoryReason,
      warnings: diagnostics.map((each) => seenFrom(folder, each)),
      inputs: [join(path, PACKAGE_FILE), ...compilation.inputs],
      duration: performance.now() - started,
    };
  } finally {
    if (options.compiler === undefined) compiler.close();
  }
}

/** How much memory a node grants is its own affair; all else must be so that any node can load the module. */
function checkModule(folder: string, wasm: Uint8Array, hostCalls: readonly Diagnostic[]): void {
  try {
    prepareImage(wasm, { maxMemoryPages: MAX_PAGES });
  } catch (thrown) {
    throw hostCalls.length > 0 ? compileError(folder, hostCalls) : thrown;
  }
}

/** An unchanged file keeps its time, so that nothing that watches it starts again. */
function writeIfChanged(path: string, text: string): void {
  try {
    if (readFileSync(path, "utf8") === text) return;
  } catch {
    // Not there yet.
  }
  writeOutput(path, text);
}
