import { GlobalNames } from "./names.js";

/**
 * The declarations `name=value` in the order in which the interpreter finds them fastest: it looks through the names one by one.
 * What a value is made of comes before it; functions look names up only when they run.
 */
export function inOrderOfUse(declarations: readonly string[], rest: string): string[] {
  const counts = GlobalNames.counts(declarations.join() + rest);
  const byName = new Map(declarations.map((text) => [text.charAt(0), text]));
  const uses = (text: string) => counts.get(text.charAt(0)) ?? 0;
  const placed = new Set<string>();
  const place = (text: string) => {
    if (placed.has(text)) {
      return;
    }
    const needed = text.includes("=>") ? "" : text.slice(1);
    for (const character of needed) {
      const other = byName.get(character);
      if (other !== undefined && other !== text) {
        place(other);
      }
    }
    placed.add(text);
  };
  for (const text of [...declarations].sort((left, right) => uses(right) - uses(left))) {
    place(text);
  }
  return [...placed];
}
