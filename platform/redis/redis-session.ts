import type { createClient, ErrorReply } from "redis";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { LATE, withDeadline } from "../deadline.js";

/** A command of Redis and its arguments. */
export type RedisCommand = readonly string[];

/** What Redis answers (RESP version 2), apart from errors. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** How a session is opened. */
export interface RedisSessionOptions {
  readonly clock: Clock;
  /** Longest wait for the connection and for each answer, milliseconds. */
  readonly deadlineMs: number;
}

/**
 * One connection to a Redis server. It never reconnects by itself: after a failure it is closed, and the owner decides
 * when to open the next one.
 */
export class RedisSession {
  readonly #client: RedisClient;
  readonly #errorReply: typeof ErrorReply;
  readonly #options: RedisSessionOptions;
  readonly #place: string;

  private constructor(
    client: RedisClient,
    errorReply: typeof ErrorReply,
    place: string,
    options: RedisSessionOptions,
  ) {
    this.#client = client;
    this.#errorReply = errorReply;
    this.#place = place;
    this.#options = options;
  }

  /**
   * Connects.
   * @param url `redis://[[user][:password]@]host[:port][/database]`, or `rediss` with TLS
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT or, when the server refuses the user, EDGELESS_REJECTED
   */
  static async open(url: string, options: RedisSessionOptions): Promise<RedisSession> {
    // Loaded when first needed: most processes never are.
    const redis = await import("redis");
    const client = newClient(redis.createClient, url, options.deadlineMs);
    // Failures reach the caller through the commands; without a listener they would end the process.
    client.on("error", () => undefined);
    const session = new RedisSession(client, redis.ErrorReply, placeOf(url), options);
    try {
      await session.#wait(client.connect());
      await session.send("PING");
    } catch (error) {
      if (client.isOpen) client.destroy();
      throw error;
    }
    return session;
  }

  /**
   * Sends one command.
   * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, or EDGELESS_REJECTED with the words of the server
   */
  send(...command: RedisCommand): Promise<RedisReply> {
    return this.#wait(this.#client.sendCommand<RedisReply>([...command]));
  }

  /**
   * Sends commands together. What the server refuses has an error, EDGELESS_REJECTED with its words, as its outcome.
   * @throws EdgelessError EDGELESS_UNREACHABLE or EDGELESS_TIMEOUT, when it is not known which were carried out
   */
  async sendAll(commands: readonly RedisCommand[]): Promise<(RedisReply | EdgelessError)[]> {
    const outcomes = await this.#wait(
      Promise.allSettled(commands.map((command) => this.#client.sendCommand<RedisReply>([...command]))),
    );
    return outcomes.map((outcome) => {
      if (outcome.status === "fulfilled") return outcome.value;
      const error = this.#explain(outcome.reason);
      if (error.code !== "EDGELESS_REJECTED") throw error;
      return error;
    });
  }

  /**
   * Sends commands together. The answer to a command on a key of another type is `undefined`: somebody else's key.
   * @throws EdgelessError as {@link send}, once all commands have ended
   */
  async pipeline(commands: readonly RedisCommand[]): Promise<(RedisReply | undefined)[]> {
    const outcomes = await this.#wait(
      Promise.allSettled(commands.map((command) => this.#client.sendCommand<RedisReply>([...command]))),
    );
    return outcomes.map((outcome) => {
      if (outcome.status === "fulfilled") return outcome.value;
      if (isWrongType(outcome.reason)) return undefined;
      throw this.#explain(outcome.reason);
    });
  }

  /** Names of all keys that match a glob pattern, a part of the key space at a time. */
  async *scan(pattern: string): AsyncGenerator<readonly string[]> {
    let cursor = "0";
    do {
      const reply = await this.send("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
      const [next, keys] = Array.isArray(reply) ? reply : [];
      if (typeof next !== "string") throw new EdgelessError("EDGELESS_BAD_MESSAGE", "SCAN gave no cursor");
      cursor = next;
      yield textsOf(keys);
    } while (cursor !== "0");
  }

  /** Ends the connection at once; commands under way fail. */
  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }

  async #wait<T>(work: Promise<T>): Promise<T> {
    const { clock, deadlineMs } = this.#options;
    let outcome: T | typeof LATE;
    try {
      outcome = await withDeadline(clock, deadlineMs, work);
    } catch (error) {
      throw this.#explain(error);
    }
    if (outcome !== LATE) return outcome;
    work.catch(() => undefined);
    this.close();
    throw new EdgelessError(
      "EDGELESS_TIMEOUT",
      `Redis at ${this.#place} did not answer within ${deadlineMs} ms`,
    );
  }

  #explain(error: unknown): EdgelessError {
    if (error instanceof EdgelessError) return error;
    const reason = reasonOf(error);
    return error instanceof this.#errorReply
      ? new EdgelessError("EDGELESS_REJECTED", `Redis at ${this.#place} refused: ${reason}`, error)
      : new EdgelessError(
          "EDGELESS_UNREACHABLE",
          `Redis at ${this.#place} cannot be reached: ${reason}`,
          error,
        );
  }
}

/** The texts in a list; empty when the reply is something else. */
export function textsOf(reply: RedisReply | undefined): string[] {
  return Array.isArray(reply) ? reply.filter((item) => typeof item === "string") : [];
}

/** What is wrong with a Redis URL, or undefined. */
export function redisUrlProblem(url: string): string | undefined {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return "it is not a URL of the form redis://host:port";
  }
  if (parsed.protocol !== "redis:" && parsed.protocol !== "rediss:")
    return "it must start with redis:// or rediss://";
  return parsed.hostname === "" ? "it names no host" : undefined;
}

const SCAN_COUNT = "1000";

type RedisClient = ReturnType<typeof newClient>;

function newClient(create: typeof createClient, url: string, deadlineMs: number) {
  return create({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: { connectTimeout: deadlineMs, reconnectStrategy: false },
  });
}

/** Where a server is, without its password. */
function placeOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? "6379" : port}`;
}

function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("WRONGTYPE");
}
