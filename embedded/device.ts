import { CONTENT, FORBIDDEN } from "../coap-api/coap/codes.js";
import { CBOR } from "../coap-api/coap/content-formats.js";
import { Endpoint } from "../coap-api/endpoint/endpoint.js";
import { SmallPeerTable } from "../coap-api/endpoint/small-peer-table.js";
import { NOTHING } from "../coap-api/nothing.js";
import type { Counters } from "../coap-api/operations/counters.js";
import type { UplinkEvent } from "../coap-api/operations/event.js";
import { CRASHED } from "../coap-api/operations/instance-state.js";
import { DEVICE } from "../coap-api/operations/log-lines.js";
import { EDITION, type Registration } from "../coap-api/operations/register.js";
import { type DeviceStatus, encodeStatus } from "../coap-api/operations/status.js";
import { utf8Bytes } from "../coap-api/utf8.js";
import { MALFORMED, REPEATED, UNANSWERED } from "./device-counters.js";
import { BAD_MESSAGE, DeviceFault } from "./device-fault.js";
import type { DeviceSettings } from "./device-settings.js";
import type { Engine } from "./engine.js";
import { runningFirmware } from "./firmware-update.js";
import { GatewayLink } from "./gateway-link.js";
import type { Hardware } from "./hardware.js";
import { hexToBytes } from "./hex.js";
import { ImageStore } from "./image-store.js";
import type { Instance } from "./instance.js";
import { LogUplink } from "./log-uplink.js";
import { Registrar } from "./registrar.js";
import { Requests } from "./requests.js";
import type { DeviceResourceProvider } from "./resource-provider.js";
import { StateKeeper } from "./state-keeper.js";
import { Switchboard } from "./switchboard.js";
import { Uplink } from "./uplink.js";

/** Strangers have nothing to say, and bodies of theirs are not to fill the memory. */
const STRANGE_BYTES = 64;
/** Bytes that a start of a function needs beside its init payload and its state. */
const START_BYTES = 256;

/** The whole device runtime: what runs on a board and on an emulated one. */
export class Device {
  /** Told after each change of an instance; for views. */
  onChange: (() => void) | undefined;
  private readonly hardware: Hardware;
  private readonly engines: Engine[];
  private readonly providers: DeviceResourceProvider[];
  private readonly settings: DeviceSettings;
  private readonly endpoint: Endpoint;
  private readonly link: GatewayLink;
  private readonly board: Switchboard;
  private readonly images: ImageStore;
  private readonly uplink: Uplink;
  private readonly states: StateKeeper;
  private readonly logs: LogUplink;
  private readonly registrar: Registrar;
  private readonly requests: Requests;
  private readonly bootNonce: number;
  private readonly bootMs: number;

  /** @throws DeviceFault when the node id is no UUID */
  constructor(
    hardware: Hardware,
    engines: Engine[],
    providers: DeviceResourceProvider[],
    settings: DeviceSettings,
  ) {
    const nodeId = hexToBytes(settings.nodeId);
    if (nodeId === undefined || nodeId.length !== 16)
      throw new DeviceFault(BAD_MESSAGE, "the node id is not a UUID");
    this.onChange = undefined;
    this.hardware = hardware;
    this.engines = engines;
    this.providers = providers;
    this.settings = settings;
    const { timers } = hardware;
    this.bootMs = timers.nowMs();
    const drawn = hardware.random(new Uint8Array(6));
    this.bootNonce = bigEndian(drawn, 0, 4);
    const firstStream = bigEndian(drawn, 4, 6);
    const peers = new SmallPeerTable(settings.endpoint.maxPeers);
    settings.endpoint.maxBodyBytes = largestBody(settings);
    const random = hardware.random.bind(hardware);
    this.endpoint = new Endpoint(hardware.socket, timers, random, settings.endpoint, peers);
    this.link = new GatewayLink(this.endpoint, timers, settings);
    this.board = new Switchboard(hardware, settings, nodeId, firstStream, this);
    this.images = new ImageStore(hardware.storage, this.board);
    this.uplink = new Uplink(this.link, this.board, this);
    this.states = new StateKeeper(this.link, this.board);
    this.logs = new LogUplink(this.link, this.board);
    this.registrar = new Registrar(hardware, this.link, this.board, this);
    this.requests = new Requests(this.board, this.images, engines, providers, hardware, this);
    this.listen();
  }

  /** Registers at the gateway and stays registered. */
  start(): void {
    this.registrar.start();
  }

  /** Ends all instances and leaves the gateway. */
  stop(): void {
    this.reset();
    this.registrar.stop();
  }

  /** The gateway is somewhere else now. */
  setGateway(address: string, port: number): void {
    this.endpoint.abandon(this.link.address, this.link.port);
    this.link.address = address;
    this.link.port = port;
    this.registrar.restart();
  }

  /**
   * There is a network again.
   * @param isMoved the device has another address than before, under which its gateway does not find it
   */
  networkFound(isMoved: boolean): void {
    const { endpoint, link } = this;
    // From another address nothing may be repeated: the gateway would not know it for a repetition.
    if (isMoved) endpoint.abandonRequests(link.address, link.port);
    else endpoint.repeatRequest(link.address, link.port);
    this.registrar.restart();
  }

