/** A block of shell commands in a page. */
export interface CommandBlock {
  /** First line of the block in the page, counted from 1. */
  readonly line: number;
  readonly script: string;
  /** Runs until the end of the page; this text tells that it is ready. */
  readonly background?: string;
}

/** The blocks of a Markdown page that are marked as shell commands and can run anywhere. */
export function commandBlocks(markdown: string): CommandBlock[] {
  return blocksOf(markdown, (info) => !info.includes("needs=board"));
}

/** The blocks of shell commands that need a board, marked by `needs=board`. */
export function boardCommandBlocks(markdown: string): CommandBlock[] {
  return blocksOf(markdown, (info) => info.includes("needs=board"));
}

function blocksOf(markdown: string, isWanted: (info: string) => boolean): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```sh\b(.*)$/.exec(lines[i] ?? "");
    if (fence === null) continue;
    const start = i + 1;
    while (i + 1 < lines.length && lines[i + 1] !== "```") i++;
    if (!isWanted(fence[1] ?? "")) continue;
    const until = /background until=(\S+)/.exec(fence[1] ?? "")?.[1];
    blocks.push({
      line: start + 1,
      script: lines.slice(start, i + 1).join("\n"),
      ...(until === undefined ? {} : { background: until }),
    });
    i++;
  }
  return blocks;
}
