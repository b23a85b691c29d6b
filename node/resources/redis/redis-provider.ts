import type { Clock } from "../../../core/clock.js";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import type { Random } from "../../../core/random.js";
import type { StringMap } from "../../../core/specification.js";
import { RedisSession, redisUrlProblem } from "../../../platform/redis/redis-session.js";
import { isConnectionLost } from "../is-connection-lost.js";
import { LastingConnection } from "../lasting-connection.js";
import type {
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

/** What {@link RedisProvider} works with. */
export interface RedisProviderParts {
  readonly providerId: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Longest wait for a connection and for each answer, milliseconds. */
const DEADLINE_MS = 3_000;
/** Longest try to connect, milliseconds: an ε-ORC waits 5 s for a start. */
const OPEN_TIMEOUT_MS = 4_000;
/** How long events wait for an interrupted connection, milliseconds. */
const PATIENCE_MS = 5_000;

/** Resource class `redis`: SET for casts, GET for calls; one connection per instance. */
export class RedisProvider implements ResourceProviderHost {
  readonly resourceClass = REDIS_CLASS;
  readonly concurrency = 1;
  readonly #parts: RedisProviderParts;

  constructor(parts: RedisProviderParts) {
    this.#parts = parts;
  }

  get providerId(): string {
    return this.#parts.providerId;
  }

  async start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance> {
    const { clock, random } = this.#parts;
    const url = readUrl(configuration);
    const key = configuration.get("key");
    const prefix = configuration.has("add-workflow-id") ? `${context.workflowId}:` : "";
    const redis = new LastingConnection<RedisSession>({
      clock,
      random,
      logger: context.logger,
      peer: urlWithoutSecrets(url),
      patienceMs: PATIENCE_MS,
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
    return {
      async handle({ type, payload }) {
        if (type === "call") return await redis.use((session) => read(session, prefix + payload), true);
        if (key === undefined)
          throw new EdgelessError("EDGELESS_REJECTED", "the resource has no 'key': nothing was written");
        await redis.use((session) => session.send("SET", prefix + key, payload), true);
        return { type: "call-no-ret" };
      },
      patch: () => {},
      stop: () => redis.close(),
    };
  }

  async close(): Promise<void> {}
}

async function read(session: RedisSession, key: string): Promise<ResourceAnswer> {
  const value = await session.send("GET", key);
  if (typeof value !== "string") return { type: "err" };
  // What is not UTF-8 was decoded with replacement characters and is longer now than it was.
  if (value.includes("\ufffd") && (await session.send("STRLEN", key)) !== Buffer.byteLength(value))
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