  /** There is no network until {@link networkFound}: what is to be sent waits. */
  networkLost(): void {
    this.registrar.pause();
  }

  /** True while the gateway knows this device. */
  isRegistered(): boolean {
    return this.link.open;
  }

  /** Functions and resources that were started, for views. */
  instances(): readonly Instance[] {
    return this.board.instances;
  }

  status(): DeviceStatus {
    return {
      freeMemoryBytes: this.hardware.freeMemoryBytes(),
      uptimeSeconds: Math.floor((this.hardware.timers.nowMs() - this.bootMs) / 1000),
      instances: this.board.instances,
      counters: this.counters(),
      bootNonce: this.bootNonce,
      digests: this.images.digests(),
    };
  }

  /** An event leaves the device; false when it cannot be kept until the gateway takes it. */
  send(event: UplinkEvent): boolean {
    return this.uplink.send(event);
  }

  /** A function writes a log line. */
  log(handle: number, level: number, target: Uint8Array, message: Uint8Array): void {
    this.logs.add(handle, level, target, message);
  }

  /** The board has something to say about itself, which goes to the log at the gateway. */
  note(level: number, text: string): void {
    this.logs.add(DEVICE, level, utf8Bytes("board"), utf8Bytes(text));
  }

  /** A function has a state to keep. */
  keep(handle: number, state: Uint8Array): void {
    this.states.keep(handle, state);
  }

  /** The way to the gateway is open (again). */
  opened(): void {
    const { firmware } = this.hardware;
    if (firmware !== undefined) firmware.guard.registered();
    this.uplink.pump();
    this.states.pump();
    this.logs.pump();
  }

  /** Finds out whether the gateway still knows the device. */
  doubt(): void {
    this.registrar.doubt();
  }

  counters(): Counters {
    const counters = this.board.counters.slice();
    const { malformed, duplicates, timeouts } = this.endpoint.counters;
    counters[MALFORMED] = malformed;
    counters[REPEATED] = duplicates;
    counters[UNANSWERED] = timeouts;
    return counters;
  }

  /** What the gateway is told at a registration. */
  describe(): Registration {
    const { settings, board } = this;
    const { maxImageBytes, maxInstances, maxFunctionMemoryBytes, maxPayloadBytes } = settings;
    const registration: Registration = {
      edition: EDITION,
      bootNonce: this.bootNonce,
      board: this.hardware.board,
      freeMemoryBytes: this.hardware.freeMemoryBytes(),
      runtimes: this.engines.map((engine) => engine.runtime),
      providers: this.providers,
      digests: this.images.digests(),
      instances: board.instances.filter((instance) => instance.state !== CRASHED),
      limits: {
        imageBytes: maxImageBytes,
        instances: maxInstances,
        functionMemoryBytes: maxFunctionMemoryBytes,
        payloadBytes: maxPayloadBytes,
      },
      labels: settings.labels,
      name: settings.name,
    };
    const { firmware } = this.hardware;
    if (firmware !== undefined) registration.firmware = runningFirmware(this.hardware, firmware);
    return registration;
  }

  /** The state of an instance changed. */
  changed(instance: Instance): void {
    if (instance.state === CRASHED) {
      this.hardware.log(1, `instance ${instance.handle} ended: ${instance.reason}`);
      this.registrar.prompt();
    }
    this.statusChanged();
  }

  /** What the status tells is different now: who observes it is told. */
  statusChanged(): void {
    if (this.endpoint.observerCount() > 0)
      this.endpoint.notify("s", CONTENT, encodeStatus(this.status()), { contentFormat: CBOR });
    if (this.onChange !== undefined) this.onChange();
  }

  /** Ends all instances and forgets what they sent. */
  reset(): void {
    const { instances } = this.board;
    while (instances.length > 0) this.board.remove(instances[instances.length - 1] as Instance);
    this.uplink.clear();
    this.states.clear();
    this.logs.clear();
  }

  /** What runs here is for its gateway to know and to say. */
  private listen(): void {
    const { endpoint, link, requests, settings } = this;
    endpoint.onQuickPost("e", (datagram, from, address, port) =>
      address === link.address && port === link.port ? requests.quickEvent(datagram, from) : 0,
    );
    endpoint.onBodySink((request, address, port) =>
      link.isGateway(address, port) ? requests.sinkOf(request) : undefined,
    );
    endpoint.onBodyLimit((_request, address, port) =>
      link.isGateway(address, port) ? settings.endpoint.maxBodyBytes : STRANGE_BYTES,
    );
    endpoint.onRequest((request, reply) => {
      const { address, port, path } = request;
      if (link.isGateway(address, port) || path === ".well-known/core") requests.handle(request, reply);
      else reply(FORBIDDEN, NOTHING);
    });
  }
}

/** Bodies up to the largest thing that the device takes; what is larger is refused while it arrives. */
function largestBody({ maxImageBytes, maxStateBytes, maxPayloadBytes }: DeviceSettings): number {
  return Math.max(maxImageBytes, maxStateBytes + maxPayloadBytes + START_BYTES);
}

function bigEndian(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 256 + (bytes[i] as number);
  return value;
}
