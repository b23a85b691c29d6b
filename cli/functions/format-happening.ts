import type { Happening } from "./happening.js";

/** What a function did, in one line for a person. */
export function formatHappening(happening: Happening): string {
  switch (happening.type) {
    case "cast":
    case "call":
      return `${happening.type.padEnd(6)} ${happening.output} -> ${happening.payload}`;
    case "cast-raw":
    case "call-raw":
      return `${happening.type.slice(0, 4).padEnd(6)} (${happening.target}) -> ${happening.payload}`;
    case "log":
      return `log    ${happening.level} ${happening.target}: ${happening.message}`;
    case "state":
      return `state  ${happening.state}`;
    case "remark":
      return `host   ${happening.message}`;
  }
}
