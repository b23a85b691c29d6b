import { EdgelessError, reasonOf } from "../core/errors.js";

/** Where a command writes: results on standard output, everything else on standard error. */
export interface Output {
  /** True when results are wanted as JSON. */
  readonly json: boolean;
  /** A result: `text` for people, or `value` as one line of JSON. */
  result(text: string, value: unknown): void;
  /** Progress and remarks; never part of a result. */
  note(text: string): void;
}

/** The output of a command that was called with or without `--json`. */
export function createOutput(json: boolean): Output {
  return {
    json,
    result(text, value) {
      if (json) process.stdout.write(`${JSON.stringify(value, toJson)}\n`);
      else if (text !== "") process.stdout.write(`${text}\n`);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
  };
}

/** Prints what ended a command: the sentence, its stable code and the help. */
export function printError(error: unknown, json: boolean): void {
  const known = error instanceof EdgelessError;
  const code = known ? error.code : "EDGELESS_INTERNAL";
  const help = known ? error.help : new EdgelessError("EDGELESS_INTERNAL", "").help;
  const message = reasonOf(error);
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, help } })}\n`);
  else {
    // What follows the sentence, such as lines of source, stands as it is.
    const [sentence = "", ...details] = message.split("\n");
    process.stderr.write(`${[`Error: ${sentence} [${code}]`, ...details, `Help: ${help}`].join("\n")}\n`);
  }
  if (!known && error instanceof Error && !json) process.stderr.write(`${error.stack ?? ""}\n`);
}

function toJson(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return undefined;
  return value;
}
