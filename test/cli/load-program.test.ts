import type { Command } from "commander";
import t from "tap";
import { loadProgram } from "../../cli/load-program.js";
import { createProgram } from "../../cli/program.js";

/** The help of a command and of those below it. */
function helpOf(command: Command): string {
  return [command.helpInformation(), ...command.commands.map(helpOf)].join("\n");
}

t.test(
  "given any command, when only its module is loaded, then it is that of the whole program",
  async (t) => {
    const whole = createProgram();
    for (const command of whole.commands) {
      const inner = command.name() === "function" ? command.commands : [command];
      for (const wanted of inner) {
        const words = wanted === command ? [command.name()] : [command.name(), wanted.name()];
        let found: Command = await loadProgram(words);
        for (const word of words) found = found.commands.find((one) => one.name() === word) ?? found;
        t.equal(helpOf(found), helpOf(wanted), words.join(" "));
      }
    }
  },
);

t.test(
  "given words that begin with no command, when they are run, then the whole program is there",
  async (t) => {
    const names = createProgram().commands.map((command) => command.name());
    for (const words of [
      [],
      ["--help"],
      ["-c", "cli.toml", "workflow", "list"],
      ["strat"],
      ["function"],
      ["complete"],
    ])
      t.same(
        (await loadProgram(words)).commands.map((command) => command.name()),
        names,
        words.join(" "),
      );
  },
);
