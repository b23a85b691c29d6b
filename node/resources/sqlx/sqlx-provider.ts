import { EdgelessError } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { independentProvider } from "../independent-provider.js";
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

/** What {@link sqlxProvider} works with. */
export interface SqlxParts extends SharedDatabasesParts {
  readonly providerId: string;
  /** Folder of the SQLite files; none elsewhere is reachable. */
  readonly folder: string;
}

/** Resource class `sqlx`: state of workflows in SQLite, PostgreSQL or MySQL. */
export function sqlxProvider(parts: SqlxParts): ResourceProviderHost {
  const databases = new SharedDatabases(parts);
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: SQLX_CLASS,
    concurrency: 1,
    start: (configuration, context) => start(parts.folder, databases, configuration, context),
  });
}

async function start(
  folder: string,
  databases: SharedDatabases,
  configuration: StringMap,
  context: ResourceContext,
): Promise<ResourceInstance> {
  const url = configuration.get("url") ?? "";
  if (url === "")
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "One of the fields 'url' is missing");
  const place = readDatabaseUrl(url, folder);
  const { connection, release } = databases.use(place, context.logger);
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
