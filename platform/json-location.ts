/** A step into a JSON value: a key or an index. */
export type JsonPath = readonly PropertyKey[];

/**
 * Finds where the value at `path` starts in a JSON text, for error messages. The longest part of the path that exists
 * counts, so a missing key is placed at the object that lacks it.
 * @param text well-formed JSON
 * @returns line, counted from 1
 */
export function lineOfPath(text: string, path: JsonPath): number {
  let best = 0;
  let at = 0;

  const blank = () => {
    while (at < text.length && " \t\r\n".includes(text[at] ?? "")) at++;
  };
  const string = (): string => {
    const start = at++;
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at++;
    return JSON.parse(text.slice(start, at)) as string;
  };
  const value = (depth: number, matched: boolean): void => {
    blank();
    if (matched) best = at;
    const open = text[at];
    if (open === '"') string();
    else if (open === "{" || open === "[") {
      at++;
      for (let index = 0; ; index++) {
        blank();
        if (text[at] === "}" || text[at] === "]") break;
        const step = open === "{" ? string() : index;
        blank();
        if (text[at] === ":") at++;
        value(depth + 1, matched && depth < path.length && String(path[depth]) === String(step));
        blank();
        if (text[at] === ",") at++;
      }
      at++;
    } else while (at < text.length && !",]} \t\r\n".includes(text[at] ?? "")) at++;
  };
  value(0, true);
  return lineAt(text, best);
}

/** The line, counted from 1, of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
