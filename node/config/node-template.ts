import { randomUuid, type Uuid } from "../../core/uuid.js";
import { systemRandom } from "../../platform/system-random.js";

/** What the template of a node can vary; the defaults are those of the reference. */
export interface NodeTemplateValues {
  /** A fresh one by default. */
  readonly nodeId?: Uuid;
  readonly agentUrl?: string;
  /** Equal to `agentUrl` by default; empty: the bound address. */
  readonly agentUrlAnnounced?: string;
  readonly invocationUrl?: string;
  readonly invocationUrlAnnounced?: string;
  readonly nodeRegisterUrl?: string;
  readonly metricsUrl?: string;
  readonly httpIngressUrl?: string;
  /** Ends the provider names, so that they stay unique in a domain of several nodes on one host. */
  readonly providerSuffix?: string;
  readonly stateFolder?: string;
}

/** A complete configuration file of a node (TOML) with comments. */
export function nodeTemplate(values: NodeTemplateValues = {}): string {
  const {
    nodeId = randomUuid(systemRandom),
    agentUrl = "http://127.0.0.1:7005",
    agentUrlAnnounced = agentUrl,
    invocationUrl = "http://127.0.0.1:7006",
    invocationUrlAnnounced = invocationUrl,
    nodeRegisterUrl = "http://127.0.0.1:7004",
    metricsUrl = "http://127.0.0.1:7007",
    httpIngressUrl = "http://127.0.0.1:7008",
    providerSuffix = "1",
    stateFolder = "function_state",
  } = values;
  const text = JSON.stringify;
  const provider = (name: string) => text(`${name}-${providerSuffix}`);
  return `[general]
# Identity of this node, unique in its domain.
node_id = ${text(nodeId)}
# Where the orchestrator calls this node, and what it is told about it ("": the address bound).
agent_url = ${text(agentUrl)}
agent_url_announced = ${text(agentUrlAnnounced)}
# Where events of other nodes come in, and what those are told about it ("": the address bound).
invocation_url = ${text(invocationUrl)}
invocation_url_announced = ${text(invocationUrlAnnounced)}
# Where the orchestrator takes registrations.
node_register_url = ${text(nodeRegisterUrl)}
# Seconds between two reports to the orchestrator.
subscription_refresh_interval_sec = 2

[telemetry]
# Prometheus page /metrics ("": none).
metrics_url = ${text(metricsUrl)}
# Whether durations and log lines of functions go to the orchestrator.
performance_samples = false

# WebAssembly functions; without this table the node runs no functions.
[wasm_runtime]
enabled = true
# Where functions keep their state.
state_folder = ${text(stateFolder)}

# Functions in containers, with Docker or Podman.
[container_runtime]
enabled = false
# Where this node listens for them. They are told the same, so it must be an address that they reach.
guest_api_host_url = "http://127.0.0.1:7100"

# Resource providers; one with an empty name is switched off.
[resources]
# Whether provider names start with the host name; they must be unique in the domain.
prepend_hostname = true
http_ingress_url = ${text(httpIngressUrl)}
http_ingress_provider = ${provider("http-ingress")}
http_egress_provider = ${provider("http-egress")}
http_poster_provider = ${provider("http-poster")}
file_log_provider = ${provider("file-log")}
redis_provider = ${provider("redis")}
dda_provider = ${provider("dda")}
kafka_egress_provider = ""
sqlx_provider = ${provider("sqlx")}

# Casts the files of a directory; both keys are needed.
[resources.file_pusher_provider]
directory = ""
provider = ""

# Chats with the models of an Ollama server; host and provider are needed.
[resources.ollama_provider]
host = "localhost"
port = 11434
messages_number_limit = 30
provider = ""

# Functions at OpenFaaS-compatible URLs, one table each.
[[resources.serverless_provider]]
class_type = ""
version = ""
function_url = ""
provider = ""

# What is missing here is detected; the label hostname=<name> is added.
# Further keys: num_cpus, model_name_cpu, clock_freq_cpu (MHz), num_cores, mem_size (MiB), is_tee_running, has_tpm,
# disk_tot_space (MiB), num_gpus, model_name_gpu, mem_size_gpu (MiB).
[user_node_capabilities]
labels = []
`;
}
