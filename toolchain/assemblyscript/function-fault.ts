import { HANDLERS } from "./plain-message.js";
import { type DecoratedClass, FUNCTION_DECORATOR, type SourceFacts } from "./source-facts.js";

/** Something to say of a place in a source. */
export interface Remark {
  readonly message: string;
  /** In UTF-16 code units. */
  readonly offset: number;
}

/** What is wrong with the class that is to be the function, as far as it shows before compiling; undefined: nothing. */
export function functionFault(facts: SourceFacts): Remark | undefined {
  const { classes, undecorated, misplaced, decoratorImport } = facts;
  if (decoratorImport !== undefined) {
    return {
      message: `${FUNCTION_DECORATOR} is known everywhere: do not import it`,
      offset: decoratorImport,
    };
  }
  const [first, second] = classes;
  if (misplaced !== undefined) {
    return { message: `@${FUNCTION_DECORATOR} belongs in front of a class`, offset: misplaced };
  }
  if (first === undefined) {
    const where =
      undecorated === undefined ? "the class that extends EdgeFunction" : `class ${undecorated.name}`;
    const message = `no class with @${FUNCTION_DECORATOR}: put it in front of ${where}`;
    return { message, offset: undecorated?.offset ?? 0 };
  }
  if (second !== undefined) {
    return { message: `only one class may have @${FUNCTION_DECORATOR}`, offset: second.offset };
  }
  const { name, offset, base, wantsArguments } = first;
  if (base === undefined) return { message: `class ${name} must extend EdgeFunction`, offset };
  if (wantsArguments === undefined) return undefined;
  const message = `a function is made without arguments: use onInit(payload, state) for what it needs`;
  return { message, offset: wantsArguments };
}

/** Methods that look like handlers, written in another way, which nobody would call; else a class that handles no event at all. */
export function handlerWarnings(found: DecoratedClass | undefined): Remark[] {
  if (found === undefined) return [];
  const misspelt = found.methods.flatMap(({ name, offset }) => {
    if (HANDLERS.has(name)) return [];
    const meant = [...HANDLERS.keys()].find((handler) => isNearly(name, handler));
    return meant === undefined ? [] : [{ message: `${name} is no handler: did you mean ${meant}?`, offset }];
  });
  const { name, offset, handlers } = found;
  const isDeaf = handlers !== undefined && !handlers.has("onCast") && !handlers.has("onCall");
  if (misspelt.length > 0 || !isDeaf) return misspelt;
  return [{ message: `class ${name} has neither onCast nor onCall: events do nothing`, offset }];
}

/** Whether names differ in case, or in one letter that is missing, added or another. */
function isNearly(a: string, b: string): boolean {
  const [one, other] = [a.toLowerCase(), b.toLowerCase()];
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  const [restA, restB] = [one.slice(start), other.slice(start)];
  return (
    restA === restB ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA !== "" && restA.slice(1) === restB.slice(1))
  );
}
