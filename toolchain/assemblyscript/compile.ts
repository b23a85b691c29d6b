import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import asc from "assemblyscript/asc";
import { type BuildProfile, compilerArguments, type MemoryScheme } from "./build-profile.js";
import { ClassTransform } from "./class-transform.js";
import type { Compilation, CompileTask } from "./compilation.js";
import { type Diagnostic, diagnosticAt, diagnosticWithoutPlace } from "./diagnostic.js";
import { ENTRY_FILE, entrySource } from "./entry-source.js";
import { functionFault, handlerWarnings } from "./function-fault.js";
import { explained, plainMessage } from "./plain-message.js";
import { smallerModule } from "./smaller-module.js";
import { readSourceFacts, type SourceFacts } from "./source-facts.js";
import { SourceFiles } from "./source-files.js";

const OUT_FILE = "module.wasm";
/** `DiagnosticCategory.Error` of the compiler. */
const CATEGORY_ERROR = 3;

/** Compiles one function in this process, which keeps some hundred megabytes afterwards. */
export async function compile(task: CompileTask): Promise<Compilation> {
  const path = join(task.folder, task.entry);
  const text = readFileSync(path, "utf8");
  const facts = readSourceFacts(text);
  const { memory, reason } = memoryScheme(task.profile, facts);
  const complaint = functionFault(facts);
  if (complaint !== undefined) {
    // A syntax error can hide the class.
    const errors = facts.classes.length === 0 ? await syntaxErrors(task) : [];
    const { message, offset } = complaint;
    return {
      wasm: undefined,
      diagnostics: errors.length > 0 ? errors : [diagnosticAt("error", message, task.entry, text, offset)],
      outputs: [],
      hostCalls: [],
      memory,
      memoryReason: reason,
      inputs: [path],
    };
  }
  const [found] = facts.classes;
  const entry = entrySource({
    module: task.entry.replace(/\.ts$/, ""),
    className: found?.name ?? "",
    handlers: found?.handlers,
    functionId: task.functionId,
    profile: task.profile,
    memory,
  });
  const run = await runCompiler(
    task,
    [ENTRY_FILE, ...compilerArguments(task.profile, memory)],
    entry,
    memory,
  );
  const { wasm } = run;
  const small = wasm !== undefined && memory === "arena" ? smallerModule(wasm) : wasm;
  const warnings = handlerWarnings(found).map(({ message, offset }) =>
    diagnosticAt("warning", message, task.entry, text, offset),
  );
  const diagnostics = [...withoutEntry(run.diagnostics, task.entry, text, found?.offset ?? 0), ...warnings];
  return { ...run, wasm: small, diagnostics, memory, memoryReason: reason };
}

function memoryScheme(
  profile: BuildProfile,
  facts: SourceFacts,
): { memory: MemoryScheme; reason: string | undefined } {
  if (profile !== "tiny") return { memory: "collected", reason: undefined };
  const reason = facts.importsOwnFiles ? "the source has several files" : facts.keepsObjects;
  return { memory: reason === undefined ? "arena" : "collected", reason };
}

/** What the compiler says of the generated entry is about the class that it joins; other complaints say it better. */
function withoutEntry(
  diagnostics: readonly Diagnostic[],
  file: string,
  text: string,
  offset: number,
): Diagnostic[] {
  const others = diagnostics.filter((diagnostic) => diagnostic.file !== ENTRY_FILE);
  if (others.some(({ severity }) => severity === "error")) return others;
  return diagnostics.map((diagnostic) =>
    diagnostic.file === ENTRY_FILE
      ? diagnosticAt(diagnostic.severity, diagnostic.message, file, text, offset)
      : diagnostic,
  );
}

async function syntaxErrors(task: CompileTask): Promise<readonly Diagnostic[]> {
  const { diagnostics } = await runCompiler(task, [task.entry, "--noEmit"], "", "collected");
  return diagnostics.filter((diagnostic) => diagnostic.severity === "error");
}

async function runCompiler(
  task: CompileTask,
  args: readonly string[],
  entry: string,
  memory: MemoryScheme,
): Promise<Omit<Compilation, "memory" | "memoryReason">> {
  const files = new SourceFiles(task.sdk, new Map([[ENTRY_FILE, entry]]));
  const transform = new ClassTransform(memory);
  const diagnostics: Diagnostic[] = [];
  let wasm: Uint8Array | undefined;
  const { error } = await asc.main([...args, "--outFile", OUT_FILE, "--baseDir", task.folder], {
    stdout: asc.createMemoryStream(),
    stderr: asc.createMemoryStream(),
    readFile: (name, folder) => files.text(name, folder),
    writeFile: (name, contents) => {
      if (name === OUT_FILE && typeof contents !== "string") wasm = contents;
    },
    listFiles: () => null,
    transforms: [transform as unknown as asc.Transform],
    reportDiagnostic: ({ category, message, range }) => {
      const severity = category === CATEGORY_ERROR ? "error" : "warning";
      const plain = plainMessage(message);
      if (range === null) diagnostics.push({ ...diagnosticWithoutPlace(plain), severity });
      else diagnostics.push(explained(place(task, files, severity, plain, range, entry)));
    },
  });
  const failed = diagnostics.some((diagnostic) => diagnostic.severity === "error");
  if (error !== null && !failed) diagnostics.push(diagnosticWithoutPlace(error.message));
  return {
    wasm: error === null ? wasm : undefined,
    diagnostics,
    outputs: transform.outputs,
    hostCalls: transform.hostCalls.map(({ message, path, offset }) =>
      place(task, files, "error", message, { start: offset, source: { normalizedPath: path } }, entry),
    ),
    inputs: [...files.read.keys()],
  };
}

function place(
  task: CompileTask,
  files: SourceFiles,
  severity: Diagnostic["severity"],
  message: string,
  range: { readonly start: number; readonly source: { readonly normalizedPath: string } | null },
  entry: string,
): Diagnostic {
  const name = range.source?.normalizedPath ?? ENTRY_FILE;
  const path = files.pathOf(name, task.folder);
  const text = name === ENTRY_FILE ? entry : files.read.get(path);
  if (text === undefined) return { ...diagnosticWithoutPlace(`${message} (${name})`), severity };
  const inside = relative(task.folder, path);
  return diagnosticAt(severity, message, inside.startsWith("..") ? name : inside, text, range.start);
}
