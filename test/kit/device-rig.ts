import { createHash } from "node:crypto";
import type { Message } from "../../coap-api/coap/message.js";
import type { EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { DEVICE_SETTINGS } from "../../coap-api/endpoint/settings.js";
import { encodeDownlinkEvent, NONE } from "../../coap-api/operations/event.js";
import { encodeOutputs } from "../../coap-api/operations/outputs.js";
import { encodeStartFunction } from "../../coap-api/operations/start-function.js";
import { encodeStartResource } from "../../coap-api/operations/start-resource.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import type { DeviceSettings } from "../../embedded/device-settings.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { ALL_RESOURCES, EmulatedDevice, type ResourceClass } from "../../emulator/emulated-device.js";
import { constantMeasurement } from "../../emulator/measurements.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import type { LinkConditions } from "../../emulator/network/link-conditions.js";
import { type Passing, SimulatedNetwork } from "../../emulator/network/simulated-network.js";
import { seededRandom } from "../../emulator/seeded-random.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { FakeClock } from "./fake-clock.js";
import { handleOf, type Place, ScriptedGateway } from "./scripted-gateway.js";

/** Modules that all tests of a file share. */
const LIBRARY = new ModuleLibrary();

/** What differs from the usual rig. */
export interface RigOptions {
  readonly settings?: Partial<DeviceSettings>;
  readonly endpoint?: Partial<EndpointSettings>;
  readonly link?: Partial<LinkConditions>;
  readonly profile?: Partial<BoardProfile>;
  readonly resources?: readonly ResourceClass[];
  readonly seed?: number;
}

/** An emulated device and a scripted gateway on a simulated network, all on one clock that the test owns. */
export class DeviceRig {
  readonly clock = new FakeClock();
  readonly network: SimulatedNetwork;
  readonly gateway: ScriptedGateway;
  readonly device: EmulatedDevice;
  /** Every datagram that was sent. */
  readonly passed: Passing[] = [];
  readonly place: Place = { address: "10.0.0.2", port: 5683 };
  #ids = 0;

  constructor(options: RigOptions = {}) {
    const random = seededRandom(options.seed ?? 1);
    this.network = new SimulatedNetwork(this.clock, random, options.link);
    this.network.onPassing = (passing) => this.passed.push(passing);
    const fill = (target: Uint8Array) => random.fill(target);
    const timers = new NumberedTimers(this.clock);
    this.gateway = new ScriptedGateway(this.network.open("10.0.0.1", 5683), timers, fill, options.endpoint);
    this.device = new EmulatedDevice({
      nodeId: "6f1e8a4c-0000-4000-8000-000000000001",
      gatewayAddress: "10.0.0.1",
      profile: { ...(BOARD_PROFILES["esp32-wasm"] as BoardProfile), ...options.profile },
      clock: this.clock,
      random,
      socket: this.network.open(this.place.address, this.place.port),
      library: LIBRARY,
      peripherals: {
        resources: options.resources ?? ALL_RESOURCES,
        measurements: constantMeasurement({ co2: 800.125, humidity: 50.5, temperature: 20.25 }),
      },
      settings: { endpoint: { ...DEVICE_SETTINGS, ...options.endpoint }, ...options.settings },
    });
  }

  /** Switches the device on and waits until it is registered. */
  async boot(): Promise<this> {
    this.device.powerOn();
    await this.until(() => this.device.device?.isRegistered() === true);
    return this;
  }

  /** Moves time on in small steps until something is so. */
  async until(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const endMs = this.clock.monotonicMs() + limitMs;
    while (!condition()) {
      if (this.clock.monotonicMs() >= endMs) throw new Error("it did not happen in time");
      await this.clock.advance(5);
    }
  }

  /** Waits for the answer to a request while time moves on. */
  async answer(asked: Promise<Message | undefined>): Promise<Message | undefined> {
    let done = false;
    void asked.then(() => {
      done = true;
    });
    await this.until(() => done);
    return asked;
  }

  post(path: string, payload: Uint8Array): Promise<Message | undefined> {
    return this.answer(this.gateway.post(this.place, path, payload));
  }

  put(path: string, payload: Uint8Array): Promise<Message | undefined> {
    return this.answer(this.gateway.put(this.place, path, payload));
  }

  ask(code: number, path: string): Promise<Message | undefined> {
    return this.answer(this.gateway.ask(this.place, code, path));
  }

  /** Puts an image on the device; returns its digest. */
  async upload(wasm: Uint8Array): Promise<Uint8Array> {
    const digest = digestOf(wasm);
    await this.put(`i/${Buffer.from(digest).toString("hex")}`, wasm);
    return digest;
  }

  /** Uploads, starts and wires a function; returns its handle. */
  async start(
    wasm: Uint8Array,
    outputs: Readonly<Record<string, number | { readonly handle: number }>> = {},
    more: { readonly initPayload?: string; readonly state?: string } = {},
  ): Promise<number> {
    const digest = await this.upload(wasm);
    const handle = handleOf(await this.post("f", this.startPayload(digest, more)));
    await this.wire("f", handle, outputs);
    await this.clock.advance(20);
    return handle;
  }

  /** The payload that starts a function under a new id. */
  startPayload(
    digest: Uint8Array,
    more: { readonly initPayload?: string; readonly state?: string; readonly id?: number } = {},
  ): Uint8Array {
    const id = more.id ?? ++this.#ids;
    return encodeStartFunction({
      digest,
      functionId: idBytes(id),
      tag: new Uint8Array(8).fill(id),
      maxRunTimeMs: 0,
      maxMemoryBytes: 0,
      name: "test",
      ...(more.initPayload === undefined ? {} : { initPayload: utf8Bytes(more.initPayload) }),
      ...(more.state === undefined ? {} : { state: utf8Bytes(more.state) }),
    });
  }

  /** Starts and wires a resource; returns its handle. */
  async startResource(
    classType: string,
    configuration: Readonly<Record<string, string>> = {},
    outputs: Readonly<Record<string, number | { readonly handle: number }>> = {},
  ): Promise<number> {
    const response = await this.post("r", this.resourcePayload(classType, configuration));
    const handle = handleOf(response);
    await this.wire("r", handle, outputs);
    return handle;
  }

  resourcePayload(classType: string, configuration: Readonly<Record<string, string>>): Uint8Array {
    const id = ++this.#ids;
    return encodeStartResource({
      classType,
      resourceId: idBytes(id),
      tag: new Uint8Array(8).fill(id),
      configuration: Object.entries(configuration).map(([key, value]) => ({ key, value })),
    });
  }

  async wire(
    root: "f" | "r",
    handle: number,
    outputs: Readonly<Record<string, number | { readonly handle: number }>>,
  ): Promise<Message | undefined> {
    const encoded = Object.entries(outputs).map(([channel, target]) =>
      typeof target === "number"
        ? { channel, route: target, handle: NONE }
        : { channel, route: NONE, handle: target.handle },
    );
    return this.put(`${root}/${handle}`, encodeOutputs(encoded));
  }

  /** Sends an event to an instance; with a stream it is a call. */
  async send(handle: number, text: string, peer = 0, stream = NONE): Promise<Message | undefined> {
    const event = { kind: stream === NONE ? 0 : 1, handle, peer, stream, payload: utf8Bytes(text) };
    const response = await this.post("e", encodeDownlinkEvent(event));
    await this.clock.advance(20);
    return response;
  }
}

/** Digest of an image, as it travels: the first 8 bytes of its SHA-256. */
export function digestOf(wasm: Uint8Array): Uint8Array {
  return createHash("sha256").update(wasm).digest().subarray(0, 8);
}

/** A UUID as bytes, told by its last one. */
export function idBytes(id: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[6] = 0x40;
  bytes[15] = id;
  return bytes;
}
