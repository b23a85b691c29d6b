import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../../core/clock.js";
import { EdgelessError } from "../../../core/errors.js";
import { LATE, withDeadline } from "../../../platform/deadline.js";
import type { SqlClient, SqlClientOptions, SqlResult } from "./sql-client.js";
import type { SqlStatement } from "./sql-statement.js";
import type { SqliteReply, SqliteRequest } from "./sqlite-messages.js";

/** Longest wait for the process to start, milliseconds. */
const START_TIMEOUT_MS = 15_000;
/** Errors of SQLite that tell of the file and the disk rather than of the statement. */
const FILE_TROUBLE =
  /^SQLITE_(FULL|IOERR|CANTOPEN|CORRUPT|NOTADB|READONLY|PERM|AUTH|BUSY|LOCKED|PROTOCOL|NOMEM|NOLFS)/;

/** Works on one SQLite file through a process of its own; statements run one after the other. */
export class SqliteClient implements SqlClient {
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #path: string;
  readonly #timeoutMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #isGone = false;

  private constructor(path: string, options: SqlClientOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.statementTimeoutMs;
    this.#path = path;
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    const program = fileURLToPath(new URL(`./sqlite-program${extension}`, import.meta.url));
    this.#child = fork(program, [path], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const gone = () => {
      if (this.#isGone) return;
      this.#isGone = true;
      options.onLost(this.#ended());
    };
    this.#child.on("error", gone);
    this.#child.on("exit", gone);
  }

  /**
   * Starts the process.
   * @param path of the file; made when it is missing, with the first statement
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT
   */
  static async open(
    path: string,
    options: SqlClientOptions & { readonly clock: Clock },
  ): Promise<SqliteClient> {
    const client = new SqliteClient(path, options);
    const ready = await withDeadline(
      options.clock,
      START_TIMEOUT_MS,
      client.#reply(() => {}),
    );
    if (ready !== LATE) return client;
    await client.close();
    throw new EdgelessError(
      "EDGELESS_TIMEOUT",
      `no process for the SQLite file ${path} in ${START_TIMEOUT_MS} ms`,
    );
  }

  run(statement: SqlStatement, workflowId: string): Promise<SqlResult> {
    const { text, kind, placeholders } = statement;
    const named = placeholders.some(({ mark }) => mark === "$1") ? 1 : 0;
    const count = named + placeholders.filter(({ mark }) => mark === "?").length;
    const request = { text, kind, values: Array.from({ length: count }, () => workflowId) };
    const turn = this.#last.then(() => this.#ask(request));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#isGone = true;
    this.#child.kill("SIGKILL");
  }

  async #ask(request: SqliteRequest): Promise<SqlResult> {
    const reply = await withDeadline(this.#clock, this.#timeoutMs, this.#exchange(request));
    if (reply === LATE) {
      this.#child.kill("SIGKILL");
      throw new EdgelessError("EDGELESS_TIMEOUT", `SQLite took longer than ${this.#timeoutMs} ms`);
    }
    if (reply.type !== "error") return reply;
    if (FILE_TROUBLE.test(reply.code))
      throw new EdgelessError("EDGELESS_REJECTED", `SQLite file ${this.#path}: ${reply.reason}`);
    return { type: "refused", reason: `error returned from database: ${reply.reason}` };
  }

  #exchange(request: SqliteRequest): Promise<SqliteReply> {
    return this.#reply((failed) => this.#child.send(request, (error) => error !== null && failed()));
  }

  /** The next thing that the process says, after `ask`; a rejection when it ends first. */
  #reply(ask: (failed: () => void) => void): Promise<SqliteReply> {
    return new Promise((resolve, reject) => {
      if (this.#isGone) return reject(this.#ended());
      const done = () => {
        this.#child.off("message", onReply);
        this.#child.off("exit", onExit);
      };
      const onReply = (reply: SqliteReply) => {
        done();
        resolve(reply);
      };
      const onExit = () => {
        done();
        reject(this.#ended());
      };
      this.#child.on("message", onReply);
      this.#child.on("exit", onExit);
      ask(onExit);
    });
  }

  #ended(): EdgelessError {
    return new EdgelessError(
      "EDGELESS_UNREACHABLE",
      `the process for the SQLite file ${this.#path} has ended`,
    );
  }
}
