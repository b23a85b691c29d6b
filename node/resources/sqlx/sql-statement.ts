/** Kinds of databases, whose languages differ a little. */
export type SqlDialect = "sqlite" | "postgres" | "mysql";

/** What a statement does, and so what a call that carries it is answered with. */
export type StatementKind = "read" | "write";

/** A statement whose placeholders are known. */
export interface SqlStatement {
  readonly kind: StatementKind;
  readonly text: string;
  /** Where the workflow id goes: `$1`, and `?` except in PostgreSQL, where it is an operator. */
  readonly placeholders: readonly Placeholder[];
}

/** A place in the text of a statement, outside of quotes and comments. */
export interface Placeholder {
  readonly at: number;
  readonly mark: "$1" | "?";
}

const READS = ["SELECT", "VALUES"];
const WRITES = ["INSERT", "UPDATE", "DELETE", "REPLACE"];

/** Quoted texts and names; in MySQL a backslash takes the next character into the text. */
const QUOTED = "'[^']*(?:''[^']*)*(?:'|$)|\"[^\"]*(?:\"\"[^\"]*)*(?:\"|$)";
const QUOTED_MYSQL = String.raw`'[^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*(?:'|$)|"[^"\\]*(?:(?:""|\\[\s\S])[^"\\]*)*(?:"|$)`;
/** A name in backquotes, comment, placeholder, word or blanks; anything else is a single character. */
const OTHER = String.raw`\`[^\`]*(?:\`|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$\d+|[A-Za-z_][\w$]*|\s+|[\s\S]`;

/** SQLite also takes [names] and, in the names of variables, brackets whose content may be anything. */
const SQLITE_NAME = String.raw`\[[^\]]*(?:\]|$)`;
const SQLITE_VARIABLE = /^[$@#:]/;
/** What the SQLite library comes with that reaches beyond the database. */
const SQLITE_OUTWARD = [
  "carray",
  "edit",
  "fsdir",
  "fts3_tokenizer",
  "fts3tokenize",
  "load_extension",
  "lsmode",
  "readfile",
  "sqlite_crypt",
  "sqlite_dbpage",
  "sqlite_log",
  "sqlite3mc_codec_data",
  "sqlite3mc_config",
  "sqlite3mc_config_table",
  "writefile",
];

/**
 * Reads what matters of an SQL statement: what it does and where the workflow id goes. It has to see quotes exactly as
 * the database does, so that nothing can hide behind them.
 * @returns undefined for what is neither SELECT, INSERT, UPDATE, DELETE nor a WITH that leads to one of them, for
 * several statements in one text, and in SQLite for variables other than $1 and functions that reach other files
 */
export function parseStatement(text: string, dialect: SqlDialect): SqlStatement | undefined {
  if (text.includes("\0")) return undefined;
  const quoted = dialect === "mysql" ? QUOTED_MYSQL : QUOTED;
  const tokens = new RegExp(`${dialect === "sqlite" ? `${SQLITE_NAME}|` : ""}${quoted}|${OTHER}`, "g");
  let kind: StatementKind | undefined;
  let isWith = false;
  let depth = 0;
  let isFirst = true;
  let isOver = false;
  const placeholders: Placeholder[] = [];
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (/^\s|^--|^\/\*/.test(token)) continue;
    if (isOver) return undefined;
    if (dialect === "sqlite" && SQLITE_OUTWARD.includes(bareName(token))) return undefined;
    if (dialect === "sqlite" && SQLITE_VARIABLE.test(token)) {
      const next = text[index + token.length] ?? "";
      if (token !== "$1" || next === "(" || next === ":") return undefined;
    }
    const word = token.toUpperCase();
    if (token === ";") isOver = true;
    else if (token === "(") depth++;
    else if (token === ")") depth--;
    else if (token === "$1" || (token === "?" && dialect !== "postgres"))
      placeholders.push({ at: index, mark: token });
    else if (isFirst && word === "WITH") isWith = true;
    else if (kind === undefined && (isFirst || (isWith && depth === 0))) kind = kindOf(word);
    if (kind === undefined && !isWith) return undefined;
    isFirst = false;
  }
  return kind === undefined ? undefined : { kind, text, placeholders };
}

/** The text with every placeholder written as `?`, as MySQL wants it. */
export function withQuestionMarks({ text, placeholders }: SqlStatement): string {
  let result = "";
  let end = 0;
  for (const { at, mark } of placeholders) {
    result += `${text.slice(end, at)}?`;
    end = at + mark.length;
  }
  return result + text.slice(end);
}

/** A name without its quotes, whichever it has. */
function bareName(token: string): string {
  return token.replace(/^[[`"']|[\]`"']$/g, "").toLowerCase();
}

function kindOf(word: string): StatementKind | undefined {
  if (READS.includes(word)) return "read";
  return WRITES.includes(word) ? "write" : undefined;
}
