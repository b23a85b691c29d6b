import { randomUuid, type Uuid } from "../../core/uuid.js";
import { systemRandom } from "../../platform/system-random.js";

/** What the template of an ε-BAL can vary; the defaults are those of the reference. */
export interface BalancerTemplateValues {
  readonly domain?: string;
  /** Fresh ones by default. */
  readonly localNodeId?: Uuid;
  readonly portalNodeId?: Uuid;
}

/** A complete configuration file of an ε-BAL (TOML) with comments. */
export function balancerTemplate(values: BalancerTemplateValues = {}): string {
  const {
    domain = "domain-7000",
    localNodeId = randomUuid(systemRandom),
    portalNodeId = randomUuid(systemRandom),
  } = values;
  return `# Bridges the events of one domain to the portal domain: it is a node in both.
[general]
# Name of the local domain.
domain = ${JSON.stringify(domain)}

# The node in the local domain.
[local]
${side(localNodeId, 7005, 7006, 7004)}
# The node in the portal domain.
[portal]
${side(portalNodeId, 7105, 7106, 7104)}
[telemetry]
# Prometheus page /metrics ("": none).
metrics_url = "http://127.0.0.1:7007"
# Whether durations go to the orchestrator of the local domain.
performance_samples = false
`;
}

function side(nodeId: Uuid, agentPort: number, invocationPort: number, registerPort: number): string {
  return `# Identity of this node, unique in its domain.
node_id = ${JSON.stringify(nodeId)}
# Where the orchestrator calls this node, and what it is told about it ("": the address bound).
agent_url = "http://127.0.0.1:${agentPort}"
agent_url_announced = "http://127.0.0.1:${agentPort}"
# Where events of other nodes come in, and what those are told about it ("": the address bound).
invocation_url = "http://127.0.0.1:${invocationPort}"
invocation_url_announced = "http://127.0.0.1:${invocationPort}"
# Where the orchestrator takes registrations.
node_register_url = "http://127.0.0.1:${registerPort}"
# Seconds between two reports to the orchestrator.
subscription_refresh_interval_sec = 2
`;
}
