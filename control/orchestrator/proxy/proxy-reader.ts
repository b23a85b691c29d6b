import type { NodeCapabilities } from "../../../core/capabilities.js";
import type { NodeHealth } from "../../../core/health.js";
import { parseUuid, type Uuid } from "../../../core/uuid.js";
import { type RedisCommand, type RedisSession, textsOf } from "../../../platform/redis/redis-session.js";
import { formatIntent, type Intent } from "./intent.js";
import {
  decodeCapabilities,
  decodeDependency,
  decodeHealth,
  decodeInstance,
  decodeOutcome,
  decodeProvider,
  type IntentOutcome,
  type MirroredInstance,
  type MirroredProvider,
} from "./proxy-json.js";
import { MIRROR_GROUPS, type MirrorGroup, PROXY_KEYS } from "./proxy-keys.js";

/** One point of a measured series. */
export interface SeriesPoint {
  /** Unix seconds. */
  readonly seconds: number;
  /** A number of seconds for durations, any text for log lines. */
  readonly value: string;
}

/** One measured series of an instance. */
export interface Series {
  readonly functionId: Uuid;
  /** Name of the series; the target for log lines. */
  readonly name: string;
  readonly points: readonly SeriesPoint[];
}

/** A health report and when it came, Unix seconds. */
export interface HealthReport {
  readonly seconds: number;
  readonly health: NodeHealth;
}

const KEYS_AT_ONCE = 256;

/**
 * What a delegated orchestrator does with the mirror of a domain: read it and submit intents. It works with the mirror of
 * a Rust ε-ORC too. Keys of other forms are passed over.
 */
export class ProxyReader {
  readonly #session: RedisSession;
  readonly #fetched = new Map<MirrorGroup, string>();

  constructor(session: RedisSession) {
    this.#session = session;
  }

  /** Name of the mirrored domain; undefined when there is no mirror. */
  async domainId(): Promise<string | undefined> {
    const reply = await this.#session.send("GET", PROXY_KEYS.domainId);
    return typeof reply === "string" ? reply : undefined;
  }

  /** True when a group changed since it was read last by this reader. */
  async updated(group: MirrorGroup): Promise<boolean> {
    const reply = await this.#session.send("GET", PROXY_KEYS.lastUpdate(group));
    return typeof reply === "string" && reply !== this.#fetched.get(group);
  }

  /** Nodes by id. */
  capabilities(): Promise<ReadonlyMap<Uuid, NodeCapabilities>> {
    return this.#group("node:capabilities", uuidOf, decodeCapabilities);
  }

  /** Resource providers by id. */
  providers(): Promise<ReadonlyMap<string, MirroredProvider>> {
    return this.#group("provider", (id) => id, decodeProvider);
  }

  /** Components by logical id. */
  instances(): Promise<ReadonlyMap<Uuid, MirroredInstance>> {
    return this.#group("instance", uuidOf, decodeInstance);
  }

  /** What the instance keys say, undigested. */
  rawInstances(): Promise<ReadonlyMap<Uuid, string>> {
    return this.#group("instance", uuidOf, (text) => text);
  }

  /** Output channels of components to logical ids, by logical id. */
  dependencies(): Promise<ReadonlyMap<Uuid, ReadonlyMap<string, Uuid>>> {
    return this.#group("dependency", uuidOf, decodeDependency);
  }

  /** Health reports of all nodes, oldest first. */
  async health(): Promise<ReadonlyMap<Uuid, readonly HealthReport[]>> {
    const reports = new Map<Uuid, HealthReport[]>();
    for (const [key, members] of await this.#sortedSets("node:health:*", "-inf")) {
      const nodeId = uuidOf(key.slice("node:health:".length));
      if (nodeId === undefined) continue;
      const list: HealthReport[] = [];
      for (const { member, score } of members) {
        const health = decodeHealth(member);
        if (health !== undefined) list.push({ seconds: score, health });
      }
      reports.set(nodeId, list);
    }
    return sorted(reports);
  }

