import type { Result } from "../../../core/api.js";
import type { Clock } from "../../../core/clock.js";
import { reasonOf } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import type { Uuid } from "../../../core/uuid.js";
import type { RedisSession } from "../../../platform/redis/redis-session.js";
import { parseIntent } from "./intent.js";
import type { IntentOutcome } from "./proxy-json.js";
import { PROXY_KEYS } from "./proxy-keys.js";

/** Who carries out intents: the ε-ORC. */
export interface IntentExecutor {
  migrate(logicalId: Uuid, targets: readonly Uuid[]): Promise<Result<Uuid>>;
  cordon(nodeId: Uuid, isCordoned: boolean): Promise<Result<void>>;
}

/** Intents of one round; others of the ε-ORC's work come in between. */
const MOST_PER_ROUND = 64;
/** How long a result can be read, seconds. */
const RESULT_LIFETIME_S = "3600";

/**
 * Takes an intent off in one step with its result. The key goes only if it still holds the value that was carried out:
 * whoever wrote a new one meanwhile has named it in the list once more.
 */
const SETTLE = `redis.call('LREM', KEYS[1], 1, KEYS[2])
local kind = redis.call('TYPE', KEYS[2]).ok
if kind == 'string' and redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
return 1`;

/**
 * Works off the list of intents from its head. An intent stays in the list until it was carried out, so none is lost with
 * the process; one whose removal failed is not carried out twice.
 */
export class IntentTaker {
  readonly #executor: IntentExecutor;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Carried out, but not taken off the list yet. */
  #unsettled: { readonly key: string; readonly value: string; readonly outcome: IntentOutcome } | undefined;

  constructor(executor: IntentExecutor, clock: Clock, logger: Logger) {
    this.#executor = executor;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Carries out what is in the list, up to a bound.
   * @throws EdgelessError when Redis fails
   */
  async takeAll(session: RedisSession): Promise<void> {
    for (let i = 0; i < MOST_PER_ROUND; i++) {
      const [head] = await session.pipeline([["LINDEX", PROXY_KEYS.intents, "0"]]);
      if (typeof head !== "string") return;
      await this.#take(session, head);
    }
  }

  async #take(session: RedisSession, key: string): Promise<void> {
    const [value] = await session.pipeline([["GET", key]]);
    const text = typeof value === "string" ? value : undefined;
    const known = this.#unsettled;
    const outcome =
      known !== undefined && known.key === key && known.value === text
        ? known.outcome
        : await this.#execute(key, text);
    this.#unsettled = { key, value: text ?? "", outcome };
    await session.send(
      ...["EVAL", SETTLE, "3", PROXY_KEYS.intents, key, PROXY_KEYS.result(key)],
      ...[text ?? "", JSON.stringify(outcome), RESULT_LIFETIME_S],
    );
    this.#unsettled = undefined;
  }

  async #execute(key: string, value: string | undefined): Promise<IntentOutcome> {
    const reason = await this.#whyNot(key, value);
    if (reason === undefined) this.#logger.info("intent accepted", { intent: key, value });
    else this.#logger.warn("intent declined", { intent: key.slice(0, 120), reason });
    const time = this.#clock.wallMs() / 1000;
    return { value: value ?? "", accepted: reason === undefined, reason: reason ?? "", time };
  }

  /** Carries an intent out. @returns undefined when it was accepted */
  async #whyNot(key: string, value: string | undefined): Promise<string | undefined> {
    const parsed = parseIntent(key, value);
    if (!parsed.ok) return parsed.reason;
    const { intent } = parsed;
    try {
      const result =
        intent.type === "migrate"
          ? await this.#executor.migrate(intent.logicalId, intent.targets)
          : await this.#executor.cordon(intent.nodeId, intent.isCordoned);
      return result.ok ? undefined : (result.error.detail ?? result.error.summary);
    } catch (error) {
      return reasonOf(error);
    }
  }
}
