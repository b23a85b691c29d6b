import { type Node, parse } from "acorn";

/** A stretch of a script that is written anew; `text` is asked for when everything inside it is known. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: () => string;
}

type AnyNode = Node & { readonly [field: string]: unknown };

/**
 * Moves the declarations of every function to its start: functions first, then one declaration of all variables, whose
 * values become plain assignments. Espruino hoists nothing by itself. Takes ES5.
 */
export function hoistDeclarations(script: string): string {
  const program = parse(script, { ecmaVersion: 5 }) as unknown as AnyNode;
  return new Hoister(script).hoisted(program);
}

class Hoister {
  readonly #script: string;

  constructor(script: string) {
    this.#script = script;
  }

  /** The text of a program or function, hoisted. */
  hoisted(scope: AnyNode): string {
    const isProgram = scope.type === "Program";
    const block = isProgram ? scope : (scope.body as AnyNode);
    const parameters = isProgram ? [] : (scope.params as AnyNode[]).map(({ name }) => String(name));
    const variables = new Set<string>();
    const functions: string[] = [];
    const edits: Edit[] = [];
    for (const statement of block.body as AnyNode[])
      this.#collect(statement, block, edits, variables, functions);
    const own = [...variables].filter((name) => !parameters.includes(name));
    const head = functions.join("") + (own.length > 0 ? `var ${own.join(",")};` : "");
    const from = isProgram ? block.start : block.start + 1;
    const to = isProgram ? block.end : block.end - 1;
    const start = this.#script.slice(scope.start, from);
    return start + head + this.#render(from, to, edits) + this.#script.slice(to, scope.end);
  }

  /** Finds what is to be written anew below a node. */
  #collect(node: AnyNode, parent: AnyNode, edits: Edit[], variables: Set<string>, functions: string[]): void {
    const { type, start, end } = node;
    if (type === "FunctionDeclaration") {
      functions.push(this.hoisted(node));
      edits.push({ start, end, text: () => "" });
    } else if (type === "FunctionExpression") edits.push({ start, end, text: () => this.hoisted(node) });
    else if (type === "VariableDeclaration") {
      const inner: Edit[] = [];
      for (const declarator of node.declarations as AnyNode[]) {
        variables.add(nameOf(declarator));
        const value = declarator.init as AnyNode | null;
        if (value !== null) this.#collect(value, declarator, inner, variables, functions);
      }
      edits.push({ start, end, text: () => this.#assignments(node, parent, inner) });
    } else {
      for (const child of childrenOf(node)) this.#collect(child, node, edits, variables, functions);
    }
  }

  #assignments(node: AnyNode, parent: AnyNode, inner: readonly Edit[]): string {
    const declarators = node.declarations as AnyNode[];
    const [first] = declarators;
    if (parent.type === "ForInStatement" && first !== undefined) return nameOf(first);
    const parts = declarators.flatMap((declarator) => {
      const value = declarator.init as AnyNode | null;
      if (value === null) return [];
      const text = this.#render(value.start, value.end, inner);
      // The parentheses around a sequence are no part of it.
      return [`${nameOf(declarator)}=${value.type === "SequenceExpression" ? `(${text})` : text}`];
    });
    return parts.join(",") + (this.#script[node.end - 1] === ";" ? ";" : "");
  }

  #render(start: number, end: number, edits: readonly Edit[]): string {
    let text = "";
    let at = start;
    for (const edit of edits
      .filter((edit) => edit.start >= start && edit.end <= end)
      .sort((a, b) => a.start - b.start)) {
      text += this.#script.slice(at, edit.start) + edit.text();
      at = edit.end;
    }
    return text + this.#script.slice(at, end);
  }
}

function nameOf(declarator: AnyNode): string {
  return String((declarator.id as AnyNode).name);
}

function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node)
    .flat()
    .filter(
      (value): value is AnyNode =>
        typeof value === "object" && value !== null && "type" in value && "start" in value,
    );
}
