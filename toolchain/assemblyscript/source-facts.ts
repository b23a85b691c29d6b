import {
  CallExpression,
  ClassDeclaration,
  DeclarationStatement,
  type DecoratorNode,
  FieldDeclaration,
  FloatLiteralExpression,
  IdentifierExpression,
  ImportStatement,
  IntegerLiteralExpression,
  MethodDeclaration,
  NamedTypeNode,
  NamespaceDeclaration,
  NewExpression,
  type Node,
  newOptions,
  newProgram,
  PropertyAccessExpression,
  parse,
  type Source,
  StringLiteralExpression,
  type VariableDeclaration,
  VariableStatement,
} from "assemblyscript";
import { walkSyntax } from "./syntax-walk.js";

/** Name of the decorator that marks a function's class. */
export const FUNCTION_DECORATOR = "edgeFunction";

/** A class with the decorator, and where its name stands in the source text. */
export interface DecoratedClass {
  readonly name: string;
  /** Offset in UTF-16 code units. */
  readonly offset: number;
  /** Handlers it defines; undefined when it does not derive from `EdgeFunction` directly. */
  readonly handlers: ReadonlySet<string> | undefined;
  /** The class it extends; undefined: none. */
  readonly base: string | undefined;
  readonly methods: readonly { readonly name: string; readonly offset: number }[];
  /** Where its constructor stands, when that cannot be called without arguments. */
  readonly wantsArguments: number | undefined;
}

/** What the build needs to know of one source file before it is compiled. */
export interface SourceFacts {
  readonly classes: readonly DecoratedClass[];
  /** A class that extends `EdgeFunction` and has no decorator. */
  readonly undecorated: { readonly name: string; readonly offset: number } | undefined;
  /** Where the decorator stands in front of something that is no class. */
  readonly misplaced: number | undefined;
  /** Where the decorator is imported, which it cannot be. */
  readonly decoratorImport: number | undefined;
  /** Names given as literals to `new Output(…)` and `Output.range(…)`. */
  readonly outputs: readonly string[];
  /** True when the file imports other files of the user. */
  readonly importsOwnFiles: boolean;
  /** Why an object may outlive the event it was made in; undefined when none can. */
  readonly keepsObjects: string | undefined;
}

const NUMERIC = new Set("bool i8 u8 i16 u16 i32 u32 i64 u64 isize usize f32 f64 boolean number".split(" "));

const BOOLEANS = new Set(["true", "false"]);

/** Classes of the SDK whose objects refer to no other managed object. */
const PLAIN_CLASSES = new Set(["ByteWriter", "Lcg", "Output"]);

/** `CommonFlags.Const` and `.Readonly` of the compiler, which it publishes as constants that cannot be imported. */
const CONST_FLAG = 8;
const READONLY_FLAG = 64;
/** `ParameterKind.Default` of the compiler: neither optional nor the rest. */
const PARAMETER_DEFAULT = 0;

/** Parses one file, without its imports. A file with syntax errors gives the facts of what could be read. */
export function readSourceFacts(text: string): SourceFacts {
  const program = newProgram(newOptions());
  parse(program, text, "source.ts", true);
  const source = program.sources.find((each) => each.internalPath === "source");
  const { statements = [] } = source ?? {};
  if (source === undefined) {
    const none = { undecorated: undefined, misplaced: undefined, decoratorImport: undefined };
    return { classes: [], ...none, outputs: [], importsOwnFiles: false, keepsObjects: undefined };
  }
  const undecorated = statements.find(
    (statement): statement is ClassDeclaration =>
      statement instanceof ClassDeclaration && extendsFunction(statement) && !isDecorated(statement),
  );
  return {
    classes: decoratedClasses(source).map(describeClass),
    undecorated: undecorated && { name: undecorated.name.text, offset: undecorated.name.range.start },
    misplaced: misplacedDecorator(source),
    decoratorImport: statements
      .flatMap((statement) => (statement instanceof ImportStatement ? (statement.declarations ?? []) : []))
      .find(({ foreignName }) => foreignName.text === FUNCTION_DECORATOR)?.range.start,
    outputs: outputNames(source),
    importsOwnFiles: source.statements.some(
      (statement) => statement instanceof ImportStatement && statement.path.value.startsWith("."),
    ),
    keepsObjects: keptObject(source),
  };
}

