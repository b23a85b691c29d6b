import { hostname } from "node:os";
import { join } from "node:path";
import { Endpoint } from "../coap-api/endpoint/endpoint.js";
import { NEVER } from "../coap-api/endpoint/request-server.js";
import type { DatagramPort } from "../coap-api/endpoint/transport.js";
import type { Clock } from "../core/clock.js";
import { formatEndpoint, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { InstanceId } from "../core/instance-id.js";
import type { Logger } from "../core/log.js";
import type { Random } from "../core/random.js";
import { DataPlane } from "../grpc-api/data-plane/data-plane.js";
import { DATA_PLANE_DEFAULTS } from "../grpc-api/data-plane/data-plane-settings.js";
import {
  type ClientTls,
  connectInvocation,
  connectNodesRegistration,
  createPortServer,
  invocationService,
  type ServerTls,
  startServer,
} from "../grpc-api/index.js";
import { announcedUrl, externalAddresses } from "../platform/announced-url.js";
import { folderFingerprint } from "../platform/folder-fingerprint.js";
import { startMetricsServer } from "../platform/metrics-server.js";
import { NumberedTimers } from "../platform/numbered-timers.js";
import { OpenParts } from "../platform/open-parts.js";
import { SlotFile } from "../platform/slot-file.js";
import { openLevelStore } from "../platform/store/level-store.js";
import { MemoryStore } from "../platform/store/memory-store.js";
import type { Store } from "../platform/store/store.js";
import { systemClock } from "../platform/system-clock.js";
import { randomUint64 } from "../platform/system-random.js";
import { openUdpSocket } from "../platform/udp-socket.js";
import { ImageWorkers } from "../toolchain/image-worker/image-workers.js";
import { addressProofs } from "./address-proofs.js";
import { imageKindOf } from "./admission.js";
import { agentTemplate } from "./agent-template.js";
import {
  deviceSettings,
  endpointSettings,
  type GatewayConfig,
  registryLimits,
  storedImageLimits,
  strangerCapacity,
} from "./config.js";
import { startControlApi } from "./control-api.js";
import type { DeviceSurroundings } from "./device.js";
import { DeviceRegistry } from "./device-registry.js";
import { DeviceServer } from "./device-server.js";
import { figuresOf } from "./gateway-figures.js";
import { GatewayMetrics } from "./gateway-metrics.js";
import { HandOvers } from "./hand-overs.js";
import { ImageLibrary } from "./image-library.js";
import { ImageWorkshop } from "./image-workshop.js";
import { KeptOutcomes } from "./kept-outcomes.js";
import { ListeningSocket } from "./listening-socket.js";
import { OutcomeCache } from "./outcome-cache.js";
import { PeerBook } from "./peer-book.js";
import { LruPeerTable } from "./peer-table.js";
import { Presence } from "./presence.js";
import { change, SavedDevices, type SavedGateway } from "./saved-devices.js";
import { openSharedPort } from "./shared-port.js";
import { StatusBoard } from "./status-board.js";
import { StoredImages } from "./stored-images.js";
import { TAKEN_EVENT_BYTES, TakenEvents } from "./taken-events.js";
import { Turns } from "./turns.js";

/** What a gateway takes from its surroundings. */
export interface GatewayEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: no encryption of gRPC. */
  readonly tls?: { readonly server?: ServerTls; readonly client?: ClientTls };
  /** The network of the devices; absent: a UDP socket at `coap_url`. */
  readonly socket?: DatagramPort;
  /** Where state is kept; absent: in the folder `persistence_path`. */
  readonly store?: Store;
}

/** A gateway that runs; its URLs are those bound, with the actual ports. */
export interface RunningGateway {
  readonly coapUrl: string;
  readonly invocationUrl: string;
  /** Absent when there is none. */
  readonly controlUrl?: string;
  readonly metricsUrl?: string;
  readonly registry: DeviceRegistry;
  readonly metrics: GatewayMetrics;
  /**
   * Stops. With its state kept, the devices stay in the domain, because the gateway comes back; without, they leave it.
   * Devices are not disturbed either way.
   */
  close(): Promise<void>;
}

