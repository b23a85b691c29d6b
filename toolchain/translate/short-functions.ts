/** A function of the text, with stand-ins for names. */
export interface NamedFunction {
  readonly name: string;
  readonly parameters: string;
  readonly body: string;
}

/** The functions that do nothing but hand their arguments to another one, with the name of that one. */
export function forwarders(functions: readonly NamedFunction[]): ReadonlyMap<string, string> {
  const parameters = new Map(functions.map((one) => [one.name, one.parameters]));
  const targets = new Map<string, string>();
  for (const { name, parameters: given, body } of functions) {
    const [, target = "", args] = /^(?:return )?([^\w(])\(([\w,]*)\)$/u.exec(body) ?? [];
    const taken = parameters.get(target)?.split(",").length;
    if (target !== name && args === given && taken === given.split(",").length) {
      targets.set(name, target);
    }
  }
  return new Map([...targets.keys()].map((name) => [name, lastOf(targets, name)]));
}

/** Whether calling a function makes no difference, except that it gives zero or nothing. */
export function doesNothing({ body }: NamedFunction): boolean {
  return body === "" || body === "return 0";
}

function lastOf(targets: ReadonlyMap<string, string>, name: string): string {
  const seen = new Set([name]);
  let last = name;
  for (let next = targets.get(last); next !== undefined && !seen.has(next); next = targets.get(last)) {
    seen.add(next);
    last = next;
  }
  return last;
}
