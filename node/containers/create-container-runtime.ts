import type { Clock } from "../../core/clock.js";
import { formatEndpoint, parseEndpoint } from "../../core/endpoint.js";
import { reasonOf } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import { type ClientTls, guestHostService, type ServerTls, startServer } from "../../grpc-api/index.js";
import { DelayedCasts } from "../functions/delayed-casts.js";
import type { FunctionRuntime } from "../functions/function-runtime.js";
import { StateFolder } from "../functions/state-folder.js";
import { TextBudget } from "../functions/text-budget.js";
import { OutgoingCalls } from "../resources/outgoing-calls.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import type { ContainerEnvironment } from "./container-environment.js";
import { ContainerRuntime } from "./container-runtime.js";
import type { ContainerSettings } from "./container-settings.js";
import { ContainerStarter } from "./container-starter.js";
import { EngineClient } from "./engine/engine-client.js";
import { GuestHost } from "./guest-host.js";
import { serverPlace } from "./server-place.js";

/** What a container run-time works with. */
export interface ContainerRuntimeOptions {
  readonly nodeId: Uuid;
  /** Way out for events to instances that are not functions of this run-time. */
  readonly send: SendEvent;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Folder of the function state files; created when needed. */
  readonly stateFolder: string;
  readonly settings: ContainerSettings;
  readonly tls?: { readonly server?: ServerTls; readonly client?: ClientTls };
}

/** A container run-time that listens for its functions. */
export interface RunningContainerRuntime {
  readonly runtime: FunctionRuntime;
  /** Where the guest API host listens, with its actual port. */
  readonly guestApiHostUrl: string;
}

/**
 * Makes the run-time of functions in containers and of functions that are servers of their own. The container engine need not
 * be there; as soon as it is, containers that a former life of this node left behind are removed.
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND or EDGELESS_BAD_URL
 */
export async function createContainerRuntime(
  options: ContainerRuntimeOptions,
): Promise<RunningContainerRuntime> {
  const { nodeId, send, telemetry, logger, clock, random, settings, tls } = options;
  const host = new GuestHost((originator) => runtime.find(originator), logger);
  const server = await startServer(
    settings.guestApiHostUrl,
    [guestHostService(host)],
    tls?.server === undefined ? {} : { tls: tls.server },
  );
  const hostUrl = toldUrl(settings, server.url);
  const { engineSocket: socketPath, engineTimeoutMs: timeoutMs } = settings;
  const engine = new EngineClient({ socketPath, timeoutMs, clock, random });
  const starter = new ContainerStarter({ nodeId, engine, hostUrl, clock, random, logger });
  const budget = new TextBudget(settings.maxWaitingText);
  const delayed = new DelayedCasts(clock, settings.maxTimers, new TextBudget(settings.maxWaitingText));
  const environment: ContainerEnvironment = {
    ...{ clock, random, telemetry, logger, settings, budget, delayed, hostUrl },
    ...(tls?.client === undefined ? {} : { tls: tls.client }),
    states: new StateFolder(options.stateFolder, logger),
    calls: new OutgoingCalls(clock, random, settings.callTimeoutMs),
    async open(code, functionId, workflowId) {
      if (code.type === "server") return serverPlace(code.url, clock);
      return await starter.start({ functionId, workflowId, image: code.image });
    },
    route: (event: Event) => {
      if (!runtime.deliver(event)) send(event);
    },
  };
  const runtime = new ContainerRuntime({
    nodeId,
    environment,
    async release() {
      delayed.close();
      engine.close();
      await server.close();
    },
  });
  starter.removeOrphans().catch((error: unknown) => {
    logger.warn("container images cannot be used yet", { reason: reasonOf(error) });
  });
  return { runtime, guestApiHostUrl: server.url };
}

/** The configured URL as it stands, but with the port that is really bound in place of 0. */
function toldUrl({ guestApiHostUrl, guestApiHostUrlAnnounced }: ContainerSettings, bound: string): string {
  const wanted = guestApiHostUrlAnnounced === "" ? guestApiHostUrl : guestApiHostUrlAnnounced;
  const endpoint = parseEndpoint(wanted, "guest_api_host_url");
  return endpoint.port === 0
    ? formatEndpoint({ ...endpoint, port: parseEndpoint(bound, "URL").port })
    : wanted;
}
