import { closing } from "./brackets.js";
import { Precedence, type Text, within } from "./value.js";

/** The expression of a written statement that is an assignment or a call, without its semicolon. */
export function expressionOfStatement(statement: string): Text | undefined {
  if (!statement.endsWith(";")) {
    return undefined;
  }
  const text = statement.slice(0, -1);
  const name = /^(?:[^\w\s(){}[\]]|[A-Za-z$_]\w*)(?:\.\w+)?/u.exec(text)?.[0];
  if (name === undefined || /^(?:if|while|do|return|break|continue|for|var)$/.test(name)) {
    return undefined;
  }
  const next = text.charAt(name.length);
  if (next === "(") {
    return closing(text, name.length) === text.length - 1
      ? { text, precedence: Precedence.primary }
      : undefined;
  }
  const after = next === "[" ? closing(text, name.length) + 1 : name.length;
  return after > 0 && text.charAt(after) === "=" && text.charAt(after + 1) !== "="
    ? { text, precedence: Precedence.assignment }
    : undefined;
}

/** One statement for two of which a condition chooses one, where that is shorter than `if` and `else`. */
export function chosen(condition: Text, then: string, otherwise: string): string | undefined {
  const test = within(condition, Precedence.or);
  const [, left] = /^return ?([^;]+);$/.exec(then) ?? [];
  const [, right] = /^return ?([^;]+);$/.exec(otherwise) ?? [];
  if (left !== undefined && right !== undefined) {
    return `return${test.startsWith("(") ? "" : " "}${test}?${left}:${right};`;
  }
  const one = expressionOfStatement(then);
  const other = expressionOfStatement(otherwise);
  if (one === undefined || other === undefined) {
    return undefined;
  }
  const target = then.slice(0, then.indexOf("=") + 1);
  if (target.length === 2 && otherwise.startsWith(target)) {
    return `${target}${test}?${then.slice(2, -1)}:${otherwise.slice(2)}`;
  }
  return `${test}?${one.text}:${other.text};`;
}

/** One statement for a statement under a condition, where that is shorter than `if`. */
export function conditioned(condition: Text, statement: string): string {
  const plain = `if(${condition.text})${statement}`;
  const one = expressionOfStatement(statement);
  if (one === undefined) {
    return plain;
  }
  const short = `${within(condition, Precedence.and)}&&${within(one, Precedence.primary)};`;
  return short.length < plain.length ? short : plain;
}
