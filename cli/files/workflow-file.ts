import { statSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { z } from "zod";
import { EdgelessError } from "../../core/errors.js";
import { type FunctionClass, RUST_WASM } from "../../core/specification.js";
import type { Workflow } from "../../core/workflow.js";
import { describeFaults, validateWorkflow } from "../../core/workflow-validation.js";
import { readJsonFile } from "../../platform/json-file.js";
import { plainReason, readUserFile } from "../../platform/read-file.js";
import { buildCommand } from "../functions/read-module.js";

const texts = z.record(z.string(), z.string());

/** The package file `function.json`, which is also the `class_specification` of a workflow. */
export const functionClassSchema = z.object({
  id: z.string(),
  function_type: z.string(),
  version: z.string(),
  outputs: z.array(z.string()),
  code: z.string().optional(),
});

/** The workflow file of EDGELESS 1.2; unknown keys are ignored. */
export const workflowSchema = z.object({
  functions: z.array(
    z.object({
      name: z.string(),
      class_specification: functionClassSchema,
      output_mapping: texts,
      annotations: texts,
    }),
  ),
  resources: z.array(
    z.object({ name: z.string(), class_type: z.string(), output_mapping: texts, configurations: texts }),
  ),
  annotations: texts,
});

/**
 * Reads a workflow file, with the code of its wasm functions.
 * @throws EdgelessError EDGELESS_BAD_WORKFLOW naming file, line, component and reason, or EDGELESS_FILE_UNREADABLE
 */
export function readWorkflow(path: string): Workflow {
  const file = readJsonFile(path, workflowSchema, "EDGELESS_BAD_WORKFLOW");
  const folder = dirname(resolve(path));
  const workflow: Workflow = {
    functions: file.functions.map(({ name, class_specification, output_mapping, annotations }) => ({
      name,
      functionClass: withCode(class_specification, folder, `${path}: ${name}`),
      outputMapping: new Map(Object.entries(output_mapping)),
      annotations: new Map(Object.entries(annotations)),
    })),
    resources: file.resources.map(({ name, class_type, output_mapping, configurations }) => ({
      name,
      classType: class_type,
      outputMapping: new Map(Object.entries(output_mapping)),
      configurations: new Map(Object.entries(configurations)),
    })),
    annotations: new Map(Object.entries(file.annotations)),
  };
  const faults = validateWorkflow(workflow);
  if (faults.length > 0)
    throw new EdgelessError("EDGELESS_BAD_WORKFLOW", `${path}: ${describeFaults(faults)}`);
  return workflow;
}

/** What is allowed in a workflow, and looks like a mistake: outputs that are mapped and that the class does not name. */
export function workflowWarnings(path: string, { functions }: Workflow): string[] {
  return functions.flatMap(({ name, functionClass: { outputs }, outputMapping }) =>
    [...outputMapping.keys()]
      .filter((output) => !outputs.includes(output))
      .map((output) => {
        const known = outputs.length === 0 ? "no outputs" : `only ${outputs.join(", ")}`;
        return `${path}: ${name}: output ${output} is mapped, but class_specification.outputs has ${known}`;
      }),
  );
}

/**
 * The modules that a workflow file names, as absolute paths; they need not exist.
 * @throws EdgelessError EDGELESS_BAD_WORKFLOW, EDGELESS_FILE_UNREADABLE
 */
export function readCodePaths(path: string): string[] {
  const file = readJsonFile(path, workflowSchema, "EDGELESS_BAD_WORKFLOW");
  const paths = file.functions.flatMap(({ class_specification: { function_type, code } }) =>
    function_type === RUST_WASM && code !== undefined ? [resolve(dirname(path), code)] : [],
  );
  return [...new Set(paths)];
}

function withCode(file: z.infer<typeof functionClassSchema>, folder: string, where: string): FunctionClass {
  const { id, function_type: functionType, version, outputs, code } = file;
  const functionClass: FunctionClass = {
    id,
    functionType,
    version,
    outputs,
    ...(code === undefined ? {} : { code }),
  };
  if (functionType !== RUST_WASM) return functionClass;
  if (code === undefined) {
    throw new EdgelessError(
      "EDGELESS_BAD_WORKFLOW",
      `${where}: class_specification.code is missing: the path of the .wasm file`,
    );
  }
  const path = resolve(folder, code);
  try {
    if (!statSync(path).isFile())
      throw new EdgelessError("EDGELESS_BAD_WORKFLOW", `${where}: ${code} is not a file`);
  } catch (error) {
    if (error instanceof EdgelessError) throw error;
    const build = buildCommand(relative(".", path));
    if (build !== undefined) {
      throw new EdgelessError(
        "EDGELESS_BAD_WORKFLOW",
        `${where}: the code ${code} is not there: make it with ${build}`,
      );
    }
    throw new EdgelessError(
      "EDGELESS_BAD_WORKFLOW",
      `${where}: cannot read the code ${code}: ${plainReason(error)}`,
      error,
    );
  }
  return { ...functionClass, binary: readUserFile(path) };
}
