import { stripVTControlCharacters } from "node:util";

/** A line that the device runtime wrote to the console. */
export interface BoardLogLine {
  /** As in EDGELESS: 1 (error) to 5 (trace). */
  readonly level: number;
  readonly text: string;
}

/** Longest line that is kept together, characters. */
const LONGEST_LINE = 4096;

/** Joins the text of a console into lines, without what only moves a terminal's cursor. */
export class ConsoleLines {
  #rest = "";

  /** Takes text and gives the lines that became complete; text of one character a byte becomes UTF-8. */
  push(text: string): string[] {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    if (this.#rest.length > LONGEST_LINE) {
      parts.push(this.#rest);
      this.#rest = "";
    }
    return parts.map(plainLine);
  }

  /** What came since the last line end. */
  get partial(): string {
    return plainLine(this.#rest);
  }
}

function plainLine(line: string): string {
  const text = Buffer.from(line, "latin1").toString("utf8");
  // What stands before a return to the start of the line is overwritten: the prompt, and what was typed.
  const visible = text.replace(/\r+$/, "").replace(/^.*\r/, "");
  return stripVTControlCharacters(visible)
    .replace(/\p{Cc}/gu, "")
    .replace(/^>+/, "");
}

/** A log line of the device runtime, `edgeless <level> <text>`; undefined for any other. */
export function parseBoardLogLine(line: string): BoardLogLine | undefined {
  const match = /(?:^|[^\w.])edgeless ([1-5]) (.*)$/.exec(line);
  return match === null ? undefined : { level: Number(match[1]), text: match[2] ?? "" };
}