/** The classes of a source that carry the decorator. */
export function decoratedClasses(source: Source): ClassDeclaration[] {
  return source.statements.filter(
    (statement): statement is ClassDeclaration =>
      statement instanceof ClassDeclaration && isDecorated(statement),
  );
}

function isDecorated({ decorators }: DeclarationStatement): boolean {
  return (decorators ?? []).some(isFunctionDecorator);
}

function extendsFunction({ extendsType }: ClassDeclaration): boolean {
  return extendsType?.name.identifier.text === "EdgeFunction";
}

function misplacedDecorator(source: Source): number | undefined {
  for (const statement of source.statements) {
    const isOther = statement instanceof DeclarationStatement && !(statement instanceof ClassDeclaration);
    if (isOther && isDecorated(statement)) return statement.name.range.start;
  }
  return undefined;
}

/** True for `@edgeFunction`. */
export function isFunctionDecorator(decorator: DecoratorNode): boolean {
  return decorator.name instanceof IdentifierExpression && decorator.name.text === FUNCTION_DECORATOR;
}

/** Output channels that a source names as literals, in the order they appear. */
export function outputNames(source: Source): string[] {
  const found: { readonly offset: number; readonly names: readonly string[] }[] = [];
  walkSyntax(source.statements, (node) => {
    const names = namesOf(node);
    if (names.length > 0) found.push({ offset: node.range.start, names });
  });
  found.sort((a, b) => a.offset - b.offset);
  return [...new Set(found.flatMap((each) => each.names))];
}

function namesOf(node: Node): string[] {
  if (node instanceof NewExpression && node.typeName.identifier.text === "Output") {
    const name = node.args[0];
    return name instanceof StringLiteralExpression ? [name.value] : [];
  }
  if (!(node instanceof CallExpression) || !(node.expression instanceof PropertyAccessExpression)) return [];
  const { expression, property } = node.expression;
  if (!(expression instanceof IdentifierExpression) || expression.text !== "Output") return [];
  const [prefix, count] = node.args;
  if (property.text !== "range" || !(prefix instanceof StringLiteralExpression)) return [];
  if (!(count instanceof IntegerLiteralExpression)) return [];
  return Array.from({ length: Math.min(Number(count.value), 1000) }, (_, i) => `${prefix.value}${i}`);
}

function describeClass(declaration: ClassDeclaration): DecoratedClass {
  const direct = extendsFunction(declaration);
  const methods = declaration.members.filter((member) => member instanceof MethodDeclaration);
  const made = methods.find((method) => method.name.text === "constructor");
  const required = made?.signature.parameters.some(
    ({ parameterKind, initializer }) => parameterKind === PARAMETER_DEFAULT && initializer === null,
  );
  return {
    name: declaration.name.text,
    offset: declaration.name.range.start,
    handlers: direct ? new Set(methods.map((method) => method.name.text)) : undefined,
    base: declaration.extendsType?.name.identifier.text,
    methods: methods.map(({ name }) => ({ name: name.text, offset: name.range.start })),
    wantsArguments: required === true ? made?.name.range.start : undefined,
  };
}

/** Looks at every place of a file that lives longer than a handler: variables of the file, fields and statics. */
function keptObject(source: Source): string | undefined {
  for (const statement of source.statements) {
    if (statement instanceof NamespaceDeclaration)
      return `namespace "${statement.name.text}" can keep an object`;
    const places =
      statement instanceof VariableStatement
        ? statement.declarations
        : statement instanceof ClassDeclaration
          ? statement.members.filter((member) => member instanceof FieldDeclaration)
          : [];
    for (const place of places) if (!isHarmless(place)) return `"${place.name.text}" can keep an object`;
  }
  return undefined;
}

/** A number, or an object without references to others that is made before the first event and never replaced. */
function isHarmless(place: VariableDeclaration | FieldDeclaration): boolean {
  const { initializer, type } = place;
  const fixed = (place.flags & (CONST_FLAG | READONLY_FLAG)) !== 0;
  if (initializer instanceof NewExpression) {
    return fixed && PLAIN_CLASSES.has(initializer.typeName.identifier.text);
  }
  if (initializer instanceof StringLiteralExpression) return fixed;
  if (type !== null) return type instanceof NamedTypeNode && NUMERIC.has(type.name.identifier.text);
  if (initializer instanceof IdentifierExpression) return BOOLEANS.has(initializer.text);
  return initializer instanceof IntegerLiteralExpression || initializer instanceof FloatLiteralExpression;
}
