import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import type { After, Before } from "../../esp32/tools/rom-loader.js";
import { type PortOptions, withPortOptions } from "./choose-port.js";

/** Options of every command that talks to the ROM loader. */
export interface LoaderOptions extends PortOptions {
  readonly before: string;
  readonly after: string;
  readonly stub: boolean;
  readonly verbose?: boolean;
}

/** Adds the options of a command that talks to the ROM loader. */
export function withLoaderOptions(command: Command, baud?: number): Command {
  return withPortOptions(command, baud)
    .option("--before <RESET>", "default-reset, or no-reset when the loader runs already", "default-reset")
    .option("--after <RESET>", "hard-reset, or no-reset to leave the loader running", "hard-reset")
    .option("--no-stub", "use the ROM alone, which is slower: for emulators, and chips on which it hangs")
    .option("--verbose", "tell what the loader does");
}

/** What is to become of the chip at the end. @throws EdgelessError EDGELESS_USAGE */
export function afterOf({ after }: LoaderOptions): After {
  return oneOf("--after", after, ["hard-reset", "no-reset"]);
}

/** How the chip is to be brought into its loader. @throws EdgelessError EDGELESS_USAGE */
export function beforeOf({ before }: LoaderOptions): Before {
  return oneOf("--before", before, ["default-reset", "no-reset"]);
}

/** One of the words of Espressif's esptool, whose older versions wrote them with underscores. */
function oneOf<T extends string>(option: string, value: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === value.replace("_", "-"));
  if (word !== undefined) return word;
  throw new EdgelessError("EDGELESS_USAGE", `${option} takes ${words.join(" or ")}, not "${value}"`);
}
