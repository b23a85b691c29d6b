import { join, relative } from "node:path";
import ts from "typescript";

/** A name that is written anew. */
interface Renaming {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Sources with other names for methods. */
export interface RenamedSources {
  /** The text of a source; undefined when it is as it stands. */
  text(path: string): string | undefined;
}

/**
 * Gives every method of a class a name of its own, as far as no interface and nobody outside asks for it: `send` of a class `Link` becomes
 * `Link_send`. Types tell which method a call means; later steps no longer see them and go by the name alone.
 * @param root folder of the project
 * @param entries paths of the sources to start from
 */
export function uniqueMethods(
  root: string,
  entries: readonly string[],
  outside: ReadonlySet<string>,
): RenamedSources {
  const settings = ts.readConfigFile(join(root, "tsconfig.device.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(settings.config, ts.sys, root);
  const program = ts.createProgram([...entries], { ...options, composite: false, noEmit: true });
  const checker = program.getTypeChecker();
  const sources = program
    .getSourceFiles()
    .filter(
      ({ fileName, isDeclarationFile }) => !isDeclarationFile && !relative(root, fileName).startsWith(".."),
    );
  const names = methodNames(checker, sources, outside);
  const renamed = new Map<string, string>();
  for (const source of sources) {
    const renamings = renamingsIn(checker, source, names);
    if (renamings.length > 0) renamed.set(source.fileName, apply(source.text, renamings));
  }
  return { text: (path) => renamed.get(path) };
}

function methodNames(
  checker: ts.TypeChecker,
  sources: readonly ts.SourceFile[],
  outside: ReadonlySet<string>,
): Map<ts.Node, string> {
  const classes: ts.ClassDeclaration[] = [];
  const contracts: ts.InterfaceDeclaration[] = [];
  for (const source of sources) {
    for (const statement of source.statements) {
      if (ts.isClassDeclaration(statement)) classes.push(statement);
      if (ts.isInterfaceDeclaration(statement)) contracts.push(statement);
    }
  }
  const names = new Map<ts.Node, string>();
  for (const found of classes) {
    const type = checker.getTypeAtLocation(found);
    const kept = new Set<string>(["toString", ...outside]);
    for (const contract of contracts) {
      const asked = checker.getTypeAtLocation(contract);
      if (checker.isTypeAssignableTo(type, asked))
        for (const property of asked.getProperties()) kept.add(property.name);
    }
    for (const member of found.members) {
      if (!ts.isMethodDeclaration(member) || !ts.isIdentifier(member.name) || kept.has(member.name.text))
        continue;
      names.set(member, `${found.name?.text ?? ""}_${member.name.text}`);
    }
  }
  return names;
}

function renamingsIn(
  checker: ts.TypeChecker,
  source: ts.SourceFile,
  names: ReadonlyMap<ts.Node, string>,
): Renaming[] {
  const renamings: Renaming[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isIdentifier(node)) {
      const method = checker.getSymbolAtLocation(node)?.valueDeclaration;
      const text = method === undefined ? undefined : names.get(method);
      if (text !== undefined) renamings.push({ start: node.getStart(source), end: node.getEnd(), text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return renamings;
}

function apply(text: string, renamings: readonly Renaming[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, text: name } of renamings) {
    result += text.slice(at, start) + name;
    at = end;
  }
  return result + text.slice(at);
}

/** Paths that a source text imports, as absolute paths of sources. */
export function importedSources(root: string, entry: string): string[] {
  const { importedFiles } = ts.preProcessFile(entry);
  return importedFiles.map(({ fileName }) => join(root, fileName.replace(/\.js$/, ".ts")));
}
