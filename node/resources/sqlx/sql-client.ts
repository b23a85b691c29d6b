import type { SqlStatement } from "./sql-statement.js";

/** How a statement ended: with the first row (undefined: none), written, or refused with the database's words. */
export type SqlResult =
  | { readonly type: "row"; readonly row: readonly unknown[] | undefined }
  | { readonly type: "written"; readonly affected: number; readonly lastId: number }
  | { readonly type: "refused"; readonly reason: string };

/** An open connection to a database that has the table of workflow states. */
export interface SqlClient {
  /**
   * Runs a statement with the workflow id in its placeholders.
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, or EDGELESS_REJECTED when the database cannot store
   */
  run(statement: SqlStatement, workflowId: string): Promise<SqlResult>;
  close(): Promise<void>;
}

/** How a connection is opened. */
export interface SqlClientOptions {
  /** Longest run of one statement, milliseconds. */
  readonly statementTimeoutMs: number;
  /** Called when the connection breaks while nothing runs on it. */
  readonly onLost: (error: unknown) => void;
}

/** The table that every database gets. */
export const CREATE_TABLE = {
  sqlite: "CREATE TABLE IF NOT EXISTS WorkflowState (id VARCHAR(255) PRIMARY KEY, metadata JSONB NOT NULL)",
  postgres: "CREATE TABLE IF NOT EXISTS WorkflowState (id VARCHAR(255) PRIMARY KEY, metadata JSONB NOT NULL)",
  mysql: "CREATE TABLE IF NOT EXISTS WorkflowState (id VARCHAR(255) PRIMARY KEY, metadata JSON NOT NULL)",
};

/** Longest wait for a connection, milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** Longest run of one statement, milliseconds. */
export const STATEMENT_TIMEOUT_MS = 10_000;
