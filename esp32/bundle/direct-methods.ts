import {
  child,
  identifier,
  list,
  memberName,
  Printer,
  parseScript,
  type SyntaxNode,
  walk,
} from "./syntax.js";

/** The receiver, where it is a parameter. */
const SELF = "$self";

/** A class of a bundle. */
interface FoundClass {
  readonly name: string;
  readonly body: SyntaxNode;
  readonly construct: SyntaxNode | undefined;
  readonly methods: ReadonlyMap<string, SyntaxNode>;
  /** It must stay one: something asks whether an object is of it. */
  asked: boolean;
}

/**
 * Turns classes into plain functions, as far as nobody can tell. A method whose name is used for nothing else in the bundle becomes a
 * function that takes its object first, `object.method(a)` a call of it. What remains of a class is a function that makes its
 * objects, with a prototype that is made when the first one is.
 *
 * A class costs a board variables for each method from the start, and each object a look through its prototype at each call; a
 * function that is not in use costs nothing once it is left in flash.
 * @param script ES2015, one scope, without exports
 * @param outside names of members that the bundle does not define or whoever is outside of it uses
 */
export function directMethods(script: string, outside: ReadonlySet<string>): string {
  const program = parseScript(script, 2015);
  const classes = findClasses(program);
  const owners = directOwners(program, classes, outside);
  return new Rewriter(script, classes, owners).rewrite(program);
}

/** Name of the function that a method becomes. */
export function directName(className: string, method: string): string {
  return `${className}$${method}`;
}

function findClasses(program: SyntaxNode): Map<string, FoundClass> {
  const found = new Map<string, FoundClass>();
  for (const statement of list(program, "body")) {
    const declared = statement.type === "VariableDeclaration" ? list(statement, "declarations") : [statement];
    for (const declaration of declared) {
      const node = classIn(declaration);
      const name = identifier(child(declaration, "id")) ?? "";
      if (node === undefined) continue;
      if (child(node, "superClass") !== undefined) throw new SyntaxError(`class ${name} extends another one`);
      found.set(name, classOf(name, node));
    }
  }
  walk(program, (node) => {
    const asked = node.type === "BinaryExpression" && node.operator === "instanceof";
    const known = asked ? found.get(identifier(child(node, "right")) ?? "") : undefined;
    if (known !== undefined) known.asked = true;
  });
  return found;
}

/** The class that a statement, or one declarator, declares. */
function classIn(declaration: SyntaxNode): SyntaxNode | undefined {
  if (declaration.type === "ClassDeclaration") return declaration;
  const value = declaration.type === "VariableDeclarator" ? child(declaration, "init") : undefined;
  return value?.type === "ClassExpression" ? value : undefined;
}

function classOf(name: string, node: SyntaxNode): FoundClass {
  const body = child(node, "body") ?? node;
  const methods = new Map<string, SyntaxNode>();
  let construct: SyntaxNode | undefined;
  for (const member of list(body, "body")) {
    const key = identifier(child(member, "key"));
    const value = child(member, "value");
    const plain = member.type === "MethodDefinition" && member.static === false && member.computed === false;
    if (
      !plain ||
      key === undefined ||
      value === undefined ||
      !["constructor", "method"].includes(String(member.kind))
    )
      throw new SyntaxError(`class ${name} has a member that boards cannot have`);
    if (member.kind === "constructor") construct = value;
    else methods.set(key, value);
  }
  return { name, body, construct, methods, asked: false };
}

/** Which class a method name belongs to, for all names that are used for nothing but calls of that one method. */
function directOwners(
  program: SyntaxNode,
  classes: ReadonlyMap<string, FoundClass>,
  outside: ReadonlySet<string>,
): Map<string, FoundClass> {
  const owners = new Map<string, FoundClass>();
  const shared = new Set(outside);
  for (const found of classes.values()) {
    for (const method of found.methods.keys()) {
      if (owners.has(method)) shared.add(method);
      owners.set(method, found);
    }
  }
  walk(program, (node, parent) => {
    const called = parent?.type === "CallExpression" && child(parent, "callee") === node;
    const name = memberName(node);
    if (name !== undefined && !called) shared.add(name);
    if (node.type === "Property")
      shared.add(identifier(child(node, "key")) ?? String(child(node, "key")?.value));
  });
  for (const name of shared) owners.delete(name);
  return owners;
}

class Rewriter {
  readonly #classes: ReadonlyMap<string, FoundClass>;
  readonly #owners: ReadonlyMap<string, FoundClass>;
  readonly #printer: Printer;
  /** What `this` is called where the text is being written. */
  #receiver = "this";

