import type { SqlResult } from "./sql-client.js";

/** The text that a call is answered with, as the Rust node writes it. */
export function formatAnswer(result: SqlResult): string {
  switch (result.type) {
    case "refused":
      return result.reason;
    case "written":
      return `rows_affected: ${result.affected}, last_insert_rowid: ${result.lastId}.`;
    case "row":
      return result.row === undefined
        ? "no rows returned by a query that expected to return at least one row"
        : formatRow(result.row);
  }
}

/** A row as `{"id":…,"metadata":…}`; the JSON of the second column stands there as the database gave it. */
function formatRow(row: readonly unknown[]): string {
  const [id, metadata] = row;
  if (row.length < 2) return "the row must have two columns, an id and a JSON text";
  if (typeof id !== "string") return "error occurred while decoding column 0: it is not a text";
  if (typeof metadata !== "string" || !isJson(metadata))
    return "error occurred while decoding column 1: it is not a JSON text";
  return `{"id":${JSON.stringify(id)},"metadata":${metadata}}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
