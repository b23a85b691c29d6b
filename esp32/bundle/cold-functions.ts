import { child, childrenOf, identifier, list, Printer, parseScript, type SyntaxNode } from "./syntax.js";

/** Names that the earlier steps leave free for this one. */
export const COLD_NAMES: readonly string[] = [..."TKLMOPQABCFGHIJN"];

/** What parameters of cold functions are called, so that one maker serves all. */
const PARAMETERS = COLD_NAMES.slice(7);

/** Makers of cold functions, by the most parameters that theirs have. */
const MAKERS: readonly [string, number][] = [
  ["K", 1],
  ["L", 2],
  ["M", 3],
  ["O", 4],
  ["Q", 6],
  ["P", PARAMETERS.length],
];

/** Digits of places and lengths within the cold text, filled up with spaces. */
const PLACE_DIGITS = 5;
const LENGTH_DIGITS = 4;

/** A script in two parts. */
export interface SplitScript {
  /** Runs at start. The cold text must be in the variable `T` before. */
  readonly resident: string;
  /** Bodies of functions, one after the other. */
  readonly cold: string;
  readonly residentFunctions: number;
  readonly coldFunctions: number;
}

interface ColdFunction {
  readonly node: SyntaxNode;
  readonly parameters: readonly string[];
  readonly maker: string;
  start: number;
  length: number;
}

/**
 * Takes all functions of the outermost scope that are not named `hot` out of a script. Each use of one makes it from its text, which
 * stays in flash: `f(a)` becomes `K(start,length)(a)`. A function that does not run so costs no variable at all. The text is not
 * read before it runs, and its only scope is the outermost one.
 * @param script ES5 with hoisted declarations, in which {@link COLD_NAMES} are not used
 */
export function splitColdFunctions(script: string, hot: ReadonlySet<string>): SplitScript {
  const program = parseScript(script, 5);
  const cold = findCold(program, hot);
  const printer = new ColdPrinter(script, cold);
  let at = 0;
  // Places have a fixed number of digits, so lengths do not depend on them.
  for (const found of cold.values()) {
    found.start = at;
    found.length = printer.body(found).length;
    at += found.length;
  }
  if (at >= 10 ** PLACE_DIGITS) throw new RangeError(`${at} characters of cold functions`);
  const text = [...cold.values()].map((found) => printer.body(found)).join("");
  const statements = list(program, "body");
  const resident = statements.map((node) => (isCold(node, cold) ? "" : printer.print(node))).join("");
  const functions = statements.filter(({ type }) => type === "FunctionDeclaration").length;
  return {
    resident: makers() + resident,
    cold: text,
    residentFunctions: functions - cold.size,
    coldFunctions: cold.size,
  };
}

function makers(): string {
  const texts = MAKERS.map(([name, count]) => {
    const parameters = PARAMETERS.slice(0, count).map((parameter) => `"${parameter}"`);
    return `function ${name}(A,B){return Function(${parameters.join()},T.substr(A,B))}`;
  });
  return texts.join("");
}

function isCold(node: SyntaxNode, cold: ReadonlyMap<string, ColdFunction>): boolean {
  return node.type === "FunctionDeclaration" && cold.has(identifier(child(node, "id")) ?? "");
}

function findCold(program: SyntaxNode, hot: ReadonlySet<string>): Map<string, ColdFunction> {
  const found = new Map<string, ColdFunction>();
  for (const node of list(program, "body")) {
    if (node.type !== "FunctionDeclaration") continue;
    const name = identifier(child(node, "id")) ?? "";
    const parameters = list(node, "params").map((parameter) => identifier(parameter) ?? "");
    const maker = MAKERS.find(([, count]) => parameters.length <= count)?.[0];
    if (!hot.has(name) && maker !== undefined)
      found.set(name, { node, parameters, maker, start: 0, length: 0 });
  }
  visitReferences(program, (name, parent, node) => {
    if (hasIdentity(node, parent)) found.delete(name);
  });
  return found;
}

