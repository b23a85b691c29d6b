import { EdgelessError } from "../../core/errors.js";
import type { BoardProfile } from "../../esp32/board-profile.js";
import { type BoardProvider, providerSchema } from "../../esp32/board-settings.js";
import { faultsOf } from "./faults.js";

const CLASSES: readonly string[] = providerSchema.options.map((option) => option.shape.class.value);

/**
 * Reads `CLASS[=ID][,KEY=VALUE...]`, for example `scd30-sensor=air,sda=D21`; what is not said comes from the profile.
 * @param at its place among the providers, for an id of its own
 * @throws EdgelessError EDGELESS_USAGE
 */
export function parseProvider(text: string, at: number, profile: BoardProfile): BoardProvider {
  const [head = "", ...pairs] = text.split(",");
  const [className = "", id = `${shortName(className)}-${at + 1}`] = head.split("=");
  if (!CLASSES.includes(className))
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `--provider ${text}: no class "${className}"; there are ${CLASSES.join(", ")}`,
    );
  const values: Record<string, unknown> = { class: className, id, ...profile.wiring[className] };
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    if (cut < 1) throw new EdgelessError("EDGELESS_USAGE", `--provider ${text}: "${pair}" is not KEY=VALUE`);
    values[pair.slice(0, cut)] = literalOf(pair.slice(cut + 1));
  }
  const parsed = providerSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new EdgelessError("EDGELESS_USAGE", `--provider ${text}: ${faultsOf(parsed.error)}`, parsed.error);
}

/** As the resource pages name providers: scd30-1, display-1, gpio-in-1. */
function shortName(className: string): string {
  return className.replace(/-sensor$|^epaper-/, "");
}

function literalOf(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