  constructor(
    script: string,
    classes: ReadonlyMap<string, FoundClass>,
    owners: ReadonlyMap<string, FoundClass>,
  ) {
    this.#classes = classes;
    this.#owners = owners;
    this.#printer = new Printer(script, (node, parent) => this.#change(node, parent));
  }

  rewrite(program: SyntaxNode): string {
    return this.#printer.print(program);
  }

  #change(node: SyntaxNode, _parent: SyntaxNode | undefined): string | undefined {
    if (node.type === "ThisExpression") return this.#receiver;
    if (node.type === "CallExpression") return this.#call(node);
    if (node.type === "NewExpression") return this.#construction(node);
    if (node.type === "ClassDeclaration") return this.#class(node);
    return node.type === "VariableDeclaration" ? this.#variables(node) : undefined;
  }

  /** Declarations of which some are classes, each in a statement of its own. */
  #variables(node: SyntaxNode): string | undefined {
    const declarators = list(node, "declarations");
    if (!declarators.some((declarator) => classIn(declarator) !== undefined)) return undefined;
    const texts = declarators.map((declarator) =>
      classIn(declarator) === undefined
        ? `${String(node.kind)} ${this.#printer.print(declarator, node)};`
        : this.#class(declarator),
    );
    return texts.join("\n");
  }

  #call(node: SyntaxNode): string | undefined {
    const callee = child(node, "callee");
    const name = memberName(callee);
    const owner = name === undefined ? undefined : this.#owners.get(name);
    const object = callee === undefined ? undefined : child(callee, "object");
    if (owner === undefined || name === undefined || callee === undefined || object === undefined)
      return undefined;
    const all = [object, ...list(node, "arguments")];
    return `${directName(owner.name, name)}(${this.#printer.all(all, node)})`;
  }

  #construction(node: SyntaxNode): string | undefined {
    const found = this.#classes.get(identifier(child(node, "callee")) ?? "");
    if (found === undefined || found.asked) return undefined;
    return `${found.name}(${this.#printer.all(list(node, "arguments"), node)})`;
  }

  #class(node: SyntaxNode): string {
    const found = this.#classes.get(identifier(child(node, "id")) ?? "");
    if (found === undefined) return this.#printer.inside(node);
    const { name, construct, methods } = found;
    const direct: string[] = [];
    const shared: [string, string][] = [];
    for (const [method, value] of methods) {
      if (this.#owners.get(method) === found)
        direct.push(this.#function(directName(name, method), value, SELF, true));
      else shared.push([method, this.#function("", value, "this", false)]);
    }
    const maker = found.asked ? this.#asked(name, construct, shared) : this.#maker(name, construct, shared);
    return [maker, ...direct].join("\n");
  }

  /** A class that stays one. */
  #asked(name: string, construct: SyntaxNode | undefined, shared: readonly [string, string][]): string {
    const made =
      construct === undefined ? `function ${name}() {}` : this.#function(name, construct, "this", false);
    return [made, ...shared.map(([method, text]) => `${name}.prototype.${method} = ${text};`)].join("\n");
  }

  #maker(name: string, construct: SyntaxNode | undefined, shared: readonly [string, string][]): string {
    const parameters = construct === undefined ? "" : this.#printer.all(list(construct, "params"), construct);
    const body = construct === undefined ? "" : this.#body(construct, SELF);
    const prototype = `${name}$prototype`;
    // Made inside of the maker, its methods would hold on to all that the first object was made of.
    const make = `/*@__NOINLINE__*/ ${prototype}$make()`;
    const fresh = shared.length === 0 ? "{}" : `Object.create(${prototype} || ${make})`;
    const maker = `function ${name}(${parameters}) { const ${SELF} = ${fresh}; ${body} return ${SELF}; }`;
    if (shared.length === 0) return maker;
    const members = shared.map(([method, text]) => `${method}: ${text}`).join(",\n");
    return `var ${prototype};\nfunction ${prototype}$make() { return ${prototype} = {${members}}; }\n${maker}`;
  }

  #function(name: string, value: SyntaxNode, receiver: string, first: boolean): string {
    const own = list(value, "params").map((parameter) => this.#printer.print(parameter, value));
    const parameters = (first ? [receiver, ...own] : own).join(", ");
    return `function ${name}(${parameters}) {${this.#body(value, receiver)}}`;
  }

  /** The statements of a function. */
  #body(value: SyntaxNode, receiver: string): string {
    const before = this.#receiver;
    this.#receiver = receiver;
    const body = child(value, "body");
    const text = body === undefined ? "" : this.#printer.inside(body).slice(1, -1);
    this.#receiver = before;
    return text;
  }
}
