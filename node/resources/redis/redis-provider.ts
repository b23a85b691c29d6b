import { EdgelessError, reasonOf } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import {
  type RedisCommand,
  type RedisReply,
  RedisSession,
  redisUrlProblem,
} from "../../../platform/redis/redis-session.js";
import { Batches } from "../batches.js";
import { independentProvider } from "../independent-provider.js";
import { isConnectionLost } from "../is-connection-lost.js";
import { LastingConnection } from "../lasting-connection.js";
import type {
  PatientProviderParts,
  ResourceAnswer,
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { urlWithoutSecrets } from "../url-without-secrets.js";

export const REDIS_CLASS: ResourceClass = {
  classType: "redis",
  version: "1.2",
  outputs: [],
  configurations: new Map([
    ["url", "redis://[[user][:password]@]host[:port][/database], rediss with TLS; required"],
    ["key", "key that casts are written to; without it casts are refused"],
    [
      "add-workflow-id",
      "when present, whatever its value: keys that are read or written begin with <workflow id>:",
    ],
  ]),
  description: "Writes each cast to a key of a Redis server; a call reads the key that it names.",
};

/** Longest wait for a connection and for each answer, milliseconds. */
const DEADLINE_MS = 3_000;
/** Longest try to connect, milliseconds: an ε-ORC waits 5 s for a start. */
const OPEN_TIMEOUT_MS = 4_000;
/** How long events wait for an interrupted connection, milliseconds. */
const PATIENCE_MS = 5_000;
/** Longest value that is read, bytes. */
const LONGEST_VALUE = 16 * 1024 * 1024;
/** What a read counts for in a batch, so that few of the longest values are in memory at a time. */
const READ_WEIGHT = 32 * 1024;

/** Resource class `redis`: SET for casts, GET for calls; one connection per instance. */
export function redisProvider(parts: PatientProviderParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: REDIS_CLASS,
    /** Events that may share a round trip; {@link Batches} keeps their order. */
    concurrency: 1_000,
    start: (configuration, context) => start(parts, configuration, context),
  });
}

async function start(
  parts: PatientProviderParts,
  configuration: StringMap,
  context: ResourceContext,
): Promise<ResourceInstance> {
  const { clock, random, patienceMs = PATIENCE_MS } = parts;
  const url = readUrl(configuration);
  const key = configuration.get("key");
  const prefix = configuration.has("add-workflow-id") ? `${context.workflowId}:` : "";
  const redis = new LastingConnection<RedisSession>({
    clock,
    random,
    logger: context.logger,
    peer: urlWithoutSecrets(url),
    patienceMs,
    openTimeoutMs: OPEN_TIMEOUT_MS,
    open: () => RedisSession.open(url, { clock, deadlineMs: DEADLINE_MS }),
    close: async (session) => session.close(),
    isLost: isConnectionLost,
  });
  try {
    await redis.connect();
  } catch (error) {
    await redis.close();
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reasonOf(error), error);
  }
  const batches = new Batches<RedisWork, readonly Outcome[]>({
    send: (works) => redis.use((session) => sendWorks(session, works), true),
    lengthOf: ({ commands, weight }) => commands.flat().reduce((sum, text) => sum + text.length, weight),
  });
  return {
    async handle({ type, payload }) {
      if (type === "call") {
        const read = prefix + payload;
        const commands = [
          ["GETRANGE", read, "0", String(LONGEST_VALUE)],
          ["STRLEN", read],
          ["EXISTS", read],
        ];
        return answerOf(await batches.add({ commands, weight: READ_WEIGHT }));
      }
      if (key === undefined)
        throw new EdgelessError("EDGELESS_REJECTED", "the resource has no 'key': nothing was written");
      const [outcome] = await batches.add({ commands: [["SET", prefix + key, payload]], weight: 0 });
      if (outcome instanceof EdgelessError) throw outcome;
      return { type: "call-no-ret" };
    },
    patch: () => {},
    stop: () => redis.close(),
  };
}

/** The commands that one event needs. */
interface RedisWork {
  readonly commands: readonly RedisCommand[];
  /** Added to the length of its texts. */
  readonly weight: number;
}
type Outcome = RedisReply | EdgelessError;

/** Sends the commands of several events in one round trip. */
async function sendWorks(session: RedisSession, works: readonly RedisWork[]): Promise<Outcome[][]> {
  const outcomes = await session.sendAll(works.flatMap(({ commands }) => commands));
  return works.map(({ commands }) => outcomes.splice(0, commands.length));
}

/** @param outcomes value, its length in bytes, and how many keys of that name there are */
function answerOf([value, length, count]: readonly Outcome[]): ResourceAnswer {
  if (value instanceof EdgelessError) throw value;
  if (typeof value !== "string" || count !== 1) return { type: "err" };
  if (typeof length !== "number" || length > LONGEST_VALUE)
    throw new EdgelessError("EDGELESS_REJECTED", `the value is longer than ${LONGEST_VALUE} bytes`);
  // What is not UTF-8 was decoded with replacement characters and is longer now than it was.
  if (value.includes("\ufffd") && length !== Buffer.byteLength(value))
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the value is not UTF-8");
  return { type: "call-ret", payload: value };
}

function readUrl(configuration: StringMap): string {
  const url = configuration.get("url") ?? "";
  if (url === "") throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "Missing Redis URL");
  const problem = redisUrlProblem(url);
  if (problem !== undefined)
    throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", `url cannot be used: ${problem}`);
  return url;
}
