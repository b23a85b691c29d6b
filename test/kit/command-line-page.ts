import type { Command } from "commander";
import { createProgram } from "../../cli/program.js";

const HEAD = `# Command line

Results go to standard output, everything else to standard error. A command exits with 0 when it did what it was asked, with 1
when it failed, and with 2 when the command itself was wrong. \`--json\` prints results, and errors, as JSON.

The log of daemons goes to standard error as JSON lines; \`EDGELESS_LOG\` (or \`RUST_LOG\`) sets its level: silent, error, warn,
info, debug, trace.

Completion for your shell: \`source <(edgeless completion bash)\`, or \`zsh\`, \`fish\`.
`;

/** The text of docs/command-line.md. */
export function renderCommandLinePage(): string {
  return HEAD + sections(createProgram(), "edgeless").join("");
}

function sections(command: Command, name: string): string[] {
  command.configureHelp({ helpWidth: 110 });
  const own =
    command.commands.length === 0
      ? [`\n## ${name}\n\n\`\`\`text\n${command.helpInformation().trimEnd()}\n\`\`\`\n`]
      : [];
  const visible = command.commands.filter((inner) => inner.name() !== "complete");
  return [...own, ...visible.flatMap((inner) => sections(inner, `${name} ${inner.name()}`))];
}
