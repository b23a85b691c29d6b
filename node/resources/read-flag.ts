import type { StringMap } from "../../core/specification.js";

/** A switch in a resource configuration: on when its text is `true` in any case, as in the EDGELESS programs. */
export function readFlag(configuration: StringMap, key: string): boolean {
  return configuration.get(key)?.toLowerCase() === "true";
}
