import { existsSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { plainWriteReason, readUserFile } from "../../platform/read-file.js";

/**
 * Reads a TOML configuration file and hands it to the parser of the component.
 * @throws EdgelessError EDGELESS_CONFIG_MISSING, EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_CONFIG
 */
export function readConfig<T>(path: string, parseConfig: (raw: unknown) => T): T {
  if (!existsSync(path))
    throw new EdgelessError("EDGELESS_CONFIG_MISSING", `there is no configuration file ${path}`);
  const text = readUserFile(path)
    .toString("utf8")
    .replace(/^\ufeff/, "");
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    const place = error instanceof TomlError ? `:${error.line}:${error.column}` : "";
    const reason = reasonOf(error).split("\n")[0] ?? "";
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `${path}${place}: ${reason}`, error);
  }
  try {
    return parseConfig(raw);
  } catch (error) {
    if (error instanceof EdgelessError)
      throw new EdgelessError(error.code, `${path}: ${error.message}`, error);
    throw error;
  }
}

/**
 * Writes a template unless the file exists.
 * @throws EdgelessError EDGELESS_FILE_EXISTS, EDGELESS_FILE_UNREADABLE
 */
export function writeTemplate(path: string, text: string): void {
  if (existsSync(path))
    throw new EdgelessError("EDGELESS_FILE_EXISTS", `${path} exists and is kept as it is`);
  try {
    writeFileAtomically(path, text);
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_FILE_UNREADABLE",
      `cannot write ${path}: ${plainWriteReason(error)}`,
      error,
    );
  }
}
