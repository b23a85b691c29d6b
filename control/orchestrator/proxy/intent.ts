import { parseUuid, type Uuid } from "../../../core/uuid.js";
import { PROXY_KEYS } from "./proxy-keys.js";

/** What a delegated orchestrator can ask of an ε-ORC. */
export type Intent =
  | { readonly type: "migrate"; readonly logicalId: Uuid; readonly targets: readonly Uuid[] }
  | { readonly type: "cordon"; readonly nodeId: Uuid; readonly isCordoned: boolean };

/** An intent, or what is wrong with its text. */
export type IntentResult =
  | { readonly ok: true; readonly intent: Intent }
  | { readonly ok: false; readonly reason: string };

/** Most targets that one intent may name. */
const MOST_TARGETS = 10_000;

/**
 * Reads an intent.
 * @param key its name in the list of intents
 * @param value of that key; absent when there is none or it is no text
 */
export function parseIntent(key: string, value: string | undefined): IntentResult {
  const [prefix, type, idText, ...rest] = key.split(":");
  if (prefix !== "intent" || (type !== "migrate" && type !== "cordon") || rest.length > 0)
    return bad(`"${key.slice(0, 120)}" is not the key of an intent`);
  const id = parseUuid(idText ?? "");
  if (id === undefined) return bad(`"${(idText ?? "").slice(0, 60)}" is not a UUID`);
  if (value === undefined) return bad("there is no such key, or it holds no text");
  if (type === "cordon") {
    if (value !== "yes" && value !== "no")
      return bad(`the value "${value.slice(0, 60)}" is neither yes nor no`);
    return { ok: true, intent: { type, nodeId: id, isCordoned: value === "yes" } };
  }
  const items = value.split(",").filter((item) => item !== "");
  if (items.length > MOST_TARGETS) return bad(`it names more than ${MOST_TARGETS} nodes`);
  const targets: Uuid[] = [];
  for (const item of items) {
    const target = parseUuid(item.trim());
    if (target === undefined) return bad(`the target "${item.slice(0, 60)}" is not a UUID`);
    targets.push(target);
  }
  return { ok: true, intent: { type, logicalId: id, targets } };
}

/** The key and the value that stand for an intent. */
export function formatIntent(intent: Intent): { readonly key: string; readonly value: string } {
  return intent.type === "migrate"
    ? { key: PROXY_KEYS.migrate(intent.logicalId), value: intent.targets.join(",") }
    : { key: PROXY_KEYS.cordon(intent.nodeId), value: intent.isCordoned ? "yes" : "no" };
}

function bad(reason: string): IntentResult {
  return { ok: false, reason };
}
