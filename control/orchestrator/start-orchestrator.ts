import type { Clock } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import {
  AgentConnections,
  type ClientTls,
  connectDomainRegistration,
  meteredService,
  nodeRegistrationService,
  orchestratorServices,
  type RunningServer,
  type ServerTls,
  startServer,
} from "../../grpc-api/index.js";
import { announcedUrl, externalAddresses } from "../../platform/announced-url.js";
import { type RunningMetricsServer, startMetricsServer } from "../../platform/metrics-server.js";
import { RedisSession } from "../../platform/redis/redis-session.js";
import { openLevelStore } from "../../platform/store/level-store.js";
import { MemoryStore } from "../../platform/store/memory-store.js";
import { type OrchestratorConfig, proxyUrlOf } from "./config.js";
import { DomainSubscriber } from "./domain-subscriber.js";
import type { Observer } from "./observer.js";
import { Orchestrator } from "./orchestrator.js";
import { OrchestratorMetrics } from "./orchestrator-metrics.js";
import { probePort } from "./probe-port.js";
import { Dataset } from "./proxy/dataset.js";
import type { IntentExecutor } from "./proxy/intent-taker.js";
import { RedisProxy } from "./proxy/redis-proxy.js";

/** A call that nobody waits for any more is kept open so long, to learn how it really ended. */
const LATE_ANSWER_MS = 60_000;
/** Longest wait for the ε-CON; its order to reset comes once only, so a late answer must not be missed. */
const REGISTER_DEADLINE_MS = 30_000;
/** Longest goodbye to the ε-CON. */
const FAREWELL_MS = 1_000;
/** Longest wait for one answer of Redis. */
const REDIS_DEADLINE_MS = 3_000;
const RETIRE_TIMEOUT_MS = 10_000;
const RESTORE_GRACE_MS = 6_000;

/** What an ε-ORC gets from its host. */
export interface OrchestratorEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tls?: { readonly server?: ServerTls; readonly client?: ClientTls };
}

/** An ε-ORC that listens. */
export interface RunningOrchestrator {
  /** For the ε-CON, with the real port. */
  readonly orchestratorUrl: string;
  /** For nodes, with the real port. */
  readonly nodeRegisterUrl: string;
  /** Absent when there is no metrics page. */
  readonly metricsUrl?: string;
  /** Stops listening and working; what runs on the nodes goes on. */
  close(): Promise<void>;
}

/**
 * Starts an ε-ORC: goes on with the state it kept, then listens, then registers with its ε-CON.
 * @throws EdgelessError EDGELESS_STORE_LOCKED, EDGELESS_STORE_BROKEN, EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export async function startOrchestrator(
  config: OrchestratorConfig,
  environment: OrchestratorEnvironment,
): Promise<RunningOrchestrator> {
  const { general } = config;
  const { clock, logger } = environment;
  if (general.node_register_coap_url !== undefined)
    logger.warn("node_register_coap_url is ignored: nodes register over gRPC only");
  let onChange = () => {};
  const mirror = mirrorOf(config, environment);
  const meter = new OrchestratorMetrics(general.domain_id);
  const orchestrator = await open(config, environment, () => onChange(), mirror.observers, meter).catch(
    async (error: unknown) => {
      await mirror.close();
      throw error;
    },
  );
  meter.watch(() => orchestrator.figures());
  const servers: RunningServer[] = [];
  let metrics: RunningMetricsServer | undefined;
  const stopServers = () => Promise.all([metrics?.close(), ...servers.map((server) => server.close())]);
  try {
    metrics = await startMetricsServer(config.telemetry.metrics_url, meter.page, logger);
    await listen(config, environment, orchestrator, meter, servers);
  } catch (error) {
    await stopServers();
    await orchestrator.close();
    await mirror.close();
    throw error;
  }
  const first = servers[0] as RunningServer;
  const orchestratorUrl = announcedUrl(general.orchestrator_url_announced, first.url, externalAddresses());
  const register = connectDomainRegistration(
    general.domain_register_url,
    clientOptions(REGISTER_DEADLINE_MS, environment),
  );
  const subscriber = new DomainSubscriber({
    register,
    clock,
    logger,
    intervalMs: general.subscription_refresh_interval_sec * 1000,
    report: (hasOffer) => ({
      ...{ domainId: general.domain_id, orchestratorUrl },
      ...orchestrator.report(hasOffer),
    }),
    sequence: () => orchestrator.sequence,
    onReset: (sequence) => orchestrator.reset(sequence),
  });
  onChange = () => subscriber.changed();
  subscriber.start();
  mirror.start(orchestrator);
  let closed: Promise<void> | undefined;
  const close = async () => {
    subscriber.close();
    // With its state kept, a restart goes on where it was; without, the workflows should move at once.
    if (general.persistence_path === "") await within(FAREWELL_MS, clock, subscriber.farewell());
    register.close();
    const stopped = stopServers();
    await mirror.close();
    await orchestrator.close();
    await stopped;
  };
  return {
    orchestratorUrl: first.url,
    nodeRegisterUrl: (servers[1] ?? first).url,
    ...(metrics === undefined ? {} : { metricsUrl: metrics.url }),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** The proxy of an ε-ORC and its datasets; without a proxy, nothing. */
