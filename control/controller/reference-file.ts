import { existsSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { parseUuid, randomUuid } from "../../core/uuid.js";
import { componentNames, type Workflow } from "../../core/workflow.js";
import { openLevelStore } from "../../platform/store/level-store.js";
import { ControllerStore } from "./controller-store.js";
import type { WorkflowRecord } from "./workflow-record.js";

const stringMap = z.record(z.string(), z.string()).transform((object) => new Map(Object.entries(object)));

const requestSchema = z.object({
  functions: z.array(
    z.object({
      name: z.string().min(1),
      class_specification: z.object({
        id: z.string(),
        function_type: z.string(),
        version: z.string(),
        outputs: z.array(z.string()),
        code: z.string().nullish(),
        binary: z.array(z.number().int().min(0).max(255)).nullish(),
      }),
      output_mapping: stringMap,
      annotations: stringMap,
    }),
  ),
  resources: z.array(
    z.object({
      name: z.string().min(1),
      class_type: z.string().min(1),
      output_mapping: stringMap,
      configurations: stringMap,
    }),
  ),
  annotations: stringMap,
});

const fileSchema = z.object({ workflows: z.array(z.tuple([z.string(), z.unknown()])) });

/**
 * Turns the persistence file of a reference ε-CON into a store in a folder of the same name; the file is kept with the
 * ending `.imported`. Workflows that cannot be read are kept in the store under `broken/` and logged. An import that
 * was interrupted is begun anew or finished. Does nothing when `path` is not a file.
 * @throws EdgelessError EDGELESS_STORE_BROKEN when the file is not of that format: it is not touched
 */
export async function importReferenceFile(path: string, random: Random, logger: Logger): Promise<void> {
  const folder = `${path}.importing`;
  if (!existsSync(path)) {
    if (existsSync(folder)) renameSync(folder, path);
    return;
  }
  if (!statSync(path).isFile()) return;
  const entries = readEntries(path);
  rmSync(folder, { recursive: true, force: true });
  const store = await openLevelStore(folder);
  const records = new ControllerStore(store, logger);
  let imported = 0;
  for (const [index, [id, raw]] of entries.entries()) {
    const result = toRecord(id, raw, random);
    if (typeof result === "string") {
      logger.error("a workflow of the reference cannot be taken over and is set aside", {
        workflow: id,
        reason: result,
      });
      const value = new TextEncoder().encode(JSON.stringify([id, raw]));
      await store.write([{ key: `broken/reference/${index}`, value }]);
    } else {
      await records.saveWorkflow(result, []);
      imported++;
    }
  }
  await store.close();
  renameSync(path, freeName(`${path}.imported`));
  renameSync(folder, path);
  logger.info("workflows taken over from the file of a reference controller", { file: path, imported });
}

function readEntries(path: string): [string, unknown][] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).workflows;
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_STORE_BROKEN",
      `${path} is a file, but not of a reference controller: ${reasonOf(error)}`,
      error,
    );
  }
}

/** Returns a sentence when the workflow cannot be taken over. */
function toRecord(id: string, raw: unknown, random: Random): WorkflowRecord | string {
  const workflowId = parseUuid(id);
  if (workflowId === undefined) return "the id is not a UUID";
  const result = requestSchema.safeParse(raw);
  if (!result.success) {
    const issue = result.error.issues[0];
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  const { functions, resources, annotations } = result.data;
  const workflow: Workflow = {
    functions: functions.map((item) => {
      const { function_type, code, binary, ...rest } = item.class_specification;
      return {
        name: item.name,
        functionClass: {
          ...rest,
          functionType: function_type,
          ...(code == null ? {} : { code }),
          ...(binary == null ? {} : { binary: Uint8Array.from(binary) }),
        },
        outputMapping: item.output_mapping,
        annotations: item.annotations,
      };
    }),
    resources: resources.map((item) => ({
      name: item.name,
      classType: item.class_type,
      outputMapping: item.output_mapping,
      configurations: item.configurations,
    })),
    annotations,
  };
  const fault = unplaceable(workflow);
  if (fault !== undefined) return fault;
  const stateIds = new Map(workflow.functions.map(({ name }) => [name, randomUuid(random)]));
  return { workflowId, workflow, stateIds, crossings: [], placements: new Map() };
}

/** Less than a new workflow is asked for: what the reference accepted goes on if it can be placed at all. */
function unplaceable(workflow: Workflow): string | undefined {
  const names = new Set(componentNames(workflow));
  if (names.size < componentNames(workflow).length) return "two components have the same name";
  for (const { name, outputMapping } of [...workflow.functions, ...workflow.resources]) {
    for (const target of outputMapping.values())
      if (!names.has(target)) return `${name} is mapped to ${target}, which is not a component`;
  }
  return undefined;
}

function freeName(path: string): string {
  let name = path;
  for (let i = 1; existsSync(name); i++) name = `${path}.${i}`;
  return name;
}
