import { readFileSync } from "node:fs";
import ts from "typescript";

/**
 * Names of all members that the types in some sources have: those of the interpreter and of settings in flash, which must not get
 * other names.
 */
export function outsideNames(paths: readonly string[]): string[] {
  const names = new Set<string>();
  for (const path of paths) {
    const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022);
    const visit = (node: ts.Node) => {
      const isMember = ts.isPropertySignature(node) || ts.isMethodSignature(node);
      if (isMember && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)))
        names.add(node.name.text);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return [...names];
}
