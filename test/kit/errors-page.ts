import { ERRORS } from "../../core/errors.js";

/** The text of docs/errors.md. */
export function renderErrorsPage(): string {
  const rows = Object.entries(ERRORS)
    .sort(([, a], [, b]) => a.number - b.number)
    .map(([code, { number, help }]) => `| ${number} | \`${code}\` | ${help.replaceAll("|", "\\|")} |`);
  return `# Errors

Every error that a user can meet has a stable code, one sentence that names the place, and a line of help. On constrained links
only the number travels. The command line prints the sentence, the code and the help on standard error and exits with 1, or with
2 when the command itself was wrong.

| number | code | what to do |
|---:|---|---|
${rows.join("\n")}
`;
}