/** True where a function cannot be another one with the same text: constructors, and what is assigned to. */
function hasIdentity(node: SyntaxNode, parent: SyntaxNode): boolean {
  const { type } = parent;
  if (type === "NewExpression") return child(parent, "callee") === node;
  if (type === "MemberExpression") return child(parent, "object") === node;
  if (type === "AssignmentExpression") return child(parent, "left") === node;
  return type === "BinaryExpression" && parent.operator === "instanceof";
}

/** Calls `visit` for every use of a name of the outermost scope. */
function visitReferences(
  program: SyntaxNode,
  visit: (name: string, parent: SyntaxNode, node: SyntaxNode) => void,
): void {
  const down = (node: SyntaxNode, parent: SyntaxNode, hidden: ReadonlySet<string>) => {
    const inside = isScope(node) ? new Set([...hidden, ...declaredIn(node).keys()]) : hidden;
    const name = identifier(node);
    if (name !== undefined && !hidden.has(name) && isReference(node, parent)) visit(name, parent, node);
    for (const inner of childrenOf(node)) down(inner, node, inside);
  };
  for (const statement of list(program, "body")) down(statement, program, new Set());
}

class ColdPrinter {
  readonly #cold: ReadonlyMap<string, ColdFunction>;
  readonly #printer: Printer;
  /** New names of what is declared in the functions around, the innermost last. */
  readonly #scopes: Map<string, string>[] = [];

  constructor(script: string, cold: ReadonlyMap<string, ColdFunction>) {
    this.#cold = cold;
    this.#printer = new Printer(script, (node, parent) => this.#change(node, parent));
  }

  print(node: SyntaxNode): string {
    return this.#printer.print(node);
  }

  /** The statements of a cold function. */
  body({ node, parameters }: ColdFunction): string {
    const names = declaredIn(node);
    parameters.forEach((parameter, at) => {
      names.set(parameter, PARAMETERS[at] ?? parameter);
    });
    this.#scopes.push(names);
    const body = child(node, "body") ?? node;
    const text = this.#printer.inside(body).slice(1, -1);
    this.#scopes.pop();
    return text;
  }

  #change(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
    if (isScope(node)) {
      this.#scopes.push(declaredIn(node));
      const text = this.#printer.inside(node);
      this.#scopes.pop();
      return text;
    }
    const name = identifier(node);
    if (name === undefined || !isReference(node, parent)) return undefined;
    for (let at = this.#scopes.length - 1; at >= 0; at--) {
      const renamed = this.#scopes[at]?.get(name);
      if (renamed !== undefined) return renamed;
    }
    const found = this.#cold.get(name);
    if (found === undefined) return undefined;
    const start = String(found.start).padEnd(PLACE_DIGITS);
    return `${found.maker}(${start},${String(found.length).padEnd(LENGTH_DIGITS)})`;
  }
}

/** True for a name that stands for a variable, not for a member or a key. */
function isReference(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent?.type === "MemberExpression")
    return parent.computed === true || child(parent, "object") === node;
  if (parent?.type === "Property") return child(parent, "value") === node;
  return true;
}

function isScope({ type }: SyntaxNode): boolean {
  return type === "FunctionDeclaration" || type === "FunctionExpression" || type === "CatchClause";
}

/** What a scope declares: parameters, variables, functions and its own name, or a caught value. */
function declaredIn(node: SyntaxNode): Map<string, string> {
  const names = new Map<string, string>();
  const add = (declared: SyntaxNode | undefined) => {
    const name = identifier(declared);
    if (name !== undefined) names.set(name, name);
  };
  if (node.type === "CatchClause") {
    add(child(node, "param"));
    return names;
  }
  if (node.type === "FunctionExpression") add(child(node, "id"));
  for (const parameter of list(node, "params")) add(parameter);
  const visit = (inner: SyntaxNode) => {
    if (inner.type === "FunctionDeclaration") add(child(inner, "id"));
    if (inner.type === "FunctionDeclaration" || inner.type === "FunctionExpression") return;
    if (inner.type === "VariableDeclarator") add(child(inner, "id"));
    for (const value of Object.values(inner).flat()) {
      if (typeof value === "object" && value !== null && "type" in value && "start" in value)
        visit(value as SyntaxNode);
    }
  };
  const body = child(node, "body");
  if (body !== undefined) visit(body);
  return names;
}
