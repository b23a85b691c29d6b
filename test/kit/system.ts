import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkflowApi } from "../../core/api.js";
import { RUST_WASM } from "../../core/specification.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import type { Workflow, WorkflowFunction, WorkflowInstance, WorkflowResource } from "../../core/workflow.js";
import { connectWorkflow } from "../../grpc-api/index.js";
import { systemRandom } from "../../platform/system-random.js";
import { EdgelessProcess } from "./edgeless-process.js";
import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";
import { ROOT } from "./repository.js";

/** How a system for a test is laid out. */
export interface SystemLayout {
  readonly domains: number;
  readonly nodesPerDomain: number;
  /** Further lines of the node's `[wasm_runtime]` table. */
  readonly wasmRuntime?: string;
  /** Every domain's first node also offers http-ingress, http-egress and http-poster. */
  readonly http?: boolean;
  /** Further lines of the `[resources]` table of every domain's first node. */
  readonly resources?: string;
  /** Lowest level that components log; default: the one of their environment. */
  readonly logLevel?: string;
  /** A portal domain joins the domains, each by a balancer of its own. */
  readonly portal?: boolean;
  /** Every orchestrator mirrors its domain to this Redis; for one domain only. */
  readonly redisUrl?: string;
}

/** Processes that are started side by side: more would only delay each other. */
const STARTS_AT_ONCE = 4;

/** Name of the portal domain. */
export const PORTAL_DOMAIN = "domain-bal";

/**
 * A complete system in processes of its own, each with a configuration file, as users run it. Every domain's first node
 * offers file-log. Periods are one second; everything is persisted in the folder.
 */
export class System {
  readonly folder = mkdtempSync(join(tmpdir(), "edgeless-system-"));
  readonly nodeIds: readonly Uuid[];
  readonly #layout: SystemLayout;
  readonly #ports: readonly number[];
  /** Of the portal's orchestrator, then of the balancers: two for each side. */
  readonly #portalPorts: readonly number[];
  readonly #processes = new Map<string, EdgelessProcess>();
  #api: ReturnType<typeof connectWorkflow> | undefined;

  private constructor(layout: SystemLayout, ports: readonly number[], portalPorts: readonly number[]) {
    this.#layout = layout;
    this.#ports = ports;
    this.#portalPorts = portalPorts;
    const count = layout.domains * layout.nodesPerDomain;
    this.nodeIds = Array.from({ length: count }, () => randomUuid(systemRandom));
  }

  /** Prepares folder and ports; nothing runs yet. */
  static async create(layout: SystemLayout): Promise<System> {
    const count = 2 + layout.domains * 3 + layout.domains * layout.nodesPerDomain * 2;
    const portalCount = layout.portal === true ? 2 + 4 * layout.domains : 0;
    const ports = await freePorts(count + portalCount);
    return new System(layout, ports.slice(0, count), ports.slice(count));
  }

  /** Starts every component, the controller last, and waits until all domains and nodes are seen. */
  static async start(layout: SystemLayout): Promise<System> {
    const system = await System.create(layout);
    const names: string[] = [];
    for (let domain = 0; domain < layout.domains; domain++) {
      names.push(`orc${domain}`);
      for (let node = 0; node < layout.nodesPerDomain; node++) names.push(`node${domain}-${node}`);
      if (layout.portal === true) names.push(`bal${domain}`);
    }
    if (layout.portal === true) names.push("orc-portal");
    await system.runAll(names);
    await system.run("con");
    await system.ready();
    return system;
  }

  /** The client's connection to the controller. */
  get api(): WorkflowApi {
    this.#api ??= connectWorkflow(this.controllerUrl, { deadlineMs: 15_000 });
    return this.#api;
  }

  get controllerUrl(): string {
    return this.#url(0);
  }

  /** Where nodes of a domain register. */
  nodeRegisterUrl(domain: number): string {
    return this.#url(3 + 2 * domain);
  }

