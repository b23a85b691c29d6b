import { join } from "node:path";
import { EdgelessError } from "../../core/errors.js";

/** One complaint of the compiler. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Path of the file as a person would name it; undefined when the complaint is about the whole module. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** The line of source, without its line end. */
  readonly source: string;
}

/** Finds the line of an offset in UTF-16 code units. */
export function diagnosticAt(
  severity: Diagnostic["severity"],
  message: string,
  file: string,
  text: string,
  offset: number,
): Diagnostic {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = text.indexOf("\n", lineStart);
  return {
    severity,
    message,
    file,
    line: before.split("\n").length,
    column: offset - lineStart + 1,
    source: text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, ""),
  };
}

/** A complaint without a place. */
export function diagnosticWithoutPlace(message: string): Diagnostic {
  return { severity: "error", message, file: undefined, line: 0, column: 0, source: "" };
}

/** `file:line:column: error: message`, then the line of source and a mark under the column. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { severity, message, file, line, column, source } = diagnostic;
  if (file === undefined) return `${severity}: ${message}`;
  const margin = source.slice(0, column - 1).replace(/[^\t]/g, " ");
  return `${file}:${line}:${column}: ${severity}: ${message}\n  ${source}\n  ${margin}^`;
}

/** The same complaint with the file named from where the person is who named the function's folder. */
export function seenFrom(folder: string, diagnostic: Diagnostic): Diagnostic {
  const { file } = diagnostic;
  return file === undefined || file.startsWith("~lib/")
    ? diagnostic
    : { ...diagnostic, file: join(folder, file) };
}

/** Makes the error that a failed compilation ends with: EDGELESS_COMPILE, one paragraph per complaint. */
export function compileError(folder: string, diagnostics: readonly Diagnostic[]): EdgelessError {
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  const text = errors.map((each) => formatDiagnostic(seenFrom(folder, each))).join("\n");
  return new EdgelessError("EDGELESS_COMPILE", `${folder} does not compile\n${text}`);
}
