import { CLIENT_TEMPLATE } from "../../cli/controller-connection.js";
import { BRIDGE_DEFAULTS } from "../../control/balancer/bridge-settings.js";
import { balancerTemplate } from "../../control/balancer/config-template.js";
import { controllerTemplate } from "../../control/controller/config-template.js";
import { orchestratorTemplate } from "../../control/orchestrator/config-template.js";
import { requireUuid } from "../../core/uuid.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { DATA_PLANE_DEFAULTS } from "../../grpc-api/data-plane/data-plane-settings.js";
import { nodeTemplate } from "../../node/config/node-template.js";
import { DEFAULT_CONTAINER_SETTINGS } from "../../node/containers/container-settings.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../node/functions/function-settings.js";

const NODE = requireUuid("11111111-2222-4333-8444-555555555555", "node");
const PORTAL_NODE = requireUuid("11111111-2222-4333-8444-666666666666", "node");

/** Keys that this project adds to the reference's, with their meaning and default. */
export const FURTHER_KEYS: readonly (readonly [
  component: string,
  key: string,
  meaning: string,
  value: string | number,
])[] = [
  ["controller", "start_timeout_ms", "longest wait for an orchestrator to start a component", 25_000],
  ["controller", "call_timeout_ms", "longest wait for an orchestrator to stop or wire a component", 5_000],
  ["controller", "telemetry.metrics_url", 'Prometheus page; `""`: none', "none"],
  ["orchestrator", "telemetry.metrics_url", 'Prometheus page; `""`: none', "none"],
  ["orchestrator", "general.persistence_path", "folder of the state that outlives the process", "none"],
  ["orchestrator", "general.node_call_timeout_ms", "longest wait for one answer of a node", 5_000],
  [
    "orchestrator",
    "general.start_timeout_ms",
    "longest time to look for a node that takes a component",
    20_000,
  ],
  [
    "balancer",
    "bridges.queue_events",
    "most events that wait at one bridge while its other end is placed",
    BRIDGE_DEFAULTS.queueEvents,
  ],
  ["balancer", "bridges.queue_age_ms", "how long an event may wait there", BRIDGE_DEFAULTS.queueAgeMs],
  [
    "balancer",
    "bridges.call_timeout_ms",
    "after how long a call without an answer fails",
    BRIDGE_DEFAULTS.callTimeoutMs,
  ],
  [
    "balancer",
    "bridges.max_calls",
    "most calls over all bridges that wait for their answer",
    BRIDGE_DEFAULTS.maxCalls,
  ],
  ["node", "wasm_runtime.state_folder", "folder of the state that functions keep", "function_state"],
  [
    "node",
    "wasm_runtime.threads",
    "worker threads for functions; 0 runs them on the node's own thread",
    DEFAULT_FUNCTION_SETTINGS.threads,
  ],
  ["node", "wasm_runtime.max_instances", "most function instances", DEFAULT_FUNCTION_SETTINGS.maxInstances],
  ["node", "wasm_runtime.max_module_bytes", "largest wasm module", DEFAULT_FUNCTION_SETTINGS.maxModuleBytes],
  [
    "node",
    "wasm_runtime.max_memory_mib",
    "most linear memory of one instance",
    DEFAULT_FUNCTION_SETTINGS.maxMemoryMib,
  ],
  [
    "node",
    "wasm_runtime.max_run_time_ms",
    "longest run time of one handler, waiting not counted",
    DEFAULT_FUNCTION_SETTINGS.maxRunTimeMs,
  ],
  [
    "node",
    "wasm_runtime.call_timeout_ms",
    "after how long a call without an answer fails",
    DEFAULT_FUNCTION_SETTINGS.callTimeoutMs,
  ],
  [
    "node",
    "wasm_runtime.mailbox_capacity",
    "most events that wait for one instance",
    DEFAULT_FUNCTION_SETTINGS.mailboxCapacity,
  ],
  [
    "node",
    "wasm_runtime.max_waiting_text",
    "most text, in UTF-16 units, that waits for all functions",
    DEFAULT_FUNCTION_SETTINGS.maxWaitingText,
  ],
  [
    "node",
    "wasm_runtime.max_timers",
    "most delayed casts of one instance",
    DEFAULT_FUNCTION_SETTINGS.maxTimers,
  ],
  [
    "node",
    "wasm_runtime.worker_queue_capacity",
    "most events between two threads",
    DEFAULT_FUNCTION_SETTINGS.workerQueueCapacity,
  ],
  [
    "node",
    "wasm_runtime.worker_timeout_ms",
    "when a silent worker thread is replaced",
    DEFAULT_FUNCTION_SETTINGS.workerTimeoutMs,
  ],
  [
    "node",
    "wasm_runtime.worker_heap_mib",
    "JavaScript heap of one worker thread",
    DEFAULT_FUNCTION_SETTINGS.workerHeapMib,
  ],
  [
    "node",
    "container_runtime.guest_api_host_url_announced",
    "what functions in containers are told instead of guest_api_host_url",
    "the same",
  ],
  [
    "node",
    "container_runtime.engine_socket",
    "Unix socket of Docker or Podman",
    DEFAULT_CONTAINER_SETTINGS.engineSocket,
  ],
  [
    "node",
    "container_runtime.engine_timeout_ms",
    "longest answer of the container engine",
    DEFAULT_CONTAINER_SETTINGS.engineTimeoutMs,
  ],
  [
    "node",
    "container_runtime.max_instances",
    "most functions in containers",
    DEFAULT_CONTAINER_SETTINGS.maxInstances,
  ],
  [
    "node",
    "container_runtime.start_timeout_ms",
    "how long a function in a container may take until it answers",
    DEFAULT_CONTAINER_SETTINGS.startTimeoutMs,
  ],
  [
    "node",
    "container_runtime.max_run_time_ms",
    "longest run time of one handler, waiting included",
    DEFAULT_CONTAINER_SETTINGS.maxRunTimeMs,
  ],
  [
    "node",
    "container_runtime.call_timeout_ms",
    "after how long a call without an answer fails",
    DEFAULT_CONTAINER_SETTINGS.callTimeoutMs,
  ],
  [
    "node",
    "container_runtime.mailbox_capacity",
    "most events that wait for one instance",
    DEFAULT_CONTAINER_SETTINGS.mailboxCapacity,
  ],
  [
    "node",
    "container_runtime.max_waiting_text",
    "most text, in UTF-16 units, that waits for all of them",
    DEFAULT_CONTAINER_SETTINGS.maxWaitingText,
  ],
  [
    "node",
    "container_runtime.max_timers",
    "most delayed casts of one instance",
    DEFAULT_CONTAINER_SETTINGS.maxTimers,
  ],
  ["node", "dataplane.queue_events", "most events that wait for one peer", DATA_PLANE_DEFAULTS.queueEvents],
  [
    "node",
    "dataplane.queue_payload",
    "most text, in UTF-16 units, that waits for one peer",
    DATA_PLANE_DEFAULTS.queuePayload,
  ],
  ["node", "dataplane.queue_age_ms", "how long an event may wait for a peer", DATA_PLANE_DEFAULTS.queueAgeMs],
  [
    "node",
    "dataplane.in_flight",
    "events in flight to one peer, each of another pair of instances",
    DATA_PLANE_DEFAULTS.inFlight,
  ],
  ["node", "dataplane.deadline_ms", "deadline of the transfer of one event", DATA_PLANE_DEFAULTS.deadlineMs],
  ["node", "resources.http_ingress_max_body_bytes", "longest body that http-ingress takes", 8 * 1024 * 1024],
  ["node", "resources.http_egress_timeout_ms", "how long http-egress waits for a whole answer", 30_000],
  ["node", "resources.http_poster_timeout_ms", "how long http-poster waits for a whole answer", 10_000],
  [
    "node",
    "resources.serverless_timeout_ms",
    "how long a serverless resource waits for a whole answer",
    60_000,
  ],
  [
    "node",
    "resources.file_log_folder",
    "folder of the files of file-log, which then cannot be left",
    "none: any file",
  ],
  [
    "node",
    "resources.sqlx_folder",
    "folder of the SQLite files of sqlx, which cannot be left",
    "working directory",
  ],
  ["node", "resources.ollama_timeout_ms", "how long ollama waits for a whole answer", 110_000],
];

