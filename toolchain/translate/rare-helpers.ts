import { argumentsFrom } from "./brackets.js";
/** A helper that is written where it is called, when there are few calls. */
export interface RareHelper {
  readonly name: string;
  /** What a call becomes, for its arguments; undefined: it stays a call. */
  readonly written: (args: readonly string[]) => string | undefined;
}

/** Calls up to which a helper costs more variables of the interpreter than it saves text. */
const MAX_CALLS = 2;

/** The bodies with the calls of helpers that are rare replaced. The text has no string literals. */
export function withoutRareHelpers(bodies: readonly string[], helpers: readonly RareHelper[]): string[] {
  return helpers.reduce(
    (texts, { name, written }) => {
      const calls = texts.reduce((sum, text) => sum + text.split(name).length - 1, 0);
      return calls > MAX_CALLS ? texts : texts.map((text) => replaced(text, name, written));
    },
    [...bodies],
  );
}

function replaced(text: string, name: string, written: RareHelper["written"]): string {
  let out = text;
  for (let at = out.indexOf(name); at >= 0; at = out.indexOf(name, at + 1)) {
    const { args, end } = argumentsFrom(out, at + 1);
    const expression = written(args);
    if (expression !== undefined) {
      const isStatement = /^$|[;{}]/.test(out.charAt(at - 1)) && /^$|[;}]/.test(out.charAt(end));
      const whole = isStatement ? expression : `(${expression})`;
      out = out.slice(0, at) + whole + out.slice(end);
    }
  }
  return out;
}
