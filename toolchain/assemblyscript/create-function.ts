import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { RUST_WASM } from "../../core/specification.js";
import { type FunctionPackage, functionPackageText, PACKAGE_FILE } from "./function-package.js";
import { functionSource, functionTestSource, functionWorkflow } from "./function-template.js";
import { sdkFolder } from "./sdk-folder.js";
import { writing } from "./write-output.js";

/**
 * Makes a folder with a function that builds, a test of it, a workflow with it, and what an editor needs.
 * @param folder where the new folder goes
 * @param name name of the function and of its folder: letters, digits, `_` and `-`, the first one a letter
 * @returns the path of the new folder
 * @throws EdgelessError EDGELESS_USAGE for a bad name, EDGELESS_FILE_EXISTS, EDGELESS_FILE_UNREADABLE when it cannot be
 * written; nothing is left then
 */
export function createFunction(folder: string, name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name) || basename(name) !== name) {
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `"${name}" is no name for a function: use letters, digits, _ and -, and begin with a letter`,
    );
  }
  const path = resolve(folder, name);
  if (existsSync(path)) throw new EdgelessError("EDGELESS_FILE_EXISTS", `${path} exists already`);
  writing(path, () => {
    mkdirSync(path);
    try {
      for (const [file, text] of filesOf(path, name)) writeFileSync(join(path, file), text);
    } catch (thrown) {
      rmSync(path, { recursive: true, force: true });
      throw thrown;
    }
  });
  return path;
}

function filesOf(path: string, name: string): [file: string, text: string][] {
  const content = {
    id: name,
    version: "0.1",
    function_type: RUST_WASM,
    outputs: ["result"],
    build: `${name}.ts`,
  } satisfies FunctionPackage;
  const editor = relative(path, join(dirname(sdkFolder()), "tsconfig.json")).replaceAll("\\", "/");
  const tsconfig = { extends: editor.startsWith(".") ? editor : `./${editor}`, include: ["*.ts"] };
  return [
    [`${name}.ts`, functionSource(name)],
    [`${name}.test.mjs`, functionTestSource(name)],
    ["workflow.json", functionWorkflow(name)],
    [PACKAGE_FILE, functionPackageText(content)],
    ["tsconfig.json", `${JSON.stringify(tsconfig, undefined, 2)}\n`],
  ];
}
