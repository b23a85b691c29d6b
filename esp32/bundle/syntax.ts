import { type Node, type Options, parse } from "acorn";

/** A node of a syntax tree, as far as the steps of the bundle look at it. */
export type SyntaxNode = Node & { readonly [field: string]: unknown };

/** Reads a script. @throws SyntaxError */
export function parseScript(script: string, version: Options["ecmaVersion"]): SyntaxNode {
  return parse(script, { ecmaVersion: version }) as unknown as SyntaxNode;
}

/** The nodes directly below a node, in the order of the text. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children = Object.values(node).flat().filter(isNode);
  children.sort((a, b) => a.start - b.start || b.end - a.end);
  // The key and the value of a shorthand property are the same text.
  return children.filter((child, at) => at === 0 || child.start >= (children[at - 1]?.end ?? 0));
}

/** Calls `visit` for a node and everything below it, parents first. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => void,
  parent?: SyntaxNode,
): void {
  visit(node, parent);
  for (const child of childrenOf(node)) walk(child, visit, node);
}

/** The field of a node that is a node itself. */
export function child(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const value = node[field];
  return isNode(value) ? value : undefined;
}

/** The field of a node that is a list of nodes. */
export function list(node: SyntaxNode, field: string): SyntaxNode[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The name of an identifier; undefined for anything else. */
export function identifier(node: SyntaxNode | undefined): string | undefined {
  return node?.type === "Identifier" ? String(node.name) : undefined;
}

/** The name of a member that is written out: `object.name`. */
export function memberName(node: SyntaxNode | undefined): string | undefined {
  if (node?.type !== "MemberExpression" || node.computed === true) return undefined;
  return identifier(child(node, "property"));
}

/** Prints nodes as they stand in their script, but for those that `change` gives another text. */
export class Printer {
  readonly #script: string;
  readonly #change: (node: SyntaxNode, parent: SyntaxNode | undefined) => string | undefined;

  constructor(
    script: string,
    change: (node: SyntaxNode, parent: SyntaxNode | undefined) => string | undefined,
  ) {
    this.#script = script;
    this.#change = change;
  }

  print(node: SyntaxNode, parent?: SyntaxNode): string {
    return this.#change(node, parent) ?? this.inside(node);
  }

  /** The text of a node whose own change does not count, only those below it. */
  inside(node: SyntaxNode): string {
    let text = "";
    let at = node.start;
    for (const inner of childrenOf(node)) {
      text += this.#script.slice(at, inner.start) + this.print(inner, node);
      at = inner.end;
    }
    return text + this.#script.slice(at, node.end);
  }

  /** A list of arguments. The parentheses around a sequence are no part of it. */
  all(nodes: readonly SyntaxNode[], parent: SyntaxNode): string {
    const texts = nodes.map((node) => {
      const text = this.print(node, parent);
      return node.type === "SequenceExpression" ? `(${text})` : text;
    });
    return texts.join(",");
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value && "end" in value;
}
