import { Node } from "assemblyscript";

/** Calls `visit` for a node of the compiler's syntax tree and everything below it. */
export function walkSyntax(root: unknown, visit: (node: Node) => void): void {
  const seen = new Set<object>();
  const pending: unknown[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (Array.isArray(next)) pending.push(...next);
    if (!(next instanceof Node) || seen.has(next)) continue;
    seen.add(next);
    visit(next);
    // Ranges lead back to the whole source.
    for (const [key, value] of Object.entries(next)) {
      if (key !== "range" && value !== null && typeof value === "object") pending.push(value);
    }
  }
}
