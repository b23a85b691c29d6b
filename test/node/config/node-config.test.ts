import { parse } from "smol-toml";
import t from "tap";
import { dataPlaneSettings, functionSettings, parseNodeConfig } from "../../../node/config/node-config.js";
import { nodeTemplate } from "../../../node/config/node-template.js";
import { announcedUrl, externalAddresses } from "../../../platform/announced-url.js";
import { uuid } from "../kit/events.js";

type Table = { [key: string]: unknown };

/** The template as raw tables, with one value replaced; undefined removes the key. */
function changed(path: string, value: unknown): Table {
  const raw: Table = parse(nodeTemplate({ nodeId: uuid(1) }));
  const keys = path.split(".");
  let table = raw;
  for (const key of keys.slice(0, -1)) {
    table[key] ??= {};
    table = table[key] as Table;
  }
  const last = keys.at(-1) ?? "";
  if (value === undefined) delete table[last];
  else table[last] = value;
  return raw;
}

/** What the Rust node of EDGELESS 1.2 writes with -t, tables in its own order. */
const REFERENCE_FILE = `
[general]
node_id = "FDA6CE79-46DF-4F96-A0D2-456F720F606D"
agent_url = "http://127.0.0.1:7005"
agent_url_announced = "http://127.0.0.1:7005"
invocation_url = "http://127.0.0.1:7006"
invocation_url_announced = "http://127.0.0.1:7006"
node_register_url = "http://127.0.0.1:7004"
subscription_refresh_interval_sec = 2
[telemetry]
metrics_url = "http://127.0.0.1:7007"
performance_samples = false
[wasm_runtime]
enabled = true
[container_runtime]
enabled = false
guest_api_host_url = "http://127.0.0.1:7100"
[resources]
prepend_hostname = true
http_ingress_url = "http://127.0.0.1:7008"
http_ingress_provider = "http-ingress-1"
http_egress_provider = "http-egress-1"
http_poster_provider = "http-poster-1"
file_log_provider = "file-log-1"
redis_provider = "redis-1"
dda_provider = "dda-1"
kafka_egress_provider = ""
sqlx_provider = "sqlx-1"
[resources.file_pusher_provider]
directory = ""
provider = ""
[resources.ollama_provider]
host = "localhost"
port = 11434
messages_number_limit = 30
provider = ""
[[resources.serverless_provider]]
class_type = ""
version = ""
function_url = ""
provider = ""
[user_node_capabilities]
num_cpus = 8
model_name_cpu = "Intel"
clock_freq_cpu = 2400.0
num_cores = 4
mem_size = 15000
labels = ["zone=b"]
is_tee_running = false
has_tpm = true
disk_tot_space = 100000
num_gpus = 0
model_name_gpu = ""
mem_size_gpu = 0
`;

t.test("given the file of a Rust node, when it is read, then it is taken as it is", async (t) => {
  const config = parseNodeConfig(parse(REFERENCE_FILE));
  t.equal(config.general.node_id, "fda6ce79-46df-4f96-a0d2-456f720f606d");
  t.match(config.user_node_capabilities, { clock_freq_cpu: 2400, labels: ["zone=b"], has_tpm: true });
  t.match(functionSettings(config), { maxMemoryMib: 64, threads: 1 });
  t.match(dataPlaneSettings(config), { deadlineMs: 5_000 });
});

t.test("given the template, when it is read, then it has the values of the reference", async (t) => {
  const { user_node_capabilities: _, ...expected } = parse(REFERENCE_FILE);
  const config = parseNodeConfig(parse(nodeTemplate({ nodeId: uuid(1) })));
  t.match(
    { ...expected, general: { ...Object(expected.general), node_id: uuid(1) } },
    {
      general: config.general,
      telemetry: config.telemetry,
      container_runtime: config.container_runtime,
      resources: config.resources,
    },
  );
  t.same(config.wasm_runtime, { enabled: true, state_folder: "function_state" });
  const other = parseNodeConfig(parse(nodeTemplate()));
  t.not(
    other.general.node_id,
    parseNodeConfig(parse(nodeTemplate())).general.node_id,
    "a fresh identity each time",
  );
});

t.test("given values, when a template is made, then they stand in it", async (t) => {
  const config = parseNodeConfig(
    parse(
      nodeTemplate({
        agentUrl: "http://0.0.0.0:9001",
        agentUrlAnnounced: "",
        invocationUrl: "http://0.0.0.0:9002",
        metricsUrl: "",
        providerSuffix: "3",
        stateFolder: 'odd "folder"',
      }),
    ),
  );
  t.match(config.general, { agent_url_announced: "", invocation_url_announced: "http://0.0.0.0:9002" });
  t.match(config, { telemetry: { metrics_url: "" }, resources: { file_log_provider: "file-log-3" } });
  t.equal(config.wasm_runtime?.state_folder, 'odd "folder"');
});

