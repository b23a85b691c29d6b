import type { Box, BoxConfig } from "./start-box.js";

/** What runs in a box and where, a part a line. */
export function describeBox({ controller, orchestrator, nodes, gateway }: Box, config: BoxConfig): string[] {
  const lines = [
    "EDGELESS in a box is up:",
    `  controller (ε-CON)    clients at ${controller.controllerUrl}, domains at ${controller.domainRegisterUrl}`,
    `  orchestrator (ε-ORC)  ${orchestrator.orchestratorUrl}, nodes at ${orchestrator.nodeRegisterUrl}`,
  ];
  for (const [i, { nodeId, agentUrl, invocationUrl, metricsUrl }] of nodes.entries()) {
    const metrics = metricsUrl === undefined ? "" : `, metrics at ${metricsUrl}/metrics`;
    const http = config.nodes[i]?.resources?.http_ingress_url;
    const ingress = http === undefined ? "" : `, http-ingress at ${http}`;
    lines.push(`  node ${nodeId}  agent ${agentUrl}, data plane ${invocationUrl}${metrics}${ingress}`);
  }
  if (gateway !== undefined) {
    const control = gateway.controlUrl === undefined ? "" : `, control at ${gateway.controlUrl}`;
    lines.push(
      `  gateway               devices at ${gateway.coapUrl}, data plane ${gateway.invocationUrl}${control}`,
    );
  }
  return [...lines, ""];
}
