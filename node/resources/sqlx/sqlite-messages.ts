/** One statement for the SQLite process, with the value of each of its placeholders. */
export interface SqliteRequest {
  readonly text: string;
  readonly kind: "read" | "write";
  readonly values: readonly string[];
}

/** How it ended, and the sign that the process is ready; `code` is SQLite's name of the error. */
export type SqliteReply =
  | { readonly type: "row"; readonly row: readonly (string | null)[] | undefined }
  | { readonly type: "written"; readonly affected: number; readonly lastId: number }
  | { readonly type: "error"; readonly code: string; readonly reason: string };
