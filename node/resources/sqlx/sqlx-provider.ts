import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import type {
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { readDatabaseUrl } from "./database-url.js";
import { SharedDatabases, type SharedDatabasesParts } from "./shared-databases.js";
import { formatAnswer } from "./sql-answer.js";
import { parseStatement } from "./sql-statement.js";

export const SQLX_CLASS: ResourceClass = {
  classType: "sqlx",
  version: "1.1",
  outputs: [],
  configurations: new Map([
    ["url", "sqlite://FILE, postgres://… or mysql://… with user:password@host:port/database; required"],
  ]),
  description:
    "Runs the SQL statement of each message; $1 stands for the workflow id, the table WorkflowState(id, metadata) exists.",
};

/** What {@link SqlxProvider} works with. */
export interface SqlxParts extends SharedDatabasesParts {
  readonly providerId: string;
  /** Folder of the SQLite files; none elsewhere is reachable. */
  readonly folder: string;
}

/** Resource class `sqlx`: state of workflows in SQLite, PostgreSQL or MySQL. */
export class SqlxProvider implements ResourceProviderHost {
  readonly resourceClass = SQLX_CLASS;
  readonly concurrency = 1;
  readonly #parts: SqlxParts;
  readonly #databases: SharedDatabases;

  constructor(parts: SqlxParts) {
    this.#parts = parts;
    this.#databases = new SharedDatabases(parts);
  }

  get providerId(): string {
    return this.#parts.providerId;
  }

  async start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance> {
    const url = configuration.get("url") ?? "";
    if (url === "")
      throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "One of the fields 'url' is missing");
    const place = readDatabaseUrl(url, this.#parts.folder);
    const { connection, release } = this.#databases.use(place, context.logger);
    return {
      async handle({ type, payload }) {
        const statement = parseStatement(payload, place.dialect);
        if (statement === undefined)
          throw new EdgelessError("EDGELESS_REJECTED", "the message is no SELECT, INSERT, UPDATE or DELETE");
        const isRepeatable = statement.kind === "read";
        const result = await connection.use((sql) => sql.run(statement, context.workflowId), isRepeatable);
        if (type === "cast" && result.type === "refused")
          throw new EdgelessError("EDGELESS_REJECTED", result.reason);
        return { type: "call-ret", payload: formatAnswer(result) };
      },
      patch: () => {},
      stop: release,
    };
  }

  async close(): Promise<void> {}
}
