import type { PlacementNode } from "./capabilities.js";
import type { StringMap } from "./specification.js";
import { parseUuid, type Uuid } from "./uuid.js";

/** Annotation keys that restrict where a component may run; on resources they stand in the configuration. */
export const DEPLOYMENT_KEYS = [
  "max_instances",
  "node_id_match_any",
  "label_match_all",
  "resource_match_all",
  "tee",
  "tpm",
] as const;

/** Function annotations that mean something. */
export const FUNCTION_ANNOTATIONS: readonly string[] = ["init-payload", ...DEPLOYMENT_KEYS];

/** What a component demands of its node (EDGELESS deployment requirements); all of it must hold. */
export interface DeploymentRequirements {
  /** Most instances of this function class in a domain at any time; 0: unlimited. */
  readonly maxInstances: number;
  /** The node must be one of these; empty: any. */
  readonly nodeIds: readonly Uuid[];
  /** The node must have all of these labels. */
  readonly labels: readonly string[];
  /** The node must host all of these resource providers, by provider id. */
  readonly providerIds: readonly string[];
  readonly tee: boolean;
  readonly tpm: boolean;
}

/** Requirements, or what is wrong with their text. */
export type RequirementsResult =
  | { readonly ok: true; readonly requirements: DeploymentRequirements }
  | { readonly ok: false; readonly key: string; readonly reason: string };

/**
 * Reads the deployment requirements from annotations or a resource configuration; other keys are ignored.
 * Blanks around list items do not count. Stricter than the reference: ill-formed values are refused, not dropped.
 */
export function parseRequirements(annotations: StringMap): RequirementsResult {
  const bad = (key: string, reason: string): RequirementsResult => ({ ok: false, key, reason });
  let maxInstances = 0;
  const maxText = annotations.get("max_instances");
  if (maxText !== undefined) {
    if (!/^[0-9]{1,9}$/.test(maxText.trim()))
      return bad("max_instances", `"${maxText}" is not an unsigned integer`);
    maxInstances = Number(maxText);
  }
  const nodeIds: Uuid[] = [];
  for (const item of items(annotations.get("node_id_match_any"))) {
    const id = parseUuid(item);
    if (id === undefined) return bad("node_id_match_any", `"${item}" is not a UUID`);
    nodeIds.push(id);
  }
  return {
    ok: true,
    requirements: {
      maxInstances,
      nodeIds,
      labels: items(annotations.get("label_match_all")),
      providerIds: items(annotations.get("resource_match_all")),
      tee: isRequired(annotations.get("tee")),
      tpm: isRequired(annotations.get("tpm")),
    },
  };
}

/**
 * Tells why a function must not run on a node.
 * @returns a short reason, or undefined when the node fits
 */
export function whyFunctionUnfit(
  node: PlacementNode,
  functionType: string,
  requirements: DeploymentRequirements,
): string | undefined {
  if (!node.acceptsFunctions) return "accepts no functions";
  if (node.runtimes.indexOf(functionType) < 0) return `has no run-time ${functionType}`;
  return whyUnfit(node, requirements);
}

/**
 * Tells why a resource of a class must not run on a node.
 * @returns a short reason, or undefined when the node fits
 */
export function whyResourceUnfit(
  node: PlacementNode,
  classType: string,
  requirements: DeploymentRequirements,
): string | undefined {
  if (!node.acceptsResources) return "accepts no resources";
  if (!node.providers.some((provider) => provider.classType === classType))
    return `offers no resource class ${classType}`;
  return whyUnfit(node, requirements);
}

function whyUnfit(node: PlacementNode, requirements: DeploymentRequirements): string | undefined {
  const { nodeIds, labels, providerIds } = requirements;
  if (nodeIds.length > 0 && nodeIds.indexOf(node.nodeId) < 0) return "is not in node_id_match_any";
  for (const label of labels) if (node.labels.indexOf(label) < 0) return `lacks the label ${label}`;
  for (const id of providerIds) {
    if (!node.providers.some((provider) => provider.providerId === id))
      return `lacks the resource provider ${id}`;
  }
  if (requirements.tee && !node.isTeeRunning) return "has no trusted execution environment";
  if (requirements.tpm && !node.hasTpm) return "has no TPM";
  return undefined;
}

function items(text: string | undefined): string[] {
  if (text === undefined) return [];
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function isRequired(text: string | undefined): boolean {
  return text !== undefined && text.trim().toLowerCase() === "required";
}