/** The text of docs/configuration.md. */
export function renderConfigurationPage(): string {
  const rows = FURTHER_KEYS.map(
    ([component, key, meaning, value]) => `| ${component} | \`${key}\` | ${meaning} | ${value} |`,
  );
  return `# Configuration

Every component reads one TOML file and writes a complete one with \`-t FILE\`. The keys are those of EDGELESS 1.2: a file of the
Rust programs works here, and unknown keys are ignored. A missing or wrong key stops the start with an error that names it.
URLs have the form \`scheme://host:port\`; port 0 lets the system choose, and the component says on start where it listens.

TLS is switched on by a file \`tls_config.toml\` in the working directory, with the tables \`[server]\` (\`server_cert_path\`,
\`server_key_path\`, \`server_ca_path\`) and \`[client]\` (\`client_ca_path\`, \`client_cert_path\`, \`client_key_path\`,
\`domain_name\`), as in the reference.

## Controller (ε-CON)

${toml(controllerTemplate())}
## Orchestrator (ε-ORC)

${toml(orchestratorTemplate())}
## Balancer (ε-BAL)

${toml(balancerTemplate({ localNodeId: NODE, portalNodeId: PORTAL_NODE }))}
## Node

${toml(nodeTemplate({ nodeId: NODE }))}
## Gateway

${toml(gatewayTemplate())}
## Command line

Without a file, the command line talks to the controller on this machine.

${toml(CLIENT_TEMPLATE)}
## Further keys

These are this project's own. All are optional; the Rust programs ignore them.

| component | key | meaning | default |
|---|---|---|---|
${rows.join("\n")}
`;
}

function toml(text: string): string {
  return `\`\`\`toml\n${text}\`\`\`\n`;
}
