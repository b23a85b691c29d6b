import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";

const SCRIPTS: Record<string, string> = {
  bash: `_edgeless() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(edgeless complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _edgeless edgeless`,
  zsh: `#compdef edgeless
_edgeless() {
  local -a candidates
  candidates=("\${(@f)$(edgeless complete -- "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  compadd -a candidates || _files
}
compdef _edgeless edgeless`,
  fish: `complete -c edgeless -a '(edgeless complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

/** `edgeless completion SHELL` prints a script for the shell; it asks the hidden `edgeless complete` for candidates. */
export function addCompletionCommands(program: Command): void {
  program
    .command("completion <SHELL>")
    .description("print a completion script for bash, zsh or fish")
    .action((shell: string) => {
      const script = SCRIPTS[shell];
      if (script === undefined)
        throw new EdgelessError("EDGELESS_USAGE", `no completion for ${shell}: bash, zsh or fish`);
      process.stdout.write(`${script}\n`);
    });
  program
    .command("complete [WORDS...]", { hidden: true })
    .allowUnknownOption()
    .action((words: string[]) => {
      process.stdout.write(
        candidates(program, words)
          .map((word) => `${word}\n`)
          .join(""),
      );
    });
}

/** Words that can follow; the last of `words` is the one being typed, perhaps empty. */
export function candidates(program: Command, words: readonly string[]): string[] {
  let command = program;
  for (const word of words.slice(0, -1)) {
    const inner = command.commands.find((candidate) => candidate.name() === word);
    if (inner !== undefined) command = inner;
  }
  const typed = words[words.length - 1] ?? "";
  const names = command.commands.map((inner) => inner.name()).filter((name) => name !== "complete");
  const options = command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
  return [...names, ...(typed.startsWith("-") ? [...options, "--help"] : [])]
    .filter((word) => word.startsWith(typed))
    .sort();
}