interface Mirror {
  readonly observers: readonly Observer[];
  start(executor: IntentExecutor): void;
  close(): Promise<void>;
}

function mirrorOf(config: OrchestratorConfig, environment: OrchestratorEnvironment): Mirror {
  const { clock, logger } = environment;
  const url = proxyUrlOf(config);
  if (url === undefined) return { observers: [], start: () => undefined, close: () => Promise.resolve() };
  const { dataset_settings: settings, proxy_gc_period_seconds: gcPeriodS } = config.proxy;
  const dataset = settings && new Dataset(settings, () => clock.wallMs(), logger);
  const proxy = new RedisProxy({
    ...environment,
    domainId: config.general.domain_id,
    open: () => RedisSession.open(url, { clock, deadlineMs: REDIS_DEADLINE_MS }),
    gcPeriodMs: gcPeriodS * 1000,
  });
  return {
    observers: dataset === undefined ? [proxy] : [proxy, dataset],
    start: (executor) => proxy.start(executor),
    close: async () => {
      await proxy.close();
      await dataset?.close();
    },
  };
}

async function open(
  { general, baseline }: OrchestratorConfig,
  environment: OrchestratorEnvironment,
  onChange: () => void,
  observers: readonly Observer[],
  meter: OrchestratorMetrics,
): Promise<Orchestrator> {
  const { clock, random, logger } = environment;
  const path = general.persistence_path;
  const store = path === "" ? new MemoryStore() : await openLevelStore(path);
  const deadlineMs = Math.max(LATE_ANSWER_MS, general.node_call_timeout_ms);
  const agents = new AgentConnections(clientOptions(deadlineMs, environment));
  try {
    return await Orchestrator.open({
      ...{ store, clock, random, logger, onChange, observers, meter },
      connect: (url, sharedUrl) => agents.connect(url, sharedUrl),
      probe: (url) => probePort(url, clock),
      strategy: baseline.orchestration_strategy,
      callTimeoutMs: general.node_call_timeout_ms,
      times: {
        startTimeoutMs: general.start_timeout_ms,
        retireTimeoutMs: RETIRE_TIMEOUT_MS,
        restoreGraceMs: RESTORE_GRACE_MS,
      },
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The server for the ε-CON first, then that for nodes unless both share one address. */
async function listen(
  { general }: OrchestratorConfig,
  environment: OrchestratorEnvironment,
  orchestrator: Orchestrator,
  meter: OrchestratorMetrics,
  servers: RunningServer[],
): Promise<void> {
  const { clock, tls } = environment;
  const options = { clock, ...(tls?.server === undefined ? {} : { tls: tls.server }) };
  const components = orchestratorServices(orchestrator).map((service) =>
    meteredService(service, clock, meter.served),
  );
  const nodes = meteredService(nodeRegistrationService(orchestrator), clock, meter.served);
  const isShared =
    general.orchestrator_url === general.node_register_url &&
    parseEndpoint(general.orchestrator_url, "orchestrator_url").port !== 0;
  servers.push(
    await startServer(general.orchestrator_url, isShared ? [...components, nodes] : components, options),
  );
  if (!isShared) servers.push(await startServer(general.node_register_url, [nodes], options));
}

function clientOptions(deadlineMs: number, { clock, tls }: OrchestratorEnvironment) {
  return { deadlineMs, clock, ...(tls?.client === undefined ? {} : { tls: tls.client }) };
}

async function within(ms: number, clock: Clock, work: Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(ms, resolve);
    void work.finally(() => {
      timer.cancel();
      resolve();
    });
  });
}
