import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";
import { ServerProcess, serverFolder } from "./server-process.js";

/** What tells one kind of database server from another. */
export interface SqlServerKind {
  readonly name: string;
  /** Who runs it when the test is run by root. */
  readonly user: string;
  /** Ends it at once, connections included. */
  readonly killSignal: NodeJS.Signals;
  /** Makes an empty database in a folder. @returns the program that serves it at a port, and its arguments */
  prepare(folder: string, port: number): readonly [program: string, args: readonly string[]];
  urlAt(port: number): string;
  /** Rows of a statement, on a connection of its own. */
  query(url: string, sql: string): Promise<unknown[]>;
}

/** A real database server of a test's own. */
export class SqlServer {
  readonly url: string;
  readonly #kind: SqlServerKind;
  readonly #process: ServerProcess;

  private constructor(kind: SqlServerKind, url: string, process: ServerProcess) {
    this.#kind = kind;
    this.url = url;
    this.#process = process;
  }

  static async start(kind: SqlServerKind): Promise<SqlServer> {
    const [port = 0] = await freePorts(1);
    const folder = serverFolder(kind.name.toLowerCase(), kind.user);
    const [program, args] = kind.prepare(folder, port);
    const process = new ServerProcess(program, args, { cwd: folder, user: kind.user });
    const server = new SqlServer(kind, kind.urlAt(port), process);
    try {
      await server.run();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Starts it, with its data; again after it ended. */
  async run(): Promise<void> {
    this.#process.run();
    await eventually(`an answer of ${this.#kind.name}`, () => this.query("SELECT 1"), 60_000);
  }

  query(sql: string): Promise<unknown[]> {
    return this.#kind.query(this.url, sql);
  }

  /** Ends it at once, connections included. */
  kill(): Promise<void> {
    return this.#process.end(this.#kind.killSignal);
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#process.close();
  }
}
