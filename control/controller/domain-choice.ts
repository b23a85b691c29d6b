import type { DomainCapabilities, PlacementNode } from "../../core/capabilities.js";
import {
  type DeploymentRequirements,
  parseRequirements,
  whyFunctionUnfit,
  whyResourceUnfit,
} from "../../core/deployment-requirements.js";
import type { Workflow, WorkflowFunction, WorkflowResource } from "../../core/workflow.js";
import type { WorkflowFault } from "../../core/workflow-validation.js";
import type { Domain } from "./domain.js";

/**
 * Tells why a domain cannot host some components of a workflow, all of them in this one domain.
 * With the nodes known each component is checked against each node. A domain that reports only an aggregate is
 * checked against that: it may still refuse a component at its start.
 * @param components names of those to check; absent: all
 * @returns one fault per component that does not fit; none: the domain suits
 */
export function whyUnsuitable(
  workflow: Workflow,
  domain: Domain,
  components?: ReadonlySet<string>,
): WorkflowFault[] {
  const faults: WorkflowFault[] = [];
  const add = (component: string, reason: string | undefined) => {
    if (reason !== undefined) faults.push({ component, reason });
  };
  const counts = countClasses(workflow.functions);
  for (const item of workflow.functions) {
    if (components === undefined || components.has(item.name))
      add(item.name, whyFunctionUnsuitable(item, domain, counts.get(item.functionClass.id) ?? 0));
  }
  for (const item of workflow.resources) {
    if (components === undefined || components.has(item.name))
      add(item.name, whyResourceUnsuitable(item, domain));
  }
  return faults;
}

function whyFunctionUnsuitable(item: WorkflowFunction, domain: Domain, siblings: number): string | undefined {
  const result = parseRequirements(item.annotations);
  if (!result.ok) return `${result.key}: ${result.reason}`;
  const { requirements } = result;
  const type = item.functionClass.functionType;
  const { maxInstances } = requirements;
  if (maxInstances > 0 && siblings > maxInstances)
    return `max_instances is ${maxInstances}, but the workflow has ${siblings} of class ${item.functionClass.id}`;
  if (domain.nodes !== undefined)
    return whyNoNode(domain.nodes, (node) => whyFunctionUnfit(node, type, requirements));
  const { capabilities } = domain;
  if (!capabilities.runtimes.includes(type)) return `no node has the run-time ${type}`;
  return whyAggregateUnfit(capabilities, requirements);
}

function whyResourceUnsuitable(item: WorkflowResource, domain: Domain): string | undefined {
  const result = parseRequirements(item.configurations);
  if (!result.ok) return `${result.key}: ${result.reason}`;
  const { requirements } = result;
  if (domain.nodes !== undefined)
    return whyNoNode(domain.nodes, (node) => whyResourceUnfit(node, item.classType, requirements));
  const { capabilities } = domain;
  if (!capabilities.resourceClasses.includes(item.classType))
    return `no node offers the resource class ${item.classType}`;
  return whyAggregateUnfit(capabilities, requirements);
}

/** The different reasons of all nodes, or undefined when one of them fits. */
function whyNoNode(
  nodes: readonly PlacementNode[],
  whyUnfit: (node: PlacementNode) => string | undefined,
): string | undefined {
  if (nodes.length === 0) return "the domain has no node";
  const reasons = new Set<string>();
  for (const node of nodes) {
    const reason = whyUnfit(node);
    if (reason === undefined) return undefined;
    reasons.add(reason);
  }
  const first = [...reasons].slice(0, 3).join("; another ");
  return nodes.length === 1
    ? `its only node ${first}`
    : `none of its ${nodes.length} nodes fits: one ${first}`;
}

/** Node ids cannot be checked against an aggregate: the ε-ORC has the last word. */
function whyAggregateUnfit(
  capabilities: DomainCapabilities,
  requirements: DeploymentRequirements,
): string | undefined {
  const label = requirements.labels.find((item) => !capabilities.labels.includes(item));
  if (label !== undefined) return `no node has the label ${label}`;
  const provider = requirements.providerIds.find((item) => !capabilities.resourceProviders.includes(item));
  if (provider !== undefined) return `no node hosts the resource provider ${provider}`;
  if (requirements.tee && capabilities.numTee === 0) return "no node has a trusted execution environment";
  if (requirements.tpm && capabilities.numTpm === 0) return "no node has a TPM";
  return undefined;
}

function countClasses(functions: readonly WorkflowFunction[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { functionClass } of functions)
    counts.set(functionClass.id, (counts.get(functionClass.id) ?? 0) + 1);
  return counts;
}
