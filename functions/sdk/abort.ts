import { log } from "./log";

/** What a failed assertion, a thrown error or an index out of range does in the debug profile: says so and traps. */
export function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  const text = message === null ? "aborted" : message;
  const file = fileName === null ? "?" : fileName;
  log.error(text + " at " + file + ":" + line.toString() + ":" + column.toString());
  unreachable();
}
