import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Random } from "../core/random.js";
import type { Uuid } from "../core/uuid.js";
import { DataPlane } from "../grpc-api/data-plane/data-plane.js";
import {
  agentServices,
  type ClientTls,
  connectInvocation,
  connectNodeRegistration,
  invocationService,
  type ServerTls,
  startServer,
} from "../grpc-api/index.js";
import { Registration } from "../grpc-api/registration/registration.js";
import { announcedUrl, externalAddresses } from "../platform/announced-url.js";
import { startMetricsServer } from "../platform/metrics-server.js";
import { OpenParts } from "../platform/open-parts.js";
import { randomUint64 } from "../platform/system-random.js";
import { NodeAgent } from "./agent/node-agent.js";
import { detectCapabilities } from "./capabilities/detect-capabilities.js";
import { capabilityOverrides } from "./config/capability-overrides.js";
import {
  containerSettings,
  dataPlaneSettings,
  functionSettings,
  type NodeConfig,
} from "./config/node-config.js";
import { createContainerRuntime } from "./containers/create-container-runtime.js";
import { createWasmRuntime } from "./functions/create-function-runtime.js";
import type { FunctionRuntime } from "./functions/function-runtime.js";
import { StateSweeper } from "./functions/state-sweeper.js";
import { HealthMeter } from "./health/health-meter.js";
import { systemProbe } from "./health/host-probe.js";
import { readActivePower } from "./health/power-meter.js";
import { createProviders } from "./resources/create-providers.js";
import { ResourceHost } from "./resources/resource-host.js";
import { NodeTelemetry } from "./telemetry/node-telemetry.js";

/** What a node takes from its surroundings. */
export interface NodeEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: no encryption. */
  readonly tls?: { readonly server?: ServerTls; readonly client?: ClientTls };
}

/** A node that runs; its URLs are those bound, with the actual ports. */
export interface RunningNode {
  readonly nodeId: Uuid;
  readonly agentUrl: string;
  readonly invocationUrl: string;
  /** Where functions in containers call; absent when the node runs none. */
  readonly guestApiHostUrl?: string;
  /** Absent when there is no metrics page. */
  readonly metricsUrl?: string;
  /** Leaves the domain, then stops everything; takes a few seconds at most. */
  close(): Promise<void>;
}

/**
 * Starts a node: everything listens before it registers, because its ε-ORC calls back at once.
 * When a part cannot start, those before it are closed again.
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND, EDGELESS_BAD_URL or EDGELESS_BAD_CONFIG
 */
export async function startNode(config: NodeConfig, environment: NodeEnvironment): Promise<RunningNode> {
  const parts = new OpenParts(environment.clock, environment.logger);
  try {
    return await openNode(config, environment, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function openNode(
  config: NodeConfig,
  environment: NodeEnvironment,
  parts: OpenParts,
): Promise<RunningNode> {
  const { clock, random, logger, tls } = environment;
  const { general } = config;
  const nodeId = general.node_id;
  const clientTls = tls?.client === undefined ? {} : { tls: tls.client };
  const probe = systemProbe();
  const stateFolder = config.wasm_runtime?.state_folder ?? "function_state";
  const limits = functionSettings(config);
  const plane = dataPlaneSettings(config);

  const telemetry = new NodeTelemetry({
    nodeId,
    clock,
    logger,
    performanceSamples: config.telemetry.performance_samples,
  });
  const metrics = await startMetricsServer(config.telemetry.metrics_url, telemetry.page, logger);
  if (metrics !== undefined) parts.add("metrics page", metrics);

  const isLocal = (id: Uuid) => id === nodeId;
  const connect = (url: string) => connectInvocation(url, { deadlineMs: plane.deadlineMs, ...clientTls });
  const dataPlane = new DataPlane({ isLocal, connect, telemetry, clock, random, logger, settings: plane });
  parts.add("data plane", dataPlane);
  const send = telemetry.counting((event) => dataPlane.send(event));

  const runtimes: FunctionRuntime[] = [];
  const adopt = (runtime: FunctionRuntime) => {
    runtimes.push(runtime);
    parts.add(`run-time of ${runtime.functionType} functions`, runtime);
    dataPlane.attach(runtime);
  };
  const common = { nodeId, send, telemetry, logger, clock, random, stateFolder };
  if (config.wasm_runtime?.enabled === true) {
    adopt(await createWasmRuntime({ ...common, settings: limits }));
  }
  let guestApiHostUrl: string | undefined;
  if (config.container_runtime?.enabled === true) {
    const secured = tls === undefined ? {} : { tls };
    const containers = await createContainerRuntime({
      ...common,
      ...secured,
      settings: containerSettings(config),
    });
    guestApiHostUrl = containers.guestApiHostUrl;
    adopt(containers.runtime);
  }

  const inUse = () => runtimes.flatMap((runtime) => runtime.stateIds());
  parts.add("states of functions", new StateSweeper({ folder: stateFolder, inUse, clock, logger }));

  const workingFolder = process.cwd();
  const providerEnvironment = { clock, random, logger, hostname: probe.hostname, workingFolder };
  const providers =
    config.resources === undefined ? [] : await createProviders(config.resources, providerEnvironment);
  const { callTimeoutMs, mailboxCapacity } = limits;
  const resources = new ResourceHost({
    ...{ nodeId, send, telemetry, clock, random, logger },
    ...{ callTimeoutMs, mailboxCapacity, providers },
  });
  parts.add("resources", resources);
  dataPlane.attach(resources);

  const agent = new NodeAgent({ nodeId, runtimes, resources, peers: dataPlane, clock, random, logger });
  const shared = general.agent_url === general.invocation_url;
  const options = tls?.server === undefined ? {} : { tls: tls.server };
  const invocation = invocationService(dataPlane);
  const agentServer = await startServer(
    general.agent_url,
    shared ? [...agentServices(agent), invocation] : agentServices(agent),
    options,
  );
  parts.add("agent server", agentServer);
  const invocationServer = shared
    ? agentServer
    : await startServer(general.invocation_url, [invocation], options);
  if (!shared) parts.add("invocation server", invocationServer);

  const functionTypes = runtimes.map((runtime) => runtime.functionType);
  const addresses = externalAddresses();
  const identity = {
    nodeId,
    agentUrl: announcedUrl(general.agent_url_announced, agentServer.url, addresses),
    invocationUrl: announcedUrl(general.invocation_url_announced, invocationServer.url, addresses),
    resourceProviders: resources.providers,
    capabilities: await detectCapabilities(probe, functionTypes, stateFolder, capabilityOverrides(config)),
    nonce: randomUint64(random),
  };
  const intervalMs = general.subscription_refresh_interval_sec * 1000;
  const register = connectNodeRegistration(general.node_register_url, {
    deadlineMs: intervalMs,
    ...clientTls,
  });
  parts.add("connection to the orchestrator", register);
  const { power_info: power } = config;
  const activePower = power && (() => readActivePower(power.modbus_endpoint, power.outlet_number, clock));
  const meter = new HealthMeter(probe, clock, stateFolder, activePower);
  const registration = new Registration({
    ...{ register, identity, intervalMs, clock, random, logger },
    measureHealth: () => meter.measure(),
    drainSamples: () => telemetry.drain(),
    statuses: () => agent.statuses(),
  });
  parts.add("registration", registration);
  registration.start();

  return {
    nodeId,
    agentUrl: agentServer.url,
    invocationUrl: invocationServer.url,
    ...(guestApiHostUrl === undefined ? {} : { guestApiHostUrl }),
    ...(metrics === undefined ? {} : { metricsUrl: metrics.url }),
    close: () => parts.close(),
  };
}