  /** The measured series, oldest points first. @param sinceSeconds Unix seconds of the oldest point wanted */
  async series(sinceSeconds = 0): Promise<readonly Series[]> {
    const all: Series[] = [];
    for (const [key, members] of await this.#sortedSets("performance:*", String(sinceSeconds))) {
      const match = /^performance:([^:]*):(.*)$/s.exec(key);
      const functionId = uuidOf(match?.[1] ?? "");
      if (functionId === undefined) continue;
      const points = members.map(({ member, score }) => ({
        seconds: score,
        value: member.slice(member.indexOf(":") + 1),
      }));
      all.push({ functionId, name: match?.[2] ?? "", points });
    }
    return all.sort((a, b) => compare(a.functionId, b.functionId) || compare(a.name, b.name));
  }

  /** Submits intents; the ε-ORC carries them out in this order. Outcomes of earlier ones of the same kind are removed. */
  async submit(intents: readonly Intent[]): Promise<void> {
    for (const { key, value } of intents.map(formatIntent)) {
      await this.#session.send("DEL", PROXY_KEYS.result(key));
      await this.#session.send("SET", key, value);
      await this.#session.send("RPUSH", PROXY_KEYS.intents, key);
    }
  }

  /** How many intents wait. */
  async waitingIntents(): Promise<number> {
    return Number(await this.#session.send("LLEN", PROXY_KEYS.intents));
  }

  /** What became of the last such intent; undefined while it waits, and from a Rust ε-ORC. */
  async outcome(intent: Intent): Promise<IntentOutcome | undefined> {
    const reply = await this.#session.send("GET", PROXY_KEYS.result(formatIntent(intent).key));
    return typeof reply === "string" ? decodeOutcome(reply) : undefined;
  }

  close(): void {
    this.#session.close();
  }

  async #group<Id extends string, T>(
    group: MirrorGroup,
    idOf: (text: string) => Id | undefined,
    decode: (text: string) => T | undefined,
  ): Promise<ReadonlyMap<Id, T>> {
    const time = await this.#session.send("GET", PROXY_KEYS.lastUpdate(group));
    if (typeof time === "string") this.#fetched.set(group, time);
    const keys = (await this.#keys(PROXY_KEYS.entry(group, "*"))).filter((key) => !isLastUpdate(key));
    const values = await this.#all(keys.map((key) => ["GET", key]));
    const entries = new Map<Id, T>();
    keys.forEach((key, i) => {
      const id = idOf(key.slice(group.length + 1));
      const text = values[i];
      const value = typeof text === "string" ? decode(text) : undefined;
      if (id !== undefined && value !== undefined) entries.set(id, value);
    });
    return sorted(entries);
  }

  async #sortedSets(pattern: string, from: string) {
    const keys = await this.#keys(pattern);
    const replies = await this.#all(keys.map((key) => ["ZRANGEBYSCORE", key, from, "+inf", "WITHSCORES"]));
    return keys.map((key, i) => {
      const texts = textsOf(replies[i]);
      const members: { readonly member: string; readonly score: number }[] = [];
      for (let j = 0; j + 1 < texts.length; j += 2)
        members.push({ member: texts[j] ?? "", score: Number(texts[j + 1]) });
      return [key, members] as const;
    });
  }

  async #keys(pattern: string): Promise<string[]> {
    const keys = new Set<string>();
    for await (const found of this.#session.scan(pattern)) for (const key of found) keys.add(key);
    return [...keys];
  }

  async #all(commands: readonly RedisCommand[]) {
    const replies = [];
    for (let i = 0; i < commands.length; i += KEYS_AT_ONCE)
      replies.push(...(await this.#session.pipeline(commands.slice(i, i + KEYS_AT_ONCE))));
    return replies;
  }
}

function isLastUpdate(key: string): boolean {
  return MIRROR_GROUPS.some((group) => key === PROXY_KEYS.lastUpdate(group));
}

function uuidOf(text: string): Uuid | undefined {
  return parseUuid(text);
}

function sorted<Id extends string, T>(entries: ReadonlyMap<Id, T>): ReadonlyMap<Id, T> {
  return new Map([...entries].sort(([a], [b]) => compare(a, b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