/** Longest wait for the ε-ORC. */
const REGISTER_DEADLINE_MS = 5_000;
/** Reports to the ε-ORC in progress at a time; together they make a batch. */
const REPORTS_AT_A_TIME = 64;
/** Checking a module of 10 KB takes a few milliseconds, translating it for a board a tenth of a second. */
const IMAGE_WORK = { workers: 1, maxQueued: 64, deadlineMs: 10_000, maxMemoryMb: 192 };
/** Longest that the ε-ORC waits until a module is checked. */
const ADMISSION_MS = 30_000;
/** Longest that a device waits until the receiver of its event has it; below ACK_TIMEOUT, after which it repeats the event. */
const HAND_OVER_MS = 800;
/** What is remembered of modules that were checked. */
const KNOWN_IMAGE_BYTES = 16 * 1024 * 1024;
/** The reports of all devices together are at least so far apart on average, milliseconds. */
const MS_PER_REPORT = 4;

/**
 * Starts a gateway: goes on with the devices that it kept, then listens to devices.
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND, EDGELESS_STORE_LOCKED, EDGELESS_STORE_BROKEN,
 * EDGELESS_BAD_URL or EDGELESS_BAD_CONFIG
 */
export async function startGateway(
  config: GatewayConfig,
  environment: GatewayEnvironment,
): Promise<RunningGateway> {
  const parts = new OpenParts(environment.clock, environment.logger);
  try {
    return await openGateway(config, environment, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function openGateway(
  config: GatewayConfig,
  environment: GatewayEnvironment,
  parts: OpenParts,
): Promise<RunningGateway> {
  const { clock, random, logger, tls } = environment;
  const { general, telemetry } = config;
  const clientTls = tls?.client === undefined ? {} : { tls: tls.client };
  const serverOptions = { clock, ...(tls?.server === undefined ? {} : { tls: tls.server }) };
  const coapSettings = endpointSettings(config);

  const path = general.persistence_path;
  const store = environment.store ?? (path === "" ? new MemoryStore() : await openLevelStore(path));
  const saved = new SavedDevices({ store, clock, random, logger });
  parts.add("state store", saved);
  const kept = await saved.load();
  const taken = new TakenEvents(path === "" ? undefined : openTakenEvents(path), logger);
  parts.add("taken events", taken);

  const metrics = new GatewayMetrics();
  const metricsServer = await startMetricsServer(telemetry.metrics_url, metrics, logger);
  if (metricsServer !== undefined) parts.add("metrics page", metricsServer);

  const { socket, port: coapPort } = await openSocket(config, environment, parts);
  const timers = new NumberedTimers(clock);
  parts.add("CoAP timers", { close: () => timers.clearAll() });
  const peers = new LruPeerTable(strangerCapacity(config));
  const listening = new ListeningSocket(socket, (address, port) => registry.heardFrom(address, port));
  const drawn = (target: Uint8Array) => random.fill(target);
  const endpoint = new Endpoint(listening, timers, drawn, coapSettings, peers);
  parts.add("CoAP endpoint", endpoint);
  endpoint.onEcho(addressProofs(drawn));

  const intervalMs = general.subscription_refresh_interval_sec * 1000;
  const connection = connectNodesRegistration(general.node_register_url, {
    deadlineMs: Math.max(intervalMs, REGISTER_DEADLINE_MS),
    ...clientTls,
  });
  const reports = new Turns(REPORTS_AT_A_TIME);
  parts.add("connection to the orchestrator", connection);

  const dataPlane: DataPlane = new DataPlane({
    isLocal: (nodeId) => registry.findPresent(nodeId) !== undefined,
    connect: (url) => connectInvocation(url, { deadlineMs: DATA_PLANE_DEFAULTS.deadlineMs, ...clientTls }),
    telemetry: metrics,
    settings: DATA_PLANE_DEFAULTS,
    ...{ clock, random, logger },
  });
  dataPlane.attach({
    deliver: (event) => registry.findPresent(event.target.nodeId)?.deliver(event) ?? false,
  });

  const images = keptImages(kept);
  const workers = new ImageWorkers(IMAGE_WORK);
  parts.add("image workers", workers);
  // Whoever stores an image must not delay a start.
  const patientWorkers = new ImageWorkers(IMAGE_WORK);
  parts.add("workers for stored images", patientWorkers);
  const workshop = new ImageWorkshop({
    // Threads have the time of the machine, whatever time the devices have.
    ...{ workers, patientWorkers, clock: systemClock, waitMs: ADMISSION_MS },
    known: knownOutcomes(kept, saved),
    counted: (outcome) => metrics.image(outcome),
  });
  const storedImages = new StoredImages({
    limits: storedImageLimits(config),
    prepare: (wanted) => workshop.make(wanted, true),
    save: (changes) => saved.write(changes),
  });
  storedImages.restore(kept.storedImages);
  const handOvers = new HandOvers(clock, HAND_OVER_MS);
  parts.add("events on their way", handOvers);
  const around: DeviceSurroundings = {
    ...{ clock, random, logger, metrics, saved, images },
    makeImage: (wanted) => workshop.make(wanted),
    settings: deviceSettings(config),
    request: (address, port, request, done) => endpoint.request(address, port, request, done),
    ackTimeoutMs: coapSettings.ackTimeoutMs,
    send: (event, settled) => dataPlane.send(event, settled),
    handOvers,
    isCongested: (target) => isCongested(target),
  };
  const isCongested = ({ nodeId }: InstanceId): boolean =>
    registry.findPresent(nodeId)?.events.isFull ?? dataPlane.isCongested(nodeId);

  const invocation = await startServer(general.invocation_url, [invocationService(dataPlane)], serverOptions);
  const ports = await createPortServer(general.agent_host, agentTemplate(), serverOptions);
  const addresses = externalAddresses();
  const invocationUrl = announcedUrl(general.invocation_url_announced, invocation.url, addresses);
  // The ε-ORC may still announce the devices at the place of a former life.
  const ownUrls = [invocationUrl, kept.invocationUrl].map(comparableUrl);
  const peerBook = new PeerBook(dataPlane, saved, logger, (nodeId, url) => {
    if (!ownUrls.includes(comparableUrl(url))) registry.claimed(nodeId);
  });
  const nonce = kept.nonce ?? randomUint64(random);
  await saved.owe([change.invocationUrl(invocationUrl), change.nonce(nonce)]);
  const agentHost = announcedHost(general, addresses);
  const isEncrypted = parseEndpoint(invocationUrl, "invocation_url").scheme === "https";
  const agentScheme: "http" | "https" = isEncrypted ? "https" : "http";
  const limits = registryLimits(config);
  const agentPorts = new Set(kept.devices.map(({ record }) => record.agentPort));
  const sharedPort = await openSharedPort(ports, limits.sharedAgentPort, agentPorts);
  const sharedUrl = formatEndpoint({ scheme: agentScheme, host: agentHost, port: sharedPort });
  const presence = {
    ...{ ports, register: connection, peers: peerBook, agentHost, agentScheme, invocationUrl, intervalMs },
    ...{ clock, random, logger },
    inTurn: (report: () => Promise<void>) => reports.take(report),
    gateway: { nonce, agentUrl: sharedUrl },
    stretch: (): number => Math.max(1, (registry.present * MS_PER_REPORT) / intervalMs),
    performanceSamples: telemetry.performance_samples,
    labels: general.labels,
    hostname: hostname(),
  } as const;
  const registry: DeviceRegistry = new DeviceRegistry({
    around,
    limits,
    backlog: () => reports.waiting,
    open: (device, port) => Presence.open(device, port, presence),
    keepPeer: (address, port) => peers.keep(address, port),
    releasePeer: (address, port) => peers.release(address, port),
    restartPeer: (address, port) => {
      if (peers.find(address, port) !== undefined) endpoint.abandon(address, port);
    },
  });
  parts.add("agents", { close: () => ports.closeAll() });
  parts.add("invocation server", invocation);
  parts.add("data plane", dataPlane);
  parts.add("devices", { close: () => registry.close(path === "") });
  metrics.figures = () => figuresOf(registry, images, endpoint.counters);

  peerBook.restore(kept.peers);
  for (const device of kept.devices) await registry.restore(device);
  const isTrusted = (address: string, port: number) =>
    !coapSettings.verifyPeers || endpoint.isVerified(address, port);
  const board = new StatusBoard({
    ...{ registry, images, storedImages, metrics, endpoint, clock, random },
    mostDevices: registryLimits(config).maxDevices,
  });
  parts.add("status", board);
  const server = new DeviceServer({
    ...{ registry, metrics, clock, logger, isTrusted, images: storedImages },
    acceptsImages: config.images?.accept ?? true,
    maxBodyBytes: coapSettings.maxBodyBytes,
    ...{ taken, status: () => board.payload() },
  });
  endpoint.onRequest((request, reply) => server.handle(request, reply));
  endpoint.onBodyLimit(({ code, path }, address, port) => server.largestBody(code, path, address, port));
  // Until an event is answered, its device is to repeat it.
  endpoint.onAckDelay(({ path }) => (path === "e" ? NEVER : coapSettings.ackDelayMs));
  listening.open();
  for (const device of registry.devices) {
    const kind = imageKindOf(device.record.facts);
    if (kind !== undefined && device.record.isPresent) storedImages.met(kind);
    device.formerEvent = taken.lastOf(device.record.location);
    device.wake();
  }

  const control = await startControlApi({
    url: general.control_url,
    peerOf: ({ record }) => peers.find(record.address, record.port),
    ...{ registry, logger },
  });
  if (control !== undefined) parts.add("control API", control);
  return {
    coapUrl: formatEndpoint({ ...parseEndpoint(general.coap_url, "coap_url"), port: coapPort }),
    invocationUrl: invocation.url,
    ...(control === undefined ? {} : { controlUrl: control.url }),
    ...(metricsServer === undefined ? {} : { metricsUrl: metricsServer.url }),
    ...{ registry, metrics },
    close: () => parts.close(),
  };
}

/** The network of the devices. */
async function openSocket(
  { general }: GatewayConfig,
  environment: GatewayEnvironment,
  parts: OpenParts,
): Promise<{ readonly socket: DatagramPort; readonly port: number }> {
  const { host, port } = parseEndpoint(general.coap_url, "coap_url");
  if (environment.socket !== undefined) return { socket: environment.socket, port };
  const socket = await openUdpSocket(host, port, "coap_url");
  parts.add("CoAP socket", socket);
  return { socket, port: socket.port };
}

/** The images that instances of a former life need. */
function keptImages({ devices, images: kept }: SavedGateway): ImageLibrary {
  const images = new ImageLibrary();
  for (const { digest } of devices.flatMap(({ instances }) => instances)) {
    const bytes = digest === undefined ? undefined : kept.get(digest);
    if (digest !== undefined && bytes !== undefined) images.use(digest, bytes);
  }
  return images;
}

/** What came of modules, in a former life too if this version of the program checked and translated them. */
function knownOutcomes(kept: SavedGateway, saved: SavedDevices): OutcomeCache {
  const maker = folderFingerprint(new URL("../toolchain/", import.meta.url));
  const outcomes = new KeptOutcomes(maker, (changes) => void saved.owe(changes));
  const known = new OutcomeCache(KNOWN_IMAGE_BYTES, outcomes);
  known.restore(outcomes.restore(kept.outcomes));
  return known;
}

/** @throws EdgelessError EDGELESS_STORE_BROKEN */
function openTakenEvents(path: string): SlotFile {
  try {
    return new SlotFile(join(path, "taken-events"), TAKEN_EVENT_BYTES);
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_STORE_BROKEN",
      `the store ${path} cannot be used: ${reasonOf(error)}`,
      error,
    );
  }
}

/** Two URLs of one place are written alike; what is no URL stays as it is. */
function comparableUrl(url: string): string {
  try {
    return formatEndpoint(parseEndpoint(url, "the URL of a peer"));
  } catch {
    return url;
  }
}

/** The host that the ε-ORC is told for agents. */
function announcedHost(
  { agent_host, agent_host_announced }: GatewayConfig["general"],
  addresses: readonly string[],
): string {
  if (agent_host_announced !== "") return agent_host_announced;
  const bound = formatEndpoint({ scheme: "http", host: agent_host, port: 1 });
  return parseEndpoint(announcedUrl("", bound, addresses), "agent_host").host;
}
