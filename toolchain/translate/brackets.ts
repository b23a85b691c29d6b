/** The place of the bracket that ends what begins at `from`; -1: none. The text has no string literals. */
export function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "(" || character === "[") {
      depth += 1;
    } else if (character === ")" || character === "]") {
      depth -= 1;
      if (depth === 0) {
        return at;
      }
    }
  }
  return -1;
}

/** The arguments in the brackets that open at `from`, which are closed, and the place behind these. */
export function argumentsFrom(
  text: string,
  from: number,
): { readonly args: readonly string[]; readonly end: number } {
  const args: string[] = [];
  const end = closing(text, from);
  let start = from + 1;
  for (let at = start; at < end; at += 1) {
    const character = text.charAt(at);
    if (character === "(" || character === "[") {
      at = closing(text, at);
    } else if (character === ",") {
      args.push(text.slice(start, at));
      start = at + 1;
    }
  }
  args.push(text.slice(start, end));
  return { args, end: end + 1 };
}
