import { parse } from "acorn";

/** Something in a script that a board's interpreter does not understand or gets wrong. */
export interface SubsetFault {
  readonly line: number;
  readonly what: string;
}

/** A node of the syntax tree, as far as it is looked at here. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** Global names that a board does not have. */
const GLOBALS: ReadonlySet<string> = new Set([
  "Map",
  "Set",
  "WeakMap",
  "WeakSet",
  "WeakRef",
  "Symbol",
  "BigInt",
  "Promise",
  "Proxy",
  "Reflect",
  "Intl",
  "WebAssembly",
  "TextEncoder",
  "TextDecoder",
  "BigInt64Array",
  "BigUint64Array",
  "SharedArrayBuffer",
  "Atomics",
  "queueMicrotask",
  "setImmediate",
  "structuredClone",
  "performance",
  "process",
  "Buffer",
  "console",
]);

/** Members of the built-in objects that a board does not have. */
const STATIC_MEMBERS: Readonly<Record<string, ReadonlySet<string>>> = {
  Math: new Set([
    "imul",
    "clz32",
    "fround",
    "trunc",
    "hypot",
    "cbrt",
    "log2",
    "log10",
    "log1p",
    "expm1",
    "sinh",
  ]),
  Number: new Set(["isInteger", "isSafeInteger", "isFinite", "isNaN", "EPSILON"]),
  Array: new Set(["from", "of"]),
  Object: new Set(["freeze", "isFrozen", "seal", "isSealed", "preventExtensions", "fromEntries", "is"]),
  String: new Set(["raw", "fromCodePoint"]),
  Uint8Array: new Set(["from", "of"]),
};

/** Methods that a board's objects do not have, whatever they are called on. */
const METHODS: ReadonlySet<string> = new Set([
  "copyWithin",
  "codePointAt",
  "normalize",
  "matchAll",
  "replaceAll",
  "flat",
  "flatMap",
  "at",
  "findLast",
  "toSorted",
]);

/**
 * Looks for what Espruino does not understand or gets wrong. Syntax beyond ES5, or another edition of the language, is a fault
 * in itself, reported where the parser meets it first.
 */
export function subsetFaults(script: string, edition: 5 | 2020 = 5): SubsetFault[] {
  const faults: SubsetFault[] = [];
  const fault = (at: number, what: string) => {
    faults.push({ line: script.slice(0, at).split("\n").length, what });
  };
  let program: SyntaxNode;
  try {
    program = parse(script, { ecmaVersion: edition }) as unknown as SyntaxNode;
  } catch (thrown) {
    return [
      { line: 0, what: `beyond ES${edition}: ${thrown instanceof Error ? thrown.message : String(thrown)}` },
    ];
  }
  visit(program, (node) => {
    check(node, (what) => fault(node.start, what));
    if (endsWithReturn(node, script)) fault(node.start, "a function whose last word is return");
  });
  return faults;
}

/**
 * Looks for declarations that a board meets too late: Espruino hoists nothing, so in every function its functions must come
 * first, and then, before anything else, all variables; each in one place only.
 */
export function hoistingFaults(script: string): SubsetFault[] {
  const faults: SubsetFault[] = [];
  const fault = (at: number, what: string) => {
    faults.push({ line: script.slice(0, at).split("\n").length, what });
  };
  visit(parse(script, { ecmaVersion: 5 }) as unknown as SyntaxNode, (node) => {
    const isFunction = node.type === "FunctionExpression" || node.type === "FunctionDeclaration";
    if (node.type !== "Program" && !isFunction) return;
    const body = asNodes(node.type === "Program" ? node.body : asNode(node.body)?.body);
    const start = body.findIndex(({ type, directive }) => !isDeclaration(type) && directive === undefined);
    const rest = start < 0 ? [] : body.slice(start);
    for (const statement of rest) reportDeclarations(statement, fault);
    const variable = body.findIndex(({ type }) => type === "VariableDeclaration");
    const late = body.findIndex(
      ({ type }, at) => type === "FunctionDeclaration" && variable >= 0 && at > variable,
    );
    if (late >= 0) fault(body[late]?.start ?? 0, "a function below a variable");
  });
  return faults;
}

function isDeclaration(type: string): boolean {
  return type === "FunctionDeclaration" || type === "VariableDeclaration";
}

