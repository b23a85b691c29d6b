import {
  child,
  childrenOf,
  identifier,
  list,
  Printer,
  parseScript,
  type SyntaxNode,
  walk,
} from "./syntax.js";

/** Longest text that is written out at each use. */
const LONGEST_TEXT = 40;

/** A constant of the outermost scope. */
interface Constant {
  readonly value: SyntaxNode;
  readonly isComposite: boolean;
  uses: number;
}

/**
 * Writes constants where they are used: a variable that only holds a number or a text costs a board memory, and each use a search for it.
 * Lists and objects of constants too, as far as nothing hot uses them: they then exist only while they are needed.
 * @param script ES2015, one scope
 * @param hot functions of the outermost scope that stay in memory
 */
export function constantsInPlace(script: string, hot: ReadonlySet<string>): string {
  const program = parseScript(script, 2015);
  const constants = findConstants(program);
  keepWhatMustStay(program, constants, hot);
  const printer: Printer = new Printer(script, (node, parent) => {
    if (node.type === "VariableDeclaration" && parent === program) return rest(printer, node, constants);
    const name = identifier(node);
    if (name === undefined || !isUse(node, parent)) return undefined;
    const value = constants.get(name)?.value;
    if (value === undefined) return undefined;
    const text = printer.inside(value);
    const isKey = parent?.type === "Property" && child(parent, "key") === node;
    return isKey ? `${name}: ${text}` : value.type === "UnaryExpression" ? `(${text})` : text;
  });
  return printer.print(program);
}

/** What remains of a declaration. */
function rest(
  printer: Printer,
  node: SyntaxNode,
  constants: ReadonlyMap<string, Constant>,
): string | undefined {
  const declarators = list(node, "declarations");
  const kept = declarators.filter((declarator) => !constants.has(identifier(child(declarator, "id")) ?? ""));
  if (kept.length === declarators.length) return undefined;
  if (kept.length === 0) return "";
  return `${String(node.kind)} ${kept.map((declarator) => printer.print(declarator, node)).join(", ")};`;
}

function findConstants(program: SyntaxNode): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const statement of list(program, "body")) {
    if (statement.type !== "VariableDeclaration") continue;
    for (const declarator of list(statement, "declarations")) {
      const name = identifier(child(declarator, "id"));
      const value = child(declarator, "init");
      if (name === undefined || value === undefined) continue;
      if (isScalar(value)) constants.set(name, { value, isComposite: false, uses: 0 });
      else if (isComposite(value)) constants.set(name, { value, isComposite: true, uses: 0 });
    }
  }
  return constants;
}

function isScalar(node: SyntaxNode): boolean {
  if (node.type === "UnaryExpression" && node.operator === "-")
    return child(node, "argument")?.type === "Literal";
  if (node.type === "UnaryExpression" && node.operator === "!")
    return child(node, "argument")?.type === "Literal";
  return node.type === "Literal" && (typeof node.value !== "string" || node.value.length <= LONGEST_TEXT);
}

function isComposite(node: SyntaxNode): boolean {
  if (node.type === "Literal" || isScalar(node)) return true;
  if (node.type === "ArrayExpression") return list(node, "elements").every(isComposite);
  if (node.type !== "ObjectExpression") return false;
  return list(node, "properties").every((property) => {
    const value = child(property, "value");
    return (
      property.type === "Property" &&
      property.shorthand === false &&
      value !== undefined &&
      isComposite(value)
    );
  });
}

/** Takes out of the constants what is assigned to, hidden somewhere, compared, or used by something hot. */
function keepWhatMustStay(
  program: SyntaxNode,
  constants: Map<string, Constant>,
  hot: ReadonlySet<string>,
): void {
  const declared = new Map<string, number>();
  walk(program, (node, parent) => {
    const name = identifier(node);
    if (name === undefined || parent === undefined) return;
    if (isDeclaration(node, parent)) declared.set(name, (declared.get(name) ?? 0) + 1);
    const changed = parent.type === "AssignmentExpression" && child(parent, "left") === node;
    if (changed || parent.type === "UpdateExpression") constants.delete(name);
  });
  for (const [name, count] of declared) if (count > 1) constants.delete(name);
  const visit = (node: SyntaxNode, parent: SyntaxNode, isHot: boolean) => {
    const found = constants.get(identifier(node) ?? "");
    if (found !== undefined && isUse(node, parent)) {
      found.uses++;
      if (found.isComposite && (isHot || !isRead(node, parent))) constants.delete(identifier(node) ?? "");
    }
    for (const inner of childrenOf(node)) visit(inner, node, isHot);
  };
  for (const statement of list(program, "body"))
    visit(statement, program, hot.has(identifier(child(statement, "id")) ?? ""));
}

function isDeclaration(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type === "VariableDeclarator" || parent.type === "CatchClause")
    return child(parent, "init") !== node;
  if (parent.type === "AssignmentPattern") return child(parent, "left") === node;
  if (parent.type === "FunctionDeclaration" || parent.type === "FunctionExpression") return true;
  return parent.type === "ArrowFunctionExpression" && child(parent, "body") !== node;
}

/** True for a name that stands for the value of a variable. */
function isUse(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent?.type === "MemberExpression")
    return parent.computed === true || child(parent, "object") === node;
  if (parent?.type === "Property") return parent.shorthand === true || child(parent, "value") === node;
  return parent === undefined || !isDeclaration(node, parent);
}

/** True where a list or an object is only looked at, or handed on. */
function isRead(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type === "CallExpression") return child(parent, "callee") !== node;
  return parent.type === "MemberExpression" && child(parent, "object") === node;
}
