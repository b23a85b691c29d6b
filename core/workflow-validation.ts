import { DEPLOYMENT_KEYS, FUNCTION_ANNOTATIONS, parseRequirements } from "./deployment-requirements.js";
import { nearMiss } from "./near-miss.js";
import type { StringMap } from "./specification.js";
import type { Workflow } from "./workflow.js";

/** One thing that is wrong with a workflow. */
export interface WorkflowFault {
  /** Name of the component; empty when it concerns the whole workflow. */
  readonly component: string;
  readonly reason: string;
}

/**
 * Finds everything that is wrong with a workflow by itself, without looking at any domain.
 * Channels are not compared with the declared outputs: shipped examples use undeclared ones. Annotations of no meaning
 * here are let through, because orchestrators outside of a domain may read them, unless one looks misspelt.
 */
export function validateWorkflow(workflow: Workflow): WorkflowFault[] {
  const faults: WorkflowFault[] = [];
  const names = new Map<string, number>();
  for (const { name } of [...workflow.functions, ...workflow.resources])
    names.set(name, (names.get(name) ?? 0) + 1);
  for (const [name, count] of names) {
    if (name === "") faults.push({ component: "", reason: "a component has an empty name" });
    else if (count > 1) faults.push({ component: name, reason: `the name is used ${count} times` });
  }
  for (const key of DEPLOYMENT_KEYS) {
    if (workflow.annotations.has(key)) {
      faults.push({
        component: "",
        reason: `the annotation ${key} has no effect on a whole workflow: move it to a component`,
      });
    }
  }
  for (const { name, functionClass, outputMapping, annotations } of workflow.functions) {
    const add = (reason: string) => faults.push({ component: name, reason });
    if (functionClass.id === "") add("the class id is empty");
    if (functionClass.functionType === "") add("the function_type is empty");
    for (const key of annotations.keys()) {
      if (FUNCTION_ANNOTATIONS.indexOf(key) >= 0) continue;
      const meant = nearMiss(key, FUNCTION_ANNOTATIONS);
      if (meant !== undefined) add(`unknown annotation ${key} (did you mean ${meant}?)`);
    }
    checkCommon(add, names, outputMapping, annotations);
  }
  for (const { name, classType, outputMapping, configurations } of workflow.resources) {
    const add = (reason: string) => faults.push({ component: name, reason });
    if (classType === "") add("the class_type is empty");
    checkCommon(add, names, outputMapping, configurations);
  }
  return faults;
}

/** The faults as one sentence each, joined by "; ". */
export function describeFaults(faults: readonly WorkflowFault[]): string {
  return faults
    .map(({ component, reason }) => (component === "" ? reason : `${component}: ${reason}`))
    .join("; ");
}

function checkCommon(
  add: (reason: string) => void,
  names: ReadonlyMap<string, number>,
  outputMapping: StringMap,
  annotations: StringMap,
): void {
  for (const [channel, target] of outputMapping) {
    if (channel === "") add("an output channel has an empty name");
    else if (channel === "self") add("the output channel self is reserved and cannot be mapped");
    if (!names.has(target))
      add(`output ${channel} is mapped to ${target === "" ? "nothing" : target}, which is not a component`);
  }
  const result = parseRequirements(annotations);
  if (!result.ok) add(`${result.key}: ${result.reason}`);
}
