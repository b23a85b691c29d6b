/** What the template of a gateway can vary. */
export interface GatewayTemplateValues {
  readonly coapUrl?: string;
  readonly nodeRegisterUrl?: string;
  readonly invocationUrl?: string;
  /** What the orchestrator is told; empty: the address bound. */
  readonly invocationUrlAnnounced?: string;
  readonly agentHost?: string;
  readonly firstAgentPort?: number;
  readonly controlUrl?: string;
  readonly metricsUrl?: string;
  readonly persistencePath?: string;
}

/** A complete configuration file of a gateway (TOML) with comments. */
export function gatewayTemplate(values: GatewayTemplateValues = {}): string {
  const {
    coapUrl = "coap://0.0.0.0:5683",
    nodeRegisterUrl = "http://127.0.0.1:7004",
    invocationUrl = "http://127.0.0.1:7010",
    invocationUrlAnnounced = "",
    agentHost = "127.0.0.1",
    firstAgentPort = 0,
    controlUrl = "http://127.0.0.1:7011",
    metricsUrl = "http://127.0.0.1:7012",
    persistencePath = "gateway.state",
  } = values;
  const text = JSON.stringify;
  return `[general]
# Where devices register and send events (UDP). There is no encryption: keep it inside a trusted network.
coap_url = ${text(coapUrl)}
# Where the orchestrator takes registrations.
node_register_url = ${text(nodeRegisterUrl)}
# Where events of nodes for devices come in, and what those are told about it ("": the address bound).
invocation_url = ${text(invocationUrl)}
invocation_url_announced = ${text(invocationUrlAnnounced)}
# Each device is a node with an agent at a port of its own: the host to listen on, the host that the orchestrator is
# told ("": the one bound), and the first port of 2 x max_devices (0: any that is free).
agent_host = ${text(agentHost)}
agent_host_announced = ""
first_agent_port = ${firstAgentPort}
# Seconds between two reports to the orchestrator.
subscription_refresh_interval_sec = 2
# Labels that every device gets.
labels = []
# Folder of the state that outlives the process ("": none).
persistence_path = ${text(persistencePath)}
# Where "edgeless device" asks ("": nowhere). Anybody who reaches it may rename and forget devices.
control_url = ${text(controlUrl)}

[telemetry]
# Prometheus page /metrics ("": none).
metrics_url = ${text(metricsUrl)}
# Whether log lines of functions go to the orchestrator.
performance_samples = false

# Bounds; what is missing has the value shown.
[devices]
# Devices that are registered at a time.
max_devices = 10000
# Of these at one address (remove it for no bound): boards have an address each, emulated ones share that of their machine.
max_per_address = 10000
# How long a device may be silent: what it asks for, but at least and at most so many seconds.
min_lifetime_sec = 10
max_lifetime_sec = 604800
# Events that wait for one device, and how long they may.
queue_events = 200
queue_age_ms = 30000
# Calls from or to one device that wait for an answer, and how long they may.
pending_calls = 100
call_timeout_ms = 30000

# Further keys: references, overload_sec, max_run_time_ms, max_state_bytes, log_lines.

# Function images that anybody on the network of the devices may store here ahead of their use (PUT /i/<digest>).
[images]
# Whether they may; with verify_peers, only from addresses that prove themselves.
accept = true
# How many, and how many bytes together.
max_images = 32
max_bytes = 1048576

# Message layer (RFC 7252).
[coap]
# Whether only addresses that prove themselves register and get large answers (RFC 9175); plain clients may not know how.
verify_peers = false
ack_timeout_ms = 2000
max_retransmit = 12
# Longest pause between two repetitions.
max_timeout_ms = 8000
# Further keys: ack_random_factor, exchange_lifetime_ms, max_body_bytes, max_strangers.
`;
}
