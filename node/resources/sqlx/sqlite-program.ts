/*
 * The process that works on one SQLite file, named by its argument. SQLite computes without a pause: here it can take
 * as long as it likes without holding the node, and it can be ended.
 */
import { statSync } from "node:fs";
import Database from "libsql";
import { reasonOf } from "../../../core/errors.js";
import { CREATE_TABLE } from "./sql-client.js";
import type { SqliteReply, SqliteRequest } from "./sqlite-messages.js";

/** Longest wait for another program that works on the file, milliseconds. */
const BUSY_MS = 5_000;
/** Longest row that is given back, UTF-16 units. */
const LONGEST_ROW = 16 * 1024 * 1024;

interface OpenFile {
  readonly database: Database.Database;
  readonly inode: number;
}

const [path = ""] = process.argv.slice(2);
let open: OpenFile | undefined;

/** The database, opened again when somebody removed or replaced the file. */
function database(): Database.Database {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  if (open !== undefined && open.inode === inode) return open.database;
  open?.database.close();
  open = undefined;
  const opened = new Database(path, { timeout: BUSY_MS });
  opened.exec(CREATE_TABLE.sqlite);
  open = { database: opened, inode: statSync(path).ino };
  return opened;
}

function run(database: Database.Database, { text, kind, values }: SqliteRequest): SqliteReply {
  const statement = database.prepare(text);
  if (kind === "write") {
    const { changes, lastInsertRowid } = statement.run(...values);
    return { type: "written", affected: changes, lastId: Number(lastInsertRowid) };
  }
  const [first] = statement.raw(true).iterate(...values);
  if (!Array.isArray(first)) return { type: "row", row: undefined };
  const row = first.slice(0, 2).map((value: unknown) => (typeof value === "string" ? value : null));
  const length = row.reduce((sum, value) => sum + (value?.length ?? 0), 0);
  if (length > LONGEST_ROW) return { type: "error", code: "SQLITE_TOOBIG", reason: "the row is too long" };
  return { type: "row", row };
}

function answer(request: SqliteRequest): SqliteReply {
  let opened: Database.Database;
  try {
    opened = database();
  } catch (error) {
    // Whatever goes wrong here is about the file; not every such error has a code.
    return { type: "error", code: "SQLITE_CANTOPEN", reason: reasonOf(error) };
  }
  try {
    return run(opened, request);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return { type: "error", code, reason: reasonOf(error) };
  }
}

process.on("message", (request: SqliteRequest) => process.send?.(answer(request)));
process.send?.({ type: "row", row: undefined } satisfies SqliteReply);
process.on("disconnect", () => process.exit(0));
