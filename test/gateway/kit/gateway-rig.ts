import { cpSync } from "node:fs";
import { parse } from "smol-toml";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../../coap-api/endpoint/settings.js";
import type { DatagramPort } from "../../../coap-api/endpoint/transport.js";
import type { Agent } from "../../../core/api.js";
import type { Clock } from "../../../core/clock.js";
import type { Event } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { SILENT } from "../../../core/log.js";
import { NIL_UUID, type Uuid } from "../../../core/uuid.js";
import type { DeviceSettings } from "../../../embedded/device-settings.js";
import { BOARD_PROFILES, type BoardProfile } from "../../../emulator/board-profile.js";
import { EmulatedDevice, type ResourceClass } from "../../../emulator/emulated-device.js";
import { ModuleLibrary } from "../../../emulator/module-library.js";
import type { LinkConditions } from "../../../emulator/network/link-conditions.js";
import { SimulatedNetwork } from "../../../emulator/network/simulated-network.js";
import { type GatewayConfig, parseGatewayConfig } from "../../../gateway/config.js";
import { gatewayTemplate } from "../../../gateway/config-template.js";
import { type RunningGateway, startGateway } from "../../../gateway/start-gateway.js";
import { invocationService, type RunningServer, startServer, type Tls } from "../../../grpc-api/index.js";
import type { Store } from "../../../platform/store/store.js";
import { systemClock } from "../../../platform/system-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { uuid } from "../../node/kit/events.js";
import { ScriptedOrchestrator } from "../../node/kit/scripted-orchestrator.js";

/** Message layer parameters that let tests with real time end soon. */
const QUICK = { ackTimeoutMs: 40, maxTimeoutMs: 160, maxRetransmit: 20 };
const DEVICE_PORT = 5683;

/** Node id of the peer that collects events. */
export const PEER = uuid(0xfeed);

/** How a {@link GatewayRig} is made. */
export interface RigOptions {
  readonly seed?: number;
  readonly link?: Partial<LinkConditions>;
  /** The network of another gateway, so that devices can go there; one of its own by default. */
  readonly network?: SimulatedNetwork;
  /** A socket of a real network for devices that are not emulated. */
  readonly socket?: DatagramPort;
  /** Where devices find the gateway. */
  readonly address?: string;
  readonly persistencePath?: string;
  /** Another store than that of the path. */
  readonly store?: Store;
  /** Where an ε-ORC takes registrations; the scripted one by default. */
  readonly nodeRegisterUrl?: string;
  /** Time of gateway, network and devices; gRPC has real time. */
  readonly clock?: Clock;
  /** Parameters of the message layer on both sides; quick ones by default. */
  readonly endpoint?: Pick<EndpointSettings, "ackTimeoutMs" | "maxTimeoutMs" | "maxRetransmit">;
  /** Certificates for gRPC; none by default. */
  readonly tls?: Tls;
  /** Changes the configuration. */
  readonly configure?: (config: GatewayConfig) => GatewayConfig;
}

/** How a device is made. */
export interface DeviceOptions {
  readonly profile?: Partial<BoardProfile>;
  readonly resources?: readonly ResourceClass[];
  readonly settings?: Partial<DeviceSettings>;
  /** Its node id; follows from its number by default. */
  readonly nodeId?: Uuid;
  readonly endpoint?: Partial<EndpointSettings>;
  /** Number of the device whose place on the network it has; its own by default. */
  readonly at?: number;
}

/** A gateway with emulated devices on a simulated network, a scripted ε-ORC and one gRPC peer. */
export class GatewayRig {
  readonly orchestrator = new ScriptedOrchestrator();
  readonly network: SimulatedNetwork;
  /** Events that the gRPC peer got, in order. */
  readonly received: Event[] = [];
  /** What the peer does with an event. */
  onEvent: (event: Event) => void = () => {};
  readonly seed: number;
  readonly clock: Clock;
  readonly endpoint: typeof QUICK;
  readonly address: string;
  readonly #options: RigOptions;
  readonly #library = new ModuleLibrary();
  readonly #devices = new Map<number, EmulatedDevice>();
  #gateway: RunningGateway | undefined;
  #peer: RunningServer | undefined;
  #registerUrl = "";
  #cutSocket: () => void = () => {};

  constructor(options: RigOptions = {}) {
    this.#options = options;
    this.seed = options.seed ?? 1;
    this.clock = options.clock ?? systemClock;
    this.endpoint = options.endpoint ?? QUICK;
    this.address = options.address ?? "10.0.0.1";
    this.network = options.network ?? new SimulatedNetwork(this.clock, seededRandom(this.seed), options.link);
  }

