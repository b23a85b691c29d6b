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
    lengthOf: (work) => work.flat().reduce((sum, text) => sum + text.length, 0),
  });
  return {
    async handle({ type, payload }) {
      if (type === "call") {
        const read = prefix + payload;
        const [value, length] = await batches.add([
          ["GET", read],
          ["STRLEN", read],
        ]);
        return answerOf(value, length);
      }
      if (key === undefined)
        throw new EdgelessError("EDGELESS_REJECTED", "the resource has no 'key': nothing was written");
      const [outcome] = await batches.add([["SET", prefix + key, payload]]);
      if (outcome instanceof EdgelessError) throw outcome;
      return { type: "call-no-ret" };
    },
    patch: () => {},
    stop: () => redis.close(),
  };
}

/** The commands that one event needs. */
type RedisWork = readonly RedisCommand[];
type Outcome = RedisReply | EdgelessError;

/** Sends the commands of several events in one round trip. */
async function sendWorks(session: RedisSession, works: readonly RedisWork[]): Promise<Outcome[][]> {
  const outcomes = await session.sendAll(works.flat());
  return works.map((work) => outcomes.splice(0, work.length));
}

/** @param length bytes of the value */
function answerOf(value: Outcome | undefined, length: Outcome | undefined): ResourceAnswer {
  if (value instanceof EdgelessError) throw value;
  if (typeof value !== "string") return { type: "err" };
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