t.test("given only the required tables, when they are read, then everything else is off", async (t) => {
  const raw = parse(nodeTemplate({ nodeId: uuid(1) }));
  const config = parseNodeConfig({ general: raw.general, telemetry: raw.telemetry, unknown: 5 });
  t.same(Object.keys(config), ["general", "telemetry"]);
});

t.test("given a bad value, when a file is read, then the error names the key and the reason", async (t) => {
  const cases: readonly (readonly [path: string, value: unknown, reason: RegExp])[] = [
    ["general", undefined, /key general: is missing/],
    ["general.node_id", undefined, /is missing/],
    ["general.node_id", "node-1", /"node-1" is not a UUID/],
    ["general.agent_url", "127.0.0.1:7005", /scheme:\/\/host:port/],
    ["general.agent_url", "", /scheme:\/\/host:port/],
    ["general.agent_url", "coap://127.0.0.1:7005", /http or https/],
    ["general.agent_url_announced", "here", /scheme:\/\/host:port/],
    ["general.agent_url_announced", undefined, /is missing/],
    ["general.invocation_url", "http://127.0.0.1", /scheme:\/\/host:port/],
    ["general.invocation_url_announced", 5, /string/],
    ["general.invocation_url_coap", "coap://127.0.0.1:7050", /gateway/],
    ["general.node_register_url", "http://a:99999", /65535/],
    ["general.subscription_refresh_interval_sec", 0, /1/],
    ["general.subscription_refresh_interval_sec", 1.5, /int/],
    ["telemetry", undefined, /is missing/],
    ["telemetry.metrics_url", "7007", /scheme:\/\/host:port/],
    ["telemetry.performance_samples", "no", /boolean/],
    ["wasm_runtime.enabled", undefined, /is missing/],
    ["wasm_runtime.max_run_time_ms", 0, /1/],
    ["wasm_runtime.max_memory_mib", 5000, /4096/],
    ["container_runtime.enabled", "yes", /boolean/],
    ["container_runtime.engine_socket", "", /1/],
    ["container_runtime.guest_api_host_url_announced", "here", /scheme:/],
    ["resources.prepend_hostname", undefined, /is missing/],
    ["resources.file_log_provider", 1, /string/],
    ["user_node_capabilities.num_cpus", -1, /0/],
    ["user_node_capabilities.labels", "a", /array/],
    ["power_info.outlet_number", 129, /128/],
    ["power_info.modbus_endpoint", "meter", /address:port/],
    ["dataplane.in_flight", 0, /1/],
    ["dataplane.queue_age_ms", "long", /number/],
  ];
  for (const [path, value, reason] of cases) {
    const raw = changed(path, value);
    t.throws(() => parseNodeConfig(raw), { code: "EDGELESS_BAD_CONFIG", message: reason }, path);
    t.throws(() => parseNodeConfig(raw), { message: new RegExp(`key ${path}:`) });
  }
  t.throws(() => parseNodeConfig("text"), { code: "EDGELESS_BAD_CONFIG", message: /the whole file/ });
  t.throws(() => parseNodeConfig(undefined), { code: "EDGELESS_BAD_CONFIG" });
});

t.test(
  "given settings of this project, when they are read, then they reach the parts that use them",
  async (t) => {
    t.equal(functionSettings(parseNodeConfig(changed("wasm_runtime.max_run_time_ms", 7))).maxRunTimeMs, 7);
    t.equal(functionSettings(parseNodeConfig(changed("wasm_runtime.threads", 0))).threads, 0);
    t.equal(dataPlaneSettings(parseNodeConfig(changed("dataplane.queue_events", 7))).queueEvents, 7);
  },
);

t.test("given a bound server, when its URL is announced, then others can reach it", async (t) => {
  const addresses = ["192.168.1.5", "10.0.0.9"];
  const bound = "http://0.0.0.0:34567";
  t.equal(announcedUrl("", bound, addresses), "http://192.168.1.5:34567");
  t.equal(announcedUrl("", "https://[::]:34567", addresses), "https://192.168.1.5:34567");
  t.equal(
    announcedUrl("", bound, []),
    "http://127.0.0.1:34567",
    "a machine without a network still serves itself",
  );
  t.equal(announcedUrl("", "http://10.1.2.3:7005", addresses), "http://10.1.2.3:7005");
  t.equal(announcedUrl("http://edge.example:0", bound, addresses), "http://edge.example:34567");
  t.equal(
    announcedUrl("http://edge.example:80/x", bound, addresses),
    "http://edge.example:80/x",
    "unchanged",
  );
  t.throws(() => announcedUrl("edge.example", bound, addresses), { code: "EDGELESS_BAD_URL" });
  for (const address of externalAddresses()) t.match(address, /^[0-9.]+$/);
});
