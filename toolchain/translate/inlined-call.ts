import { combine, isHarmless, merge, Precedence, type Value, within } from "./value.js";

/**
 * The expression of a function with its arguments in the place of the parameters; undefined where that would change how
 * often or in which order the arguments are computed.
 */
export function substituted(
  body: Value,
  parameters: readonly string[],
  args: readonly Value[],
): Value | undefined {
  let last = -1;
  for (const [at, parameter] of parameters.entries()) {
    const arg = args[at];
    const first = body.text.indexOf(parameter);
    const isOnce = first !== -1 && body.text.indexOf(parameter, first + 1) === -1;
    const isAtom = arg?.slot !== undefined || arg?.constant !== undefined;
    if (arg === undefined || arg.writes.size > 0 || (!isAtom && !(isOnce && isHarmless(arg)))) {
      return undefined;
    }
    last = Math.max(last, first);
  }
  if (last === -1 && parameters.length > 0) {
    return undefined;
  }
  const texts = new Map(
    parameters.map((parameter, at) => [parameter, within(args[at] ?? body, Precedence.primary)]),
  );
  let text = "";
  for (const character of body.text) {
    text += texts.get(character) ?? character;
  }
  const own = new Set([...body.reads].filter((read) => read < 0));
  const { reads, depth } = combine(...args);
  return {
    text,
    precedence: body.precedence,
    depth: depth + body.depth,
    low: body.low,
    high: body.high,
    loose: body.loose,
    reads: merge(own, reads),
    writes: body.writes,
  };
}