/** Declarations below a statement, without those of inner functions, which are looked at on their own. */
function reportDeclarations(node: SyntaxNode, fault: (at: number, what: string) => void): void {
  if (node.type === "VariableDeclaration") fault(node.start, "a variable below a statement");
  if (node.type === "FunctionDeclaration") fault(node.start, "a function below a statement");
  if (node.type === "FunctionDeclaration" || node.type === "FunctionExpression") return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      const inner = asNode(child);
      if (inner !== undefined) reportDeclarations(inner, fault);
    }
  }
}

/** Espruino keeps a function without its last brace, and looks for the value of such a return beyond the end. */
function endsWithReturn(node: SyntaxNode, script: string): boolean {
  const body = /Function/.test(node.type) ? asNode(node.body) : undefined;
  return (
    body?.type === "BlockStatement" &&
    /(?:^|[^\w$])return\s*$/.test(script.slice(body.start, Number(body.end) - 1))
  );
}

function check(node: SyntaxNode, fault: (what: string) => void): void {
  if (node.type === "LabeledStatement") fault("a label");
  if (node.type === "SwitchStatement") checkSwitch(node, fault);
  if (node.type === "MemberExpression") checkMember(node, fault);
  if (node.type === "Identifier" && GLOBALS.has(String(node.name))) fault(`the name ${String(node.name)}`);
  if (node.type === "WithStatement") fault("with");
  if (node.type === "Literal" && "regex" in node) fault("a regular expression");
  if (node.type === "CallExpression") checkCall(node, fault);
  if (node.type === "AssignmentExpression" && propertyName(asNode(node.left)) === "length")
    checkLength(node, fault);
}

/** Arrays are cut with a number; objects of our own may have a field of this name. */
function checkLength(node: SyntaxNode, fault: (what: string) => void): void {
  if (asNode(node.right)?.type === "Literal") fault("an assignment to length");
}

function checkSwitch(node: SyntaxNode, fault: (what: string) => void): void {
  const cases = asNodes(node.cases);
  if (cases.some(({ test }, index) => test === null && index < cases.length - 1))
    fault("a default clause that is not the last one");
}

function checkMember(node: SyntaxNode, fault: (what: string) => void): void {
  const name = propertyName(node);
  if (name === undefined) return;
  const object = asNode(node.object);
  if (object?.type === "Identifier" && STATIC_MEMBERS[String(object.name)]?.has(name) === true)
    fault(`${String(object.name)}.${name}`);
  if (object?.type === "Identifier" && object.name === "Error" && name === "prototype")
    fault("a class that extends Error");
}

function checkCall(node: SyntaxNode, fault: (what: string) => void): void {
  const callee = asNode(node.callee);
  const args = asNodes(node.arguments);
  const method = propertyName(callee);
  if (method !== undefined && METHODS.has(method)) fault(`.${method}()`);
  if (method === "create" && asNode(callee?.object)?.name === "Object" && args.length > 1)
    fault("Object.create with properties");
  // Inheritance in ES5 hands the parent to the function that makes the class.
  if (
    args.some(
      (argument) => argument.type === "Identifier" && /^[A-Z]\w*Error$|^Error$/.test(String(argument.name)),
    )
  )
    fault("a class that extends Error");
}

/** Name of a property that is written out. */
function propertyName(node: SyntaxNode | undefined): string | undefined {
  if (node?.type !== "MemberExpression") return undefined;
  const property = asNode(node.property);
  if (node.computed === true) return property?.type === "Literal" ? String(property.value) : undefined;
  return property?.type === "Identifier" ? String(property.name) : undefined;
}

function visit(node: SyntaxNode, each: (node: SyntaxNode) => void): void {
  each(node);
  for (const [field, value] of Object.entries(node)) {
    // Names of properties are no names of variables.
    if (field === "property" && node.computed !== true) continue;
    if (field === "key") continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      const inner = asNode(child);
      if (inner !== undefined) visit(inner, each);
    }
  }
}

function asNode(value: unknown): SyntaxNode | undefined {
  return typeof value === "object" && value !== null && "type" in value && "start" in value
    ? (value as SyntaxNode)
    : undefined;
}

function asNodes(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.flatMap((item) => asNode(item) ?? []) : [];
}
