import type { z } from "zod";

/** Kinds of values in the words of JSON and TOML, by the names that schemas have for them. */
const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "a text",
};

/** What is wrong with a value in a file that a person wrote; undefined where the schema has words of its own. */
export function plainFault(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.input === undefined) return "is missing";
  const wanted = KINDS[issue.expected] ?? issue.expected;
  return `must be ${wanted}, not ${kindOf(issue.input)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return KINDS[typeof value] ?? typeof value;
}
