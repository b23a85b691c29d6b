import { EdgelessError } from "../../core/errors.js";
import { chosen, conditioned } from "./expression-statement.js";
import { BranchTargets, type Condition, type Statement } from "./statement.js";
import { Precedence, within } from "./value.js";

/** Bound on the work for one function: code that branches about wildly is refused instead of taking long. */
const MAX_STEPS = 200_000;

/** How deep arms may be inside each other before a block becomes a loop that is left; the interpreter recurses here. */
const MAX_NESTING = 12;

/** How deep the text may be at all. */
const MAX_DEEP = 100;

/** A loop of the text, which `break` leaves. */
interface Breakable {
  /** Where `continue` goes. */
  readonly loop: number | undefined;
  /** The constructs whose end `break` reaches. */
  readonly lands: ReadonlySet<number>;
  /** The branches that go further than `break`. */
  readonly exits: Set<number>;
}

/** Where a list of statements stands. */
interface Place {
  /** The constructs that falling off the end of the list branches to. */
  readonly tail: ReadonlySet<number>;
  readonly inner: Breakable | undefined;
  /** The blocks without a loop of their own that are around the list inside `inner`. */
  readonly inlined: ReadonlySet<number>;
  readonly nesting: number;
}

/** Thrown when a block has to be written as a loop that is left with `break`. */
class NeedsLoop {
  readonly block: number;

  constructor(block: number) {
    this.block = block;
  }
}

/** Names that the text uses. */
export interface StructureNames {
  /** The local that says which construct is being left. */
  readonly exit: string;
  /** An expression that charges a turn of a loop and is true. */
  readonly turn: () => string;
}

const NOWHERE: ReadonlySet<number> = new Set();

/**
 * Writes structured code as JavaScript without labels. A block whose branches are all at the end of what they leave
 * becomes nested arms of `if`; any other is `do{...}while(0)`. A branch that crosses a loop sets a local, leaves the
 * loop, and goes on after it.
 */
export class StructuredText {
  readonly #names: StructureNames;
  readonly #targets = new BranchTargets();
  readonly #loops = new Set<number>();
  readonly #codes = new Map<number, number>();
  /** The construct that stands for the whole function. */
  #function = 0;
  /** Numbers for the ends of loops; constructs have positive ones. */
  #lastEnd = 0;
  #steps = 0;

  constructor(names: StructureNames) {
    this.#names = names;
  }

  /** Whether the local of {@link StructureNames.exit} is used. */
  get usesExit(): boolean {
    return this.#codes.size > 0;
  }