  get gateway(): RunningGateway {
    if (this.#gateway === undefined) throw new Error("the gateway does not run");
    return this.#gateway;
  }

  /** Where events for the peer go. */
  get peerUrl(): string {
    return this.#peer?.url ?? "";
  }

  async start(): Promise<this> {
    this.#registerUrl = this.#options.nodeRegisterUrl ?? (await this.orchestrator.start());
    const api = {
      handle: (event: Event) => {
        this.received.push(event);
        this.onEvent(event);
      },
    };
    this.#peer = await startServer("http://127.0.0.1:0", [invocationService(api)]);
    await this.startGateway();
    return this;
  }

  /** @param persistencePath another one than that of the rig */
  async startGateway(persistencePath?: string): Promise<void> {
    const text = gatewayTemplate({
      coapUrl: `coap://${this.address}:5683`,
      nodeRegisterUrl: this.#registerUrl,
      invocationUrl: "http://127.0.0.1:0",
      controlUrl: "http://127.0.0.1:0",
      metricsUrl: "http://127.0.0.1:0",
      persistencePath: persistencePath ?? this.#options.persistencePath ?? "",
    });
    const usual = parseGatewayConfig(parse(text));
    const config: GatewayConfig = {
      ...usual,
      general: { ...usual.general, subscription_refresh_interval_sec: 1 },
      devices: { ...usual.devices, min_lifetime_sec: 1 },
      coap: {
        ...usual.coap,
        ack_timeout_ms: this.endpoint.ackTimeoutMs,
        max_timeout_ms: this.endpoint.maxTimeoutMs,
        max_retransmit: this.endpoint.maxRetransmit,
      },
    };
    this.#gateway = await startGateway(this.#options.configure?.(config) ?? config, {
      clock: this.clock,
      random: seededRandom(this.seed + 1000),
      logger: process.env.RIG_LOG === undefined ? SILENT : CONSOLE,
      socket: this.#options.socket ?? this.#openSocket(),
      ...(this.#options.tls === undefined ? {} : { tls: this.#options.tls }),
      ...(this.#options.store === undefined ? {} : { store: this.#options.store }),
    });
  }

  /** Makes a device and switches it on. */
  device(number: number, options: DeviceOptions = {}): EmulatedDevice {
    const profile = { ...(BOARD_PROFILES["esp32-wasm"] as BoardProfile), ...options.profile };
    const device = new EmulatedDevice({
      nodeId: options.nodeId ?? uuid(number),
      gatewayAddress: this.address,
      profile,
      clock: this.clock,
      random: seededRandom(this.seed * 7919 + number),
      socket: this.network.open(deviceAddress(options.at ?? number), DEVICE_PORT),
      library: this.#library,
      peripherals: { resources: options.resources ?? [] },
      settings: {
        name: `board-${number}`,
        lifetimeSeconds: 60,
        retryInitialMs: 50,
        retryMaximumMs: 200,
        maxImageBytes: 32_768,
        endpoint: { ...DEVICE_SETTINGS, ...this.endpoint, ...options.endpoint },
        logIntervalMs: 20,
        ...options.settings,
      },
    });
    this.#devices.set(number, device);
    device.powerOn();
    return device;
  }

  /** A device that was made. */
  deviceOf(number: number): EmulatedDevice {
    const device = this.#devices.get(number);
    if (device === undefined) throw new Error(`there is no device ${number}`);
    return device;
  }

  /** True when every device that has power is registered. */
  isComplete(): boolean {
    return [...this.#devices.values()].every(({ device }) => device === undefined || device.isRegistered());
  }

  /** Waits until a device is a node and gives its agent; it knows the collecting peer. */
  async admit(number: number, formerNonce?: bigint): Promise<Agent> {
    const agent = await this.orchestrator.admit(uuid(number), formerNonce);
    const invocationUrl = this.#peer?.url ?? "";
    await agent.updatePeers({ type: "add", nodeId: PEER, invocationUrl });
    return agent;
  }

  /** What the ε-ORC was told last about an instance. */
  stateOf({ nodeId, functionId }: InstanceId): string | undefined {
    const update = this.orchestrator.latest(nodeId);
    return update?.instances?.find((status) => status.functionId === functionId)?.state;
  }

  /** Payloads that the peer got for an instance of its own, in order. */
  payloads(functionId?: Uuid): string[] {
    return this.received
      .filter(({ target }) => functionId === undefined || target.functionId === functionId)
      .map(({ data }) => ("payload" in data ? data.payload : data.type));
  }

  /** Ends the ε-ORC and starts one that knows nothing, at the same place. */
  async restartOrchestrator(): Promise<void> {
    await this.orchestrator.stop();
    this.orchestrator.updates.length = 0;
    await this.orchestrator.start(this.#registerUrl);
  }

  /** Ends the gateway as a power cut would, and leaves what was on its disk at that moment in `image`. */
  async crashGateway(image: string): Promise<void> {
    cpSync(this.#options.persistencePath ?? "", image, { recursive: true });
    this.#cutSocket();
    await this.#gateway?.close();
    this.#gateway = undefined;
  }

  /** The socket of a gateway; nothing passes any more when it is cut. */
  #openSocket(): DatagramPort {
    const socket = this.network.open(this.address, 5683);
    let isCut = false;
    this.#cutSocket = () => {
      isCut = true;
      this.network.open(this.address, 5683).close();
    };
    return {
      send: (datagram, address, port) => {
        if (!isCut) socket.send(datagram, address, port);
      },
      onDatagram: (handler) => socket.onDatagram(handler),
    };
  }

  async stop(): Promise<void> {
    for (const device of this.#devices.values()) device.powerOff();
    await this.#gateway?.close();
    await this.orchestrator.stop();
    await this.#peer?.close();
  }
}

/** Network address of a device. */
export function deviceAddress(number: number): string {
  return `10.0.${1 + (number >> 8)}.${number & 0xff}`;
}

/** A start request for a function. */
export function spawn(name: string, wasm: Uint8Array, annotations: Record<string, string> = {}) {
  return {
    code: { id: name, functionType: "RUST_WASM", version: "1", binary: wasm, outputs: [] },
    annotations: new Map(Object.entries(annotations)),
    state: { stateId: NIL_UUID, policy: "transient" as const },
    workflowId: "w",
  };
}

const print = (message: string, fields?: unknown) => console.error(message, fields ?? "");
const CONSOLE = { error: print, warn: print, info: print, debug: print, trace: print };
