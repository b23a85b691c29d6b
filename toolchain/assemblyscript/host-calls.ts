import {
  CallExpression,
  FunctionDeclaration,
  IdentifierExpression,
  PropertyAccessExpression,
  type Source,
  StringLiteralExpression,
} from "assemblyscript";
import { GUEST_IMPORT_MODULE, GUEST_IMPORTS } from "../image/guest-abi.js";
import { walkSyntax } from "./syntax-walk.js";

/** A use of something that AssemblyScript would import from a host that does not offer it. */
export interface HostCall {
  /** Offset in the source, in UTF-16 code units. */
  readonly offset: number;
  /** What is not there, and what to use instead. */
  readonly message: string;
}

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["console", "use log.info and its like"],
  ["trace", "use log.trace"],
  ["Date.now", "a function has no clock; send yourself a delayed cast"],
  ["performance", "a function has no clock; send yourself a delayed cast"],
  ["Math.random", "use Lcg, with a seed of your own"],
  ["crypto", "use Lcg, which is not for secrets"],
  ["process", "end a function with throw"],
]);

/** `CommonFlags.Ambient` of the compiler, which it publishes as a constant that other modules cannot import. */
const AMBIENT_FLAG = 32768;

/** Finds what makes a module ask its host for more than the guest ABI, by name: for error messages only. */
export function hostCalls(source: Source): HostCall[] {
  const found: HostCall[] = declaredImports(source);
  walkSyntax(source.statements, (node) => {
    if (!(node instanceof CallExpression)) return;
    const name = calledName(node);
    const instead = INSTEAD.get(name) ?? INSTEAD.get(name.split(".")[0] ?? "");
    if (instead === undefined) return;
    found.push({
      offset: node.expression.range.start,
      message: `${name} is not part of the guest ABI: ${instead}`,
    });
  });
  return found.sort((a, b) => a.offset - b.offset);
}

/** Functions that the source itself asks of the host. */
function declaredImports({ statements }: Source): HostCall[] {
  return statements.flatMap((statement) => {
    const isImport = statement instanceof FunctionDeclaration && (statement.flags & AMBIENT_FLAG) !== 0;
    if (!isImport) return [];
    const external = statement.decorators?.find(({ name }) => "text" in name && name.text === "external");
    const path = (external?.args ?? []).map((each) =>
      each instanceof StringLiteralExpression ? each.value : "",
    );
    const [module, name] = path.length > 1 ? path : [undefined, path[0] ?? statement.name.text];
    if (module === GUEST_IMPORT_MODULE && name !== undefined && Object.hasOwn(GUEST_IMPORTS, name)) return [];
    const message = `a host offers no function ${name}: only what "edgeless" exports can be called`;
    return [{ offset: statement.name.range.start, message }];
  });
}

function calledName({ expression }: CallExpression): string {
  if (expression instanceof IdentifierExpression) return expression.text;
  if (!(expression instanceof PropertyAccessExpression)) return "";
  const { expression: owner, property } = expression;
  return owner instanceof IdentifierExpression ? `${owner.text}.${property.text}` : "";
}
