import { parseUuid } from "../../../core/uuid.js";

/**
 * The kinds of state in the mirror. Each is a family of keys `<group>:<id>` and a key `<group>:last_update` with the time
 * of the last change.
 */
export const MIRROR_GROUPS = ["node:capabilities", "provider", "instance", "dependency"] as const;
export type MirrorGroup = (typeof MIRROR_GROUPS)[number];

/** Keys that an ε-ORC and a delegated orchestrator share in Redis, as in EDGELESS 1.2; `result` is this project's. */
export const PROXY_KEYS = {
  domainId: "domain_info:domain_id",
  entry: (group: MirrorGroup, id: string) => `${group}:${id}`,
  lastUpdate: (group: MirrorGroup) => `${group}:last_update`,
  health: (nodeId: string) => `node:health:${nodeId}`,
  performance: (functionId: string, series: string) => `performance:${functionId}:${series}`,
  /** List of the names of intents, worked off from its head. */
  intents: "intents",
  migrate: (logicalId: string) => `intent:migrate:${logicalId}`,
  cordon: (nodeId: string) => `intent:cordon:${nodeId}`,
  /** What became of an intent. @param intent its key */
  result: (intent: string) => `intent_result:${intent.replace(/^intent:/, "")}`,
} as const;

/** Glob patterns that find every key of a mirror, and some of others. */
export const MIRROR_PATTERNS = [
  ...MIRROR_GROUPS.map((group) => `${group}:*`),
  "node:health:*",
  "performance:*",
];

/** Glob patterns of the sorted sets that grow with time. */
export const MEASUREMENT_PATTERNS = ["node:health:*", "performance:*"];

const UUID_KEY = /^(?:node:capabilities|node:health|instance|dependency):([^:]*)$/;
const PERFORMANCE_KEY = /^performance:([^:]*):/;

/**
 * Tells whether a key belongs to a mirror. A provider's name can be anything, so for those only the value can tell.
 */
export function isMirrorKey(key: string): boolean | "look at the value" {
  if (MIRROR_GROUPS.some((group) => key === PROXY_KEYS.lastUpdate(group))) return true;
  const id = (UUID_KEY.exec(key) ?? PERFORMANCE_KEY.exec(key))?.[1];
  if (id !== undefined) return parseUuid(id) === id;
  return key.startsWith("provider:") ? "look at the value" : false;
}
