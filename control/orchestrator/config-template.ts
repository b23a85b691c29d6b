/** What the template of an ε-ORC can vary; the defaults are those of the reference. */
export interface OrchestratorTemplateValues {
  readonly domainId?: string;
  readonly domainRegisterUrl?: string;
  readonly orchestratorUrl?: string;
  /** What the controller is told; empty: the address bound. */
  readonly orchestratorUrlAnnounced?: string;
  readonly nodeRegisterUrl?: string;
  readonly persistencePath?: string;
  /** Empty: no metrics page. */
  readonly metricsUrl?: string;
}

/** A complete configuration file of an ε-ORC (TOML) with comments. */
export function orchestratorTemplate(values: OrchestratorTemplateValues = {}): string {
  const {
    domainId = "domain-7000",
    domainRegisterUrl = "http://127.0.0.1:7002",
    orchestratorUrl = "http://127.0.0.1:7003",
    orchestratorUrlAnnounced = orchestratorUrl,
    nodeRegisterUrl = "http://127.0.0.1:7004",
    persistencePath = "orchestrator.state",
    metricsUrl = "http://127.0.0.1:7014",
  } = values;
  return `[general]
# Where the controller takes registrations.
domain_register_url = ${JSON.stringify(domainRegisterUrl)}
# Seconds between two registrations with the controller.
subscription_refresh_interval_sec = 2
# Name of this orchestration domain.
domain_id = ${JSON.stringify(domainId)}
# Where the controller calls this orchestrator, and what it is told about it ("": the address bound).
orchestrator_url = ${JSON.stringify(orchestratorUrl)}
orchestrator_url_announced = ${JSON.stringify(orchestratorUrlAnnounced)}
# Where nodes register.
node_register_url = ${JSON.stringify(nodeRegisterUrl)}
# Folder of the state that outlives the process ("": none).
persistence_path = ${JSON.stringify(persistencePath)}

[telemetry]
# Prometheus page /metrics ("": none).
metrics_url = ${JSON.stringify(metricsUrl)}

[baseline]
# How a node is chosen for a function: "Random" (by computing power) or "RoundRobin".
orchestration_strategy = "Random"

[proxy]
# Mirror of the state for delegated orchestrators, which also takes their intents: "None" or "Redis".
proxy_type = "None"
# Both the period of the purge of measurements and the age beyond which they go; 0: never.
proxy_gc_period_seconds = 360
# Used with "Redis": redis://[[user][:password]@]host[:port][/database], or rediss:// with TLS.
redis_url = "redis://127.0.0.1:6379"

# With this table and Redis, what happens is also written as CSV files.
# [proxy.dataset_settings]
# Prefix of the names of the files.
# dataset_path = "dataset/"
# Whether files that exist are continued.
# append = true
# Text before every row, and before every header.
# additional_fields = ""
# additional_header = ""
`;
}
