import { NO_CAPABILITIES } from "../../core/capabilities.js";
import type { Clock } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import { HEALTH_UNKNOWN } from "../../core/health-unknown.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { NO_SAMPLES } from "../../core/samples.js";
import type { Uuid } from "../../core/uuid.js";
import { DataPlane } from "../../grpc-api/data-plane/data-plane.js";
import { DATA_PLANE_DEFAULTS } from "../../grpc-api/data-plane/data-plane-settings.js";
import {
  agentServices,
  connectInvocation,
  connectNodeRegistration,
  invocationService,
  startServer,
  type Tls,
} from "../../grpc-api/index.js";
import { Registration } from "../../grpc-api/registration/registration.js";
import { announcedUrl, externalAddresses } from "../../platform/announced-url.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import { startMetricsServer } from "../../platform/metrics-server.js";
import { randomUint64 } from "../../platform/system-random.js";
import { BridgeMeter } from "./bridge-meter.js";
import { BridgeTable } from "./bridge-table.js";
import { type BalancerConfig, bridgeSettings } from "./config.js";
import type { Side } from "./half-request.js";
import { PORTAL_CLASS, PortalAgent } from "./portal-agent.js";

/** What an ε-BAL gets from its host. */
export interface BalancerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tls?: Tls;
}

/** Where one of the two nodes of an ε-BAL listens, with the real ports. */
export interface RunningSide {
  readonly nodeId: Uuid;
  readonly agentUrl: string;
  readonly invocationUrl: string;
}

/** An ε-BAL that runs. */
export interface RunningBalancer {
  readonly local: RunningSide;
  readonly portal: RunningSide;
  /** Absent when there is no metrics page. */
  readonly metricsUrl?: string;
  /** Leaves both domains, then stops everything; takes a few seconds at most. */
  close(): Promise<void>;
}

interface Closeable {
  close(): void | Promise<void>;
}

/** Longest time that closing one part may take. */
const CLOSE_LIMIT_MS = 6_000;

/**
 * Starts an ε-BAL: everything listens before it registers in both domains. When a part cannot start, those before it are
 * closed again.
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND or EDGELESS_BAD_URL
 */
export async function startBalancer(
  config: BalancerConfig,
  environment: BalancerEnvironment,
): Promise<RunningBalancer> {
  const parts: Closeable[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeAll(parts, environment);
    return closed;
  };
  try {
    return { ...(await open(config, environment, parts)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: BalancerConfig,
  environment: BalancerEnvironment,
  parts: Closeable[],
): Promise<Omit<RunningBalancer, "close">> {
  const { clock, logger } = environment;
  const { domain } = config.general;
  const { metrics_url, performance_samples } = config.telemetry;
  const nodeIds = { local: config.local.node_id, portal: config.portal.node_id };
  const meter = new BridgeMeter(nodeIds.local, clock, performance_samples);
  const metrics = await startMetricsServer(metrics_url, meter, logger);
  if (metrics !== undefined) parts.push(metrics);
  const planes = {
    local: newPlane(nodeIds.local, meter, environment),
    portal: newPlane(nodeIds.portal, meter, environment),
  };
  const bridges = new BridgeTable({
    ...{ ...environment, domain, nodeIds, meter, settings: bridgeSettings(config) },
    send: {
      local: (event) => planes.local.send(event),
      portal: (event) => planes.portal.send(event),
    },
  });
  meter.watch(() => ({ bridges: bridges.size, ...bridges.waiting }));
  const startSide = (side: Side) =>
    openSide(side, { config, environment, parts, plane: planes[side], bridges, meter });
  const local = await startSide("local");
  const portal = await startSide("portal");
  return { local, portal, ...(metrics === undefined ? {} : { metricsUrl: metrics.url }) };
}

function newPlane(nodeId: Uuid, meter: BridgeMeter, environment: BalancerEnvironment): DataPlane {
  const { deadlineMs } = DATA_PLANE_DEFAULTS;
  return new DataPlane({
    ...environment,
    isLocal: (id) => id === nodeId,
    connect: (url) => connectInvocation(url, { deadlineMs, ...clientTls(environment) }),
    telemetry: { dropped: (reason, count) => meter.lost(reason, count) },
    settings: DATA_PLANE_DEFAULTS,
  });
}

/** Makes the ε-BAL a node of one domain. */
async function openSide(
  side: Side,
  {
    config,
    environment,
    parts,
    plane,
    bridges,
    meter,
  }: {
    readonly config: BalancerConfig;
    readonly environment: BalancerEnvironment;
    readonly parts: Closeable[];
    readonly plane: DataPlane;
    readonly bridges: BridgeTable;
    readonly meter: BridgeMeter;
  },
): Promise<RunningSide> {
  const { tls } = environment;
  const { domain } = config.general;
  const own = config[side];
  parts.push(plane);
  plane.attach({ deliver: (event: Event) => bridges.deliver(side, event) });
  const agent = agentServices(new PortalAgent(side, bridges, plane));
  const invocation = invocationService(plane);
  const isShared = own.agent_url === own.invocation_url;
  const options = tls?.server === undefined ? {} : { tls: tls.server };
  const agentServer = await startServer(own.agent_url, isShared ? [...agent, invocation] : agent, options);
  parts.push(agentServer);
  const invocationServer = isShared
    ? agentServer
    : await startServer(own.invocation_url, [invocation], options);
  if (!isShared) parts.push(invocationServer);
  const addresses = externalAddresses();
  const intervalMs = own.subscription_refresh_interval_sec * 1000;
  const register = connectNodeRegistration(own.node_register_url, {
    deadlineMs: intervalMs,
    ...clientTls(environment),
  });
  parts.push(register);
  const registration = new Registration({
    ...{ ...environment, register, intervalMs },
    identity: {
      nodeId: own.node_id,
      agentUrl: announcedUrl(own.agent_url_announced, agentServer.url, addresses),
      invocationUrl: announcedUrl(own.invocation_url_announced, invocationServer.url, addresses),
      resourceProviders: [
        { providerId: `${PORTAL_CLASS}-${domain}`, classType: PORTAL_CLASS, outputs: ["out"] },
      ],
      capabilities: {
        ...NO_CAPABILITIES,
        labels: side === "portal" ? [`portal-domain=${domain}`] : [],
      },
      nonce: randomUint64(environment.random),
    },
    measureHealth: () => Promise.resolve(HEALTH_UNKNOWN),
    drainSamples: () => (side === "local" ? meter.drain() : NO_SAMPLES),
    statuses: () => bridges.statuses(side),
  });
  parts.push(registration);
  registration.start();
  return { nodeId: own.node_id, agentUrl: agentServer.url, invocationUrl: invocationServer.url };
}

function clientTls({ tls }: BalancerEnvironment) {
  return tls?.client === undefined ? {} : { tls: tls.client };
}

/** Closes in reverse, each part within a limited time; a failure is logged. */
async function closeAll(parts: Closeable[], { clock, logger }: BalancerEnvironment): Promise<void> {
  for (const part of parts.reverse()) {
    try {
      const outcome = await withDeadline(clock, CLOSE_LIMIT_MS, Promise.resolve(part.close()));
      if (outcome === LATE) logger.warn("a part of the balancer did not close in time");
    } catch (error) {
      logger.warn("a part of the balancer did not close well", { reason: reasonOf(error) });
    }
  }
}
