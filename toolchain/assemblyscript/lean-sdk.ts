import {
  ClassDeclaration,
  type Expression,
  ExpressionStatement,
  FieldDeclaration,
  FunctionDeclaration,
  ImportStatement,
  NewExpression,
  Node,
  newOptions,
  newProgram,
  parse,
  type Source,
  StringLiteralExpression,
  type VariableDeclaration,
  VariableStatement,
} from "assemblyscript";
import { SDK_PACKAGE } from "./sdk-folder.js";

// Changes to the syntax tree that make modules smaller and mean the same.

/** The compiler's runtime without a collector, and the one of the SDK that takes its place. */
const REPLACED_RUNTIME = "~lib/rt/stub";
const ARENA_RUNTIME = `~lib/${SDK_PACKAGE}/arena-runtime`;

/** Variables of the SDK that nothing uses shall leave nothing in the module, neither code nor memory. */
export function makeLazy(source: Source): void {
  for (const statement of source.statements) {
    if (!(statement instanceof VariableStatement)) continue;
    for (const declaration of statement.declarations) {
      const lazy = Node.createIdentifierExpression("lazy", declaration.range);
      declaration.decorators = [Node.createDecorator(lazy, null, declaration.range)];
    }
  }
}

/** Channel names given as literals to variables and fields become UTF-8 at build time instead of at start. */
export function encodeOutputNames(source: Source): void {
  if (!source.statements.some(importsOutput)) return;
  for (const declaration of initialized(source)) {
    const { initializer } = declaration;
    if (!(initializer instanceof NewExpression) || initializer.typeName.identifier.text !== "Output")
      continue;
    const [name] = initializer.args;
    if (name instanceof StringLiteralExpression)
      declaration.initializer = outputOf(name.value) ?? initializer;
  }
}

/** Makes the runtime of the SDK the one that compiled code calls, in the place of the compiler's own without a collector. */
export function replaceRuntime(sources: readonly Source[]): void {
  for (const source of sources) {
    if (source.internalPath === REPLACED_RUNTIME) source.statements.length = 0;
    if (source.internalPath !== ARENA_RUNTIME) continue;
    for (const statement of source.statements) {
      if (!(statement instanceof FunctionDeclaration) || !statement.name.text.startsWith("__")) continue;
      statement.decorators = ["global", "unsafe"].map((name) =>
        Node.createDecorator(Node.createIdentifierExpression(name, statement.range), null, statement.range),
      );
    }
  }
}

function initialized(source: Source): (VariableDeclaration | FieldDeclaration)[] {
  return source.statements.flatMap((statement) => {
    if (statement instanceof VariableStatement) return statement.declarations;
    if (!(statement instanceof ClassDeclaration)) return [];
    return statement.members.filter((member) => member instanceof FieldDeclaration);
  });
}

function importsOutput(statement: unknown): boolean {
  if (!(statement instanceof ImportStatement)) return false;
  return (statement.declarations ?? []).some(
    ({ name, foreignName }) => name.text === "Output" && foreignName.text === "Output",
  );
}

function outputOf(name: string): Expression | undefined {
  const bytes = [...Buffer.from(name, "utf8")];
  // An empty array would have no place in memory.
  if (bytes.length === 0) return undefined;
  const program = newProgram(newOptions());
  const text = `Output.ofBytes(memory.data<u8>([${bytes.join(", ")}]), ${bytes.length});`;
  parse(program, text, "output.ts", true);
  const statement = program.sources.find(({ internalPath }) => internalPath === "output")?.statements[0];
  return statement instanceof ExpressionStatement ? statement.expression : undefined;
}
