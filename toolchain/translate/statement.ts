import type { Text } from "./value.js";

/** A condition with its opposite where that is known. */
export interface Condition extends Text {
  readonly inverse?: Text;
}

/** Structured code with branches to numbered constructs: to the end of a block, to the head of a loop. */
export type Statement =
  | { readonly kind: "do"; readonly text: string }
  /** Leaves the function: returns, with a value, or traps. */
  | { readonly kind: "leave"; readonly text: string; readonly value?: string }
  | {
      readonly kind: "if";
      readonly condition: Condition;
      readonly whenTrue: readonly Statement[];
      readonly whenFalse: readonly Statement[];
      /** The condition is that a local or constant, as text, has this value. */
      readonly choice?: { readonly index: string; readonly value: number };
    }
  | { readonly kind: "block"; readonly id: number; readonly body: readonly Statement[] }
  | { readonly kind: "loop"; readonly id: number; readonly body: readonly Statement[] }
  | { readonly kind: "branch"; readonly target: number }
  /**
   * Goes on with a branch that had to leave an inner construct first; `only`: no other branch leaves that construct, or those
   * that do are `others`, which go as far or further, and those for which there was an `exit` before.
   */
  | {
      readonly kind: "exit";
      readonly target: number;
      readonly only: boolean;
      readonly others?: readonly number[];
    };

/** The constructs that a statement branches to. */
export class BranchTargets {
  readonly #known = new WeakMap<Statement, ReadonlyMap<number, number>>();

  /** How often each construct is branched to. */
  of(statement: Statement): ReadonlyMap<number, number> {
    const known = this.#known.get(statement);
    if (known !== undefined) {
      return known;
    }
    const targets = new Map<number, number>();
    switch (statement.kind) {
      case "branch":
        targets.set(statement.target, 1);
        break;
      case "exit":
        for (const target of [statement.target, ...(statement.others ?? [])]) {
          targets.set(target, 1);
        }
        break;
      case "if":
        this.#add(targets, statement.whenTrue);
        this.#add(targets, statement.whenFalse);
        break;
      case "block":
      case "loop":
        this.#add(targets, statement.body);
    }
    this.#known.set(statement, targets);
    return targets;
  }

  /** How often a construct is branched to in a list. */
  count(list: readonly Statement[], target: number): number {
    return list.reduce((sum, statement) => sum + (this.of(statement).get(target) ?? 0), 0);
  }

  /** Whether the end of a list is never reached. */
  diverges(list: readonly Statement[]): boolean {
    const last = list[list.length - 1];
    switch (last?.kind) {
      case "branch":
      case "leave":
        return true;
      case "if":
        return this.diverges(last.whenTrue) && this.diverges(last.whenFalse);
      case "loop":
        return this.diverges(last.body);
      case "block":
        return this.diverges(last.body) && this.count(last.body, last.id) === 0;
      default:
        return false;
    }
  }

  #add(targets: Map<number, number>, list: readonly Statement[]): void {
    for (const statement of list) {
      for (const [target, count] of this.of(statement)) {
        targets.set(target, (targets.get(target) ?? 0) + count);
      }
    }
  }
}

/** All texts of a list of statements, one after the other. */
export function textsOf(list: readonly Statement[]): string {
  return list
    .map((statement) => {
      switch (statement.kind) {
        case "do":
        case "leave":
          return statement.text;
        case "if":
          return statement.condition.text + textsOf(statement.whenTrue) + textsOf(statement.whenFalse);
        case "block":
        case "loop":
          return textsOf(statement.body);
        default:
          return "";
      }
    })
    .join("");
}
