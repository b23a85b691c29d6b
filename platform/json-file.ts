import type { z } from "zod";
import { EdgelessError, type ErrorCode, reasonOf } from "../core/errors.js";
import { lineAt, lineOfPath } from "./json-location.js";
import { plainFault } from "./plain-fault.js";
import { readUserFile } from "./read-file.js";

/** Some editors begin a file with it. */
const BYTE_ORDER_MARK = /^\ufeff/;

/**
 * Reads a JSON file and checks its shape.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, or `code` naming file, line, field and reason of every fault
 */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>, code: ErrorCode): T {
  const text = readUserFile(path).toString("utf8").replace(BYTE_ORDER_MARK, "");
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new EdgelessError(
      code,
      `${path}:${syntaxErrorLine(text, error)}: not JSON: ${reasonOf(error)}`,
      error,
    );
  }
  const result = schema.safeParse(raw, { error: plainFault });
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    ({ path: at, message }) => `${path}:${lineOfPath(text, at)}: ${fieldName(at)}: ${message}`,
  );
  throw new EdgelessError(code, faults.join("\n"), result.error);
}

/** A path into a JSON or TOML document in the usual notation. */
export function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "document";
  return path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : `${i > 0 ? "." : ""}${String(step)}`))
    .join("");
}

function syntaxErrorLine(text: string, error: unknown): number {
  const position = /position (\d+)/.exec(reasonOf(error));
  return lineAt(text, position === null ? text.length : Number(position[1]));
}
