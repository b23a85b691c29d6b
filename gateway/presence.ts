import type { NodeGateway, NodeRegistrationApi } from "../core/api.js";
import type { Clock } from "../core/clock.js";
import { formatEndpoint } from "../core/endpoint.js";
import type { Logger } from "../core/log.js";
import type { Random } from "../core/random.js";
import { agentServices, type PortServer } from "../grpc-api/index.js";
import { Registration } from "../grpc-api/registration/registration.js";
import type { Device } from "./device.js";
import { LogSamples } from "./log-samples.js";
import { capabilitiesOf, healthOf, providersOf } from "./node-description.js";
import type { PeerBook } from "./peer-book.js";
import { VirtualNode } from "./virtual-node.js";

/** What the virtual nodes of a gateway share. */
export interface PresenceParts {
  readonly ports: PortServer;
  readonly register: NodeRegistrationApi;
  readonly peers: PeerBook;
  /** Host that is announced in agent URLs, and the scheme of those URLs. */
  readonly agentHost: string;
  readonly agentScheme: "http" | "https";
  readonly invocationUrl: string;
  readonly intervalMs: number;
  /** Factor on the interval. */
  readonly stretch: () => number;
  /** Carries out a report when it is its turn. */
  readonly inTurn: (report: () => Promise<void>) => Promise<void>;
  /** This gateway, as the ε-ORC is told. */
  readonly gateway: NodeGateway;
  /** Whether log lines go to the ε-ORC. */
  readonly performanceSamples: boolean;
  /** Labels that every device gets. */
  readonly labels: readonly string[];
  /** Name of the host of the gateway. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A device in the domain: a virtual node that listens and is registered. */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #device: Device;
  readonly #samples = new LogSamples();
  readonly #unfollow: () => void;
  #registration: Registration;

  private constructor(device: Device, parts: PresenceParts) {
    this.#parts = parts;
    this.#device = device;
    this.#unfollow = parts.performanceSamples
      ? device.logs.follow((entry) => this.#samples.add(entry))
      : () => {};
    this.#registration = this.#register();
  }

  /**
   * Listens for the ε-ORC at the port of the device, then registers it.
   * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
   */
  static async open(device: Device, port: number, parts: PresenceParts): Promise<Presence> {
    const agent = new VirtualNode(device, parts.peers, parts.logger);
    device.record.agentPort = await parts.ports.open(port, agentServices(agent));
    return new Presence(device, parts);
  }

  /** Tells the ε-ORC what the device is called now. */
  renew(): void {
    this.#registration.abandon();
    this.#registration = this.#register();
  }

  /** Tells the ε-ORC that the node leaves, then stops listening. */
  async leave(): Promise<void> {
    this.#detach();
    await this.#registration.close();
    this.#parts.ports.close(this.#device.record.agentPort);
  }

  /** Since when the ε-ORC refuses the node, monotonic milliseconds. */
  get refusedSinceMs(): number | undefined {
    return this.#registration.refusedSinceMs;
  }

  /** Says nothing until it is renewed. */
  pause(): void {
    this.#registration.abandon();
  }

  /** Stops for good without a word: the device is elsewhere, and the node with it. */
  vanish(): void {
    this.abandon();
    this.#parts.ports.close(this.#device.record.agentPort);
  }

  /** Stops without a word: the gateway comes back and goes on. */
  abandon(): void {
    this.#detach();
    this.#registration.abandon();
  }

  #register(): Registration {
    const { register, agentScheme, agentHost, invocationUrl, gateway } = this.#parts;
    const { intervalMs, stretch, inTurn, clock, random, logger } = this.#parts;
    const device = this.#device;
    const { record } = device;
    const registration = new Registration({
      register,
      identity: {
        nodeId: record.nodeId,
        agentUrl: formatEndpoint({ scheme: agentScheme, host: agentHost, port: record.agentPort }),
        invocationUrl,
        resourceProviders: providersOf(record),
        capabilities: capabilitiesOf(record, this.#parts.hostname, this.#parts.labels),
        nonce: record.nonce,
        gateway,
      },
      ...{ intervalMs, stretch, inTurn, clock, random, logger },
      measureHealth: async () => healthOf(device.freeMemoryBytes),
      drainSamples: () => this.#samples.drain(),
      statuses: () => device.statuses(),
      watchesStatuses: false,
    });
    device.onStatusChange = () => registration.changed();
    registration.start();
    return registration;
  }

  #detach(): void {
    this.#unfollow();
    this.#device.onStatusChange = () => {};
  }
}