  /** The text of a function's code; falling off its end leaves the function. Throws EDGELESS_WASM_TOO_LARGE. */
  write(list: readonly Statement[], functionEnd: number): string {
    this.#function = functionEnd;
    return this.#list(list, {
      tail: new Set([functionEnd]),
      inner: undefined,
      inlined: NOWHERE,
      nesting: 0,
    }).join("");
  }

  #list(list: readonly Statement[], place: Place): string[] {
    if (place.nesting > MAX_DEEP) {
      throw new EdgelessError("EDGELESS_WASM_TOO_LARGE", "a function nests too deeply for boards");
    }
    const out: string[] = [];
    for (let at = 0; at < list.length; at += 1) {
      const statement = list[at];
      if (statement === undefined) {
        break;
      }
      this.#steps += 1;
      if (this.#steps > MAX_STEPS) {
        throw new EdgelessError("EDGELESS_WASM_TOO_LARGE", "a function branches too much to be translated");
      }
      const rest = list.slice(at + 1);
      const here = rest.length === 0 ? place : { ...place, tail: NOWHERE };
      switch (statement.kind) {
        case "do":
          out.push(`${statement.text};`);
          break;
        case "leave":
          out.push(`${statement.text};`);
          return out;
        case "branch":
          out.push(...this.#branch(statement.target, place));
          return out;
        case "if": {
          const { whenTrue, whenFalse, condition } = statement;
          const [run, skipped] = this.#run(list.slice(at), place);
          if (run !== undefined) {
            out.push(run);
            at += skipped - 1;
            break;
          }
          const [next] = rest;
          if (rest.length === 1 && next?.kind === "leave" && whenFalse.length === 0) {
            const [only] = whenTrue;
            if (whenTrue.length === 1 && only?.kind === "leave") {
              return [...out, ...this.#if(condition, [`${only.text};`], [`${next.text};`])];
            }
          }
          if (rest.length > 0 && this.#takesRest(whenTrue, place)) {
            const nested = { ...place, nesting: place.nesting + 1 };
            const arm = this.#list([...whenFalse, ...rest], nested);
            return [...out, ...this.#if(condition, this.#list(whenTrue, nested), arm)];
          }
          if (rest.length > 0 && this.#takesRest(whenFalse, place)) {
            const nested = { ...place, nesting: place.nesting + 1 };
            const arm = this.#list([...whenTrue, ...rest], nested);
            return [...out, ...this.#if(condition, arm, this.#list(whenFalse, nested))];
          }
          const nested = { ...here, nesting: place.nesting + 1 };
          out.push(...this.#if(condition, this.#list(whenTrue, nested), this.#list(whenFalse, nested)));
          break;
        }
        case "exit": {
          const done = this.#exit(statement, rest, place, out);
          if (done !== undefined) {
            return done;
          }
          break;
        }
        case "block": {
          const inline = this.#tryInline(statement.id, statement.body, here);
          if (inline !== undefined) {
            out.push(...inline);
            break;
          }
          const lands = new Set([...here.tail, statement.id]);
          const inner: Breakable = { loop: undefined, lands, exits: new Set() };
          const body = this.#list(statement.body, {
            tail: lands,
            inner,
            inlined: NOWHERE,
            nesting: place.nesting + 1,
          });
          out.push(`do{${ending(body)}}while(0);`);
          return [...out, ...this.#afterwards(inner, rest, place)];
        }
        case "loop": {
          if (this.#targets.count(statement.body, statement.id) === 0) {
            return [...out, ...this.#list([...statement.body, ...rest], place)];
          }
          const inner = this.#loop(statement, here, out);
          return [...out, ...this.#afterwards(inner, rest, place)];
        }
      }
    }
    return out;
  }

  /** Whether what follows an `if` goes into its other arm, so that a branch at the end of this arm needs no loop. */
  #takesRest(arm: readonly Statement[], { tail, inner, nesting }: Place): boolean {
    if (nesting >= MAX_NESTING || !this.#targets.diverges(arm)) {
      return false;
    }
    return arm.some((statement) =>
      [...this.#targets.of(statement).keys()].some(
        (target) => target !== this.#function && tail.has(target) && !inner?.lands.has(target),
      ),
    );
  }

  #branch(target: number, { tail, inner, inlined }: Place): string[] {
    if (tail.has(target)) {
      return [];
    }
    if (target === this.#function) {
      return ["return;"];
    }
    if (inner === undefined || inlined.has(target)) {
      throw new NeedsLoop(target);
    }
    if (inner.lands.has(target)) {
      return ["break;"];
    }
    if (inner.loop === target) {
      return ["continue;"];
    }
    inner.exits.add(target);
    return [`${this.#names.exit}=${this.#code(target)};`, "break;"];
  }

  #exit(
    { target, only, others = [] }: Extract<Statement, { kind: "exit" }>,
    rest: readonly Statement[],
    place: Place,
    out: string[],
  ): string[] | undefined {
    const { exit } = this.#names;
    const { tail, inner } = place;
    const text = only ? exit : `${exit}==${this.#code(target)}`;
    const precedence = only ? Precedence.primary : Precedence.equality;
    const condition: Condition = { text, precedence };
    if (tail.has(target) && rest.length === 0) {
      out.push(`${exit}=0;`);
    } else if (inner?.lands.has(target) || inner?.loop === target) {
      const jump = inner.loop === target ? "continue;" : "break;";
      out.push(...this.#if(condition, [`${exit}=0;`, jump], []));
    } else if (tail.has(target)) {
      const nested = { ...place, nesting: place.nesting + 1 };
      return [...out, ...this.#if(condition, [`${exit}=0;`], this.#list(rest, nested))];
    } else if (inner !== undefined && !place.inlined.has(target)) {
      for (const further of [target, ...others]) {
        if (place.inlined.has(further)) {
          throw new NeedsLoop(further);
        }
        inner.exits.add(further);
      }
      out.push(...this.#if(condition, ["break;"], []));
    } else {
      throw new NeedsLoop(target);
    }
    return undefined;
  }

  /** The text of a block that needs no loop of its own, or undefined. */
  #tryInline(id: number, body: readonly Statement[], place: Place): string[] | undefined {
    if (this.#loops.has(id)) {
      return undefined;
    }
    const exits = [...(place.inner?.exits ?? [])];
    try {
      const tail = new Set([...place.tail, id]);
      return this.#list(body, { ...place, tail, inlined: new Set([...place.inlined, id]) });
    } catch (thrown) {
      if (thrown instanceof NeedsLoop) {
        this.#loops.add(thrown.block);
        place.inner?.exits.clear();
        for (const exit of exits) {
          place.inner?.exits.add(exit);
        }
        if (thrown.block === id) {
          return undefined;
        }
      }
      throw thrown;
    }
  }

  /** What follows a loop of the text: first the branches that went further than it. */
  #afterwards({ exits }: Breakable, rest: readonly Statement[], place: Place): string[] {
    const { tail, inner } = place;
    const lands = (target: number) =>
      tail.has(target) || inner?.lands.has(target) === true || inner?.loop === target;
    const further = [...exits].filter((target) => !lands(target));
    const grouped = further.length > 1;
    const single = grouped ? [...exits].filter(lands) : [...exits];
    const only = exits.size === 1;
    const going = single.map((target): Statement => ({ kind: "exit", target, only }));
    const [target, ...others] = further;
    if (grouped && target !== undefined) {
      going.push({ kind: "exit", target, only: true, others });
    }
    return this.#list([...going, ...rest], place);
  }

  /** The text of several choices among numbers in a row that leave the same loop, and how many they are. */
  #run(
    list: readonly Statement[],
    { tail, inner, inlined }: Place,
  ): [text: string | undefined, count: number] {
    let count = 0;
    let [low, first, index] = [0, 0, ""];
    for (const statement of list) {
      if (statement.kind !== "if" || statement.choice === undefined) break;
      const { choice, whenTrue } = statement;
      const [only] = whenTrue;
      if (whenTrue.length !== 1 || only?.kind !== "branch" || only.target === this.#function) break;
      const { target } = only;
      const isNear = tail.has(target) || inner?.lands.has(target) === true || inner?.loop === target;
      if (inner === undefined || isNear || inlined.has(target)) break;
      const code = this.#codes.get(target) ?? this.#codes.size + 1;
      if (count === 0) [low, first, index] = [choice.value, code, choice.index];
      else if (choice.index !== index || choice.value !== low + count || code !== first + count) break;
      this.#code(target);
      inner.exits.add(target);
      count += 1;
    }
    if (count < 2) {
      return [undefined, 0];
    }
    const shift = first - low;
    const code = shift === 0 ? index : `${index}${shift < 0 ? shift : `+${shift}`}`;
    return [`if(${index}>${low - 1}&&${index}<${low + count}){${this.#names.exit}=${code};break}`, count];
  }

  #loop({ id, body }: Extract<Statement, { kind: "loop" }>, here: Place, out: string[]): Breakable {
    this.#lastEnd -= 1;
    const end = this.#lastEnd;
    const inner: Breakable = { loop: id, lands: new Set([...here.tail, end]), exits: new Set() };
    const turn: Place = { tail: new Set([id]), inner, inlined: NOWHERE, nesting: here.nesting + 1 };
    const list: readonly Statement[] = this.#targets.diverges(body)
      ? body
      : [...body, { kind: "branch", target: end }];
    const tested = this.#testedAtEnd(list, id);
    if (tested !== undefined) {
      const text = this.#list(list.slice(0, -2), { ...turn, tail: NOWHERE });
      out.push(`do{${ending([this.#charge(), ...text])}}while(${tested.text});`);
      return inner;
    }
    const [first, ...rest] = list;
    if (first?.kind === "if" && first.whenFalse.length === 0) {
      const leaves = rest[0]?.kind === "branch" && inner.lands.has(rest[0].target);
      if (leaves && this.#targets.diverges(first.whenTrue)) {
        out.push(this.#whileText(first.condition, this.#list(first.whenTrue, turn)));
        return inner;
      }
      const [only] = first.whenTrue;
      if (first.whenTrue.length === 1 && only?.kind === "branch" && inner.lands.has(only.target)) {
        out.push(this.#whileText(opposite(first.condition), this.#list(rest, turn)));
        return inner;
      }
    }
    out.push(`while(${this.#names.turn()})${braced(this.#list(list, turn))}`);
    return inner;
  }

  /** The condition of a loop that turns again only at its very end. */
  #testedAtEnd(list: readonly Statement[], id: number): Condition | undefined {
    const test = list[list.length - 2];
    const last = list[list.length - 1];
    if (test?.kind !== "if" || last?.kind !== "branch" || last.target !== this.#lastEnd) {
      return undefined;
    }
    const [only] = test.whenTrue;
    const turns = test.whenTrue.length === 1 && test.whenFalse.length === 0 && only?.kind === "branch";
    return turns && only.target === id && this.#targets.count(list, id) === 1 ? test.condition : undefined;
  }

  #charge(): string {
    return `${this.#names.turn()};`;
  }

  #whileText(condition: Condition, body: readonly string[]): string {
    return `while(${condition.text})${braced([this.#charge(), ...body])}`;
  }

  #if(condition: Condition, then: readonly string[], otherwise: readonly string[]): string[] {
    if (then.length === 0) {
      return otherwise.length === 0 ? [`${condition.text};`] : this.#if(opposite(condition), otherwise, []);
    }
    const [only = ""] = then;
    if (otherwise.length === 0) {
      return [then.length === 1 ? conditioned(condition, only) : `if(${condition.text})${braced(then)}`];
    }
    const [other = ""] = otherwise;
    const one = then.length === 1 && otherwise.length === 1 ? chosen(condition, only, other) : undefined;
    if (one !== undefined) {
      return [one];
    }
    const hidesElse = then.length === 1 && /^(if|while)/.test(only);
    const first = hidesElse ? `{${ending(then)}}` : braced(then);
    const second = braced(otherwise);
    return [`if(${condition.text})${first}else${second.startsWith("{") ? "" : " "}${second}`];
  }

  #code(target: number): number {
    const known = this.#codes.get(target) ?? this.#codes.size + 1;
    this.#codes.set(target, known);
    return known;
  }
}

function opposite({ text, precedence, inverse }: Condition): Condition {
  return (
    inverse ?? {
      text: `!${within({ text, precedence }, Precedence.unary)}`,
      precedence: Precedence.unary,
      inverse: { text, precedence },
    }
  );
}

/** Statements without the last semicolon, as they end before a closing brace. */
function ending(statements: readonly string[]): string {
  return statements.join("").replace(/;$/, "");
}

function braced(statements: readonly string[]): string {
  // A lone semicolon would be lost where it is the last one.
  const [only = "{}"] = statements;
  return statements.length < 2 ? only : `{${ending(statements)}}`;
}
