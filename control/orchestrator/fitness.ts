import type { PlacementNode } from "../../core/capabilities.js";
import {
  type DeploymentRequirements,
  whyFunctionUnfit,
  whyResourceUnfit,
} from "../../core/deployment-requirements.js";
import type { ResourceSpecification } from "../../core/specification.js";
import type { Spawn } from "./commands.js";

/** Resource class of the bridges between domains. */
const PORTAL = "portal";

/**
 * Tells why a component must not run on a node.
 * @returns a short reason, or undefined when the node fits
 */
export function whyUnfit(
  node: PlacementNode,
  spawn: Spawn,
  requirements: DeploymentRequirements,
): string | undefined {
  if (spawn.kind === "function") return whyFunctionUnfit(node, spawn.request.code.functionType, requirements);
  const portal = portalProvider(spawn.specification);
  if (portal === undefined) return whyResourceUnfit(node, spawn.specification.classType, requirements);
  return node.providers.some(({ providerId }) => providerId === portal)
    ? undefined
    : `does not host the provider ${portal}`;
}

/** How many providers of a node could take the resource. */
export function providerCount(node: PlacementNode, classType: string): number {
  return node.providers.filter((provider) => provider.classType === classType).length;
}

/** The far half of a bridge between domains must go to the provider that is named after the domain. */
function portalProvider({ classType, configuration }: ResourceSpecification): string | undefined {
  if (classType !== PORTAL || configuration.get("domain")?.toLowerCase() !== PORTAL) return undefined;
  return `${PORTAL}-${configuration.get("domain_name") ?? ""}`;
}