  /** Where http-ingress of a domain listens. */
  httpUrl(domain: number): string {
    return this.#url(this.#ports.length - 1 - domain);
  }

  /** Waits until the controller sees every domain with all its nodes. */
  async ready(): Promise<void> {
    const { domains, nodesPerDomain, portal = false } = this.#layout;
    const perDomain = portal ? nodesPerDomain + 1 : nodesPerDomain;
    await eventually("all domains and nodes", async () => {
      const seen = await this.api.domains("");
      if (portal && seen.get(PORTAL_DOMAIN)?.numNodes !== domains) return false;
      const regular = [...seen].filter(([name]) => name !== PORTAL_DOMAIN);
      return regular.length === domains && regular.every(([, { numNodes }]) => numNodes === perDomain);
    });
  }

  /** Starts a component: `con`, `orc<d>`, `node<d>-<n>`, `orc-portal` or `bal<d>`; again with the same configuration after it ended. */
  async run(name: string): Promise<EdgelessProcess> {
    const file = join(this.folder, `${name}.toml`);
    writeFileSync(file, this.#configuration(name));
    const kind = /^[a-z]+/.exec(name)?.[0] ?? "";
    const { logLevel } = this.#layout;
    const environment = logLevel === undefined ? {} : { EDGELESS_LOG: logLevel };
    const process = new EdgelessProcess([kind, "-c", file], this.folder, environment);
    this.#processes.set(name, process);
    await process.says(/http:\/\/.*\n/);
    return process;
  }

  /** Starts components side by side. */
  async runAll(names: readonly string[]): Promise<void> {
    const waiting = [...names];
    const work = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await this.run(name);
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, work));
  }

  /** Ends a component as a crash would. */
  async kill(name: string): Promise<void> {
    const process = this.#processes.get(name);
    this.#processes.delete(name);
    await process?.kill();
  }

  /** Starts a workflow that must be accepted. */
  async start(workflow: Workflow): Promise<WorkflowInstance> {
    const result = await this.api.start(workflow);
    if (!result.ok) throw new Error(`${result.error.summary} ${result.error.detail ?? ""}`);
    return result.value;
  }

  /** Waits until every component of a workflow is reported as running. */
  async running(workflowId: Uuid): Promise<void> {
    await eventually(`workflow ${workflowId} running`, async () => {
      const { workflow, instance } = await this.api.inspect(workflowId);
      const count = workflow.functions.length + workflow.resources.length;
      return instance.statuses.length >= count && instance.statuses.every(({ state }) => state === "running");
    });
  }

  /** Lines of a file below the system's folder; none when it is not there yet. */
  lines(file: string): string[] {
    try {
      return readFileSync(join(this.folder, file), "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  /** Everything that a component wrote on standard error. */
  log(name: string): string {
    return this.#processes.get(name)?.stderr ?? "";
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    this.#api?.close();
    await Promise.all([...this.#processes.values()].map((process) => process.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Negative: the ports of the portal's orchestrator. */
  #url(index: number): string {
    return index < 0 ? this.#portalUrl(index + 2) : `http://127.0.0.1:${this.#ports[index]}`;
  }

  #portalUrl(index: number): string {
    return `http://127.0.0.1:${this.#portalPorts[index]}`;
  }

  #configuration(name: string): string {
    if (name === "con") {
      return `controller_url = "${this.#url(0)}"
domain_register_url = "${this.#url(1)}"
persistence_filename = "controller.save"
`;
    }
    const [domain = 0, node = 0] = [...name.matchAll(/\d+/g)].map(([digits]) => Number(digits));
    if (name.startsWith("bal")) return this.#balancerConfiguration(domain);
    const isPortal = name === "orc-portal";
    const orchestratorPort = isPortal ? -2 : 2 + 2 * domain;
    if (name.startsWith("orc")) {
      return `[general]
domain_register_url = "${this.#url(1)}"
subscription_refresh_interval_sec = 1
domain_id = "${isPortal ? PORTAL_DOMAIN : `domain-${domain}`}"
orchestrator_url = "${this.#url(orchestratorPort)}"
orchestrator_url_announced = "${this.#url(orchestratorPort)}"
node_register_url = "${this.#url(orchestratorPort + 1)}"
persistence_path = "${name}.state"
[baseline]
orchestration_strategy = "RoundRobin"
[proxy]
${this.#layout.redisUrl === undefined ? `proxy_type = "None"` : `proxy_type = "Redis"\nredis_url = "${this.#layout.redisUrl}"`}
proxy_gc_period_seconds = 0
`;
    }
    const index = domain * this.#layout.nodesPerDomain + node;
    const nodePort = 2 + 2 * this.#layout.domains + 2 * index;
    const resources =
      node === 0 ? `[resources]\nprepend_hostname = false\nfile_log_provider = "file-log-${domain}"\n` : "";
    const http =
      node === 0 && this.#layout.http === true
        ? `http_ingress_url = "${this.httpUrl(domain)}"
http_ingress_provider = "http-ingress-${domain}"
http_egress_provider = "http-egress-${domain}"
http_poster_provider = "http-poster-${domain}"
`
        : "";
    return `[general]
node_id = "${this.nodeIds[index]}"
agent_url = "${this.#url(nodePort)}"
agent_url_announced = "${this.#url(nodePort)}"
invocation_url = "${this.#url(nodePort + 1)}"
invocation_url_announced = "${this.#url(nodePort + 1)}"
node_register_url = "${this.#url(orchestratorPort + 1)}"
subscription_refresh_interval_sec = 1
[telemetry]
metrics_url = ""
performance_samples = true
[wasm_runtime]
enabled = true
state_folder = "${name}.function_state"
${this.#layout.wasmRuntime ?? ""}
${resources}${http}${node === 0 ? (this.#layout.resources ?? "") : ""}[user_node_capabilities]
labels = ["node=${index}"]
`;
  }

  #balancerConfiguration(domain: number): string {
    const side = (table: string, registerPort: number, port: number) => `[${table}]
node_id = "${randomUuid(systemRandom)}"
agent_url = "${this.#portalUrl(port)}"
agent_url_announced = "${this.#portalUrl(port)}"
invocation_url = "${this.#portalUrl(port + 1)}"
invocation_url_announced = "${this.#portalUrl(port + 1)}"
node_register_url = "http://127.0.0.1:${registerPort}"
subscription_refresh_interval_sec = 1
`;
    const port = 2 + 4 * domain;
    return `[general]
domain = "domain-${domain}"
${side("local", this.#ports[3 + 2 * domain] ?? 0, port)}${side("portal", this.#portalPorts[1] ?? 0, port + 2)}[telemetry]
metrics_url = ""
performance_samples = true
`;
  }
}

/** A function of the library as a component of a workflow. */
export function functionOf(
  name: string,
  classId: string,
  outputs: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
): WorkflowFunction {
  return {
    name,
    functionClass: {
      id: classId,
      functionType: RUST_WASM,
      version: "0.1",
      outputs: Object.keys(outputs),
      binary: readFileSync(join(ROOT, "dist", "functions", classId, `${classId}.wasm`)),
    },
    outputMapping: new Map(Object.entries(outputs)),
    annotations: new Map(Object.entries(annotations)),
  };
}

/** A resource as a component of a workflow. */
export function resourceOf(
  name: string,
  classType: string,
  configurations: Readonly<Record<string, string>>,
  outputs: Readonly<Record<string, string>> = {},
): WorkflowResource {
  return {
    name,
    classType,
    outputMapping: new Map(Object.entries(outputs)),
    configurations: new Map(Object.entries(configurations)),
  };
}

/** A workflow of these components. */
export function workflowOf(
  functions: readonly WorkflowFunction[],
  resources: readonly WorkflowResource[] = [],
): Workflow {
  return { functions, resources, annotations: new Map() };
}
