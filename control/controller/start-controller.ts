import type { Clock } from "../../core/clock.js";
import { formatEndpoint, parseEndpoint } from "../../core/endpoint.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import {
  type ClientTls,
  connectOrchestrator,
  domainRegistrationService,
  meteredService,
  type RunningServer,
  type ServerTls,
  startServer,
  workflowService,
} from "../../grpc-api/index.js";
import { startMetricsServer } from "../../platform/metrics-server.js";
import { openLevelStore } from "../../platform/store/level-store.js";
import { MemoryStore } from "../../platform/store/memory-store.js";
import type { Store } from "../../platform/store/store.js";
import type { ControllerConfig } from "./config.js";
import { Controller } from "./controller.js";
import { ControllerMetrics } from "./controller-metrics.js";
import { ControllerStore } from "./controller-store.js";
import { importReferenceFile } from "./reference-file.js";

/** What an ε-CON gets from its host. */
export interface ControllerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tls?: { readonly server?: ServerTls; readonly client?: ClientTls };
}

/** An ε-CON that listens. */
export interface RunningController {
  /** For clients, with the real port. */
  readonly controllerUrl: string;
  /** For ε-ORCs, with the real port. */
  readonly domainRegisterUrl: string;
  /** Absent when there is no metrics page. */
  readonly metricsUrl?: string;
  /** Stops listening and working; the workflows go on in their domains. */
  close(): Promise<void>;
}

/**
 * Starts an ε-CON: opens its state, goes on with what it holds, then listens.
 * @throws EdgelessError EDGELESS_STORE_LOCKED, EDGELESS_STORE_BROKEN, EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export async function startController(
  config: ControllerConfig,
  environment: ControllerEnvironment,
): Promise<RunningController> {
  const { clock, random, logger, tls } = environment;
  const store = await openStore(config.persistence_filename, environment);
  const meter = new ControllerMetrics();
  const deadlineMs = Math.max(config.start_timeout_ms, config.call_timeout_ms);
  const controller = new Controller({
    store: new ControllerStore(store, logger),
    connect: (url) =>
      connectOrchestrator(url, {
        deadlineMs,
        clock,
        ...(tls?.client === undefined ? {} : { tls: tls.client }),
      }),
    deadlines: { startMs: config.start_timeout_ms, callMs: config.call_timeout_ms },
    clock,
    random,
    logger,
    meter,
  });
  meter.watch(() => controller.figures());
  const servers: Pick<RunningServer, "close">[] = [];
  const close = async () => {
    const stopped = servers.map((server) => server.close());
    await controller.close();
    await Promise.all(stopped);
  };
  try {
    await controller.open();
    const options = { clock, ...(tls?.server === undefined ? {} : { tls: tls.server }) };
    const metrics = await startMetricsServer(config.telemetry.metrics_url, meter.page, logger);
    if (metrics !== undefined) servers.push(metrics);
    const clients = meteredService(workflowService(controller), clock, meter.served);
    const domains = meteredService(domainRegistrationService(controller), clock, meter.served);
    const shared = isShared(config);
    const first = await startServer(config.controller_url, shared ? [clients, domains] : [clients], options);
    servers.push(first);
    const second = shared ? first : await startServer(config.domain_register_url, [domains], options);
    servers.push(second);
    const metricsUrl = metrics === undefined ? {} : { metricsUrl: metrics.url };
    return { controllerUrl: first.url, domainRegisterUrl: second.url, ...metricsUrl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One server for both when the URLs are the same; with port 0 each gets a port of its own. */
function isShared({ controller_url, domain_register_url }: ControllerConfig): boolean {
  const [a, b] = [
    parseEndpoint(controller_url, "controller_url"),
    parseEndpoint(domain_register_url, "domain_register_url"),
  ];
  return a.port !== 0 && formatEndpoint(a) === formatEndpoint(b);
}

async function openStore(path: string, { random, logger }: ControllerEnvironment): Promise<Store> {
  if (path === "") return new MemoryStore();
  await importReferenceFile(path, random, logger);
  return await openLevelStore(path);
}
