import { setTimeout as delay } from "node:timers/promises";
import { BAD_REQUEST, CHANGED, CREATED, POST, PUT, SERVICE_UNAVAILABLE } from "../coap-api/coap/codes.js";
import type { Message } from "../coap-api/coap/message.js";
import { Endpoint } from "../coap-api/endpoint/endpoint.js";
import { DEVICE_SETTINGS } from "../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../coap-api/endpoint/small-peer-table.js";
import { CAST, encodeUplinkEvent, NONE } from "../coap-api/operations/event.js";
import { decodeOutputs } from "../coap-api/operations/outputs.js";
import { encodeRegistration, RUNTIME_WASM } from "../coap-api/operations/register.js";
import { randomUuid, type Uuid } from "../core/uuid.js";
import { NumberedTimers } from "../platform/numbered-timers.js";
import { systemClock } from "../platform/system-clock.js";
import { systemRandom } from "../platform/system-random.js";
import { openUdpSocket, type UdpSocket } from "../platform/udp-socket.js";

const LOOPBACK = "127.0.0.1";
/** Sooner than the gateway asks for, so that it is kept busy, milliseconds. */
const OVERLOAD_MS = 20;
const NOTHING = new Uint8Array(0);

/** The least that a device can be: it registers, lets one resource be started and wired, and sends its events. */
export class BenchDevice {
  readonly nodeId: Uuid = randomUuid(systemRandom);
  readonly #socket: UdpSocket;
  readonly #endpoint: Endpoint;
  readonly #gatewayPort: number;
  #route = NONE;

  private constructor(socket: UdpSocket, gatewayPort: number) {
    this.#socket = socket;
    this.#gatewayPort = gatewayPort;
    const timers = new NumberedTimers(systemClock);
    const random = (target: Uint8Array) => systemRandom.fill(target);
    this.#endpoint = new Endpoint(socket, timers, random, DEVICE_SETTINGS, new SmallPeerTable(2));
    this.#endpoint.onRequest(({ code, path, payload }, reply) => {
      if (code === PUT && path === "r/1") {
        this.#route = decodeOutputs(payload)[0]?.route ?? NONE;
        reply(CHANGED, NOTHING);
      } else if (code === POST && path === "r") reply(CREATED, NOTHING, { locationPath: "r/1" });
      else reply(CHANGED, NOTHING);
    });
  }

  static async open(gatewayPort: number): Promise<BenchDevice> {
    return new BenchDevice(await openUdpSocket(LOOPBACK, 0, "bench"), gatewayPort);
  }

  /** True when the gateway has told where events go. */
  get isWired(): boolean {
    return this.#route !== NONE;
  }

  /** Registers, again when the gateway says so as long as it has too much to do. */
  async register(): Promise<void> {
    const registration = encodeRegistration({
      edition: 1,
      bootNonce: 1,
      board: "bench",
      freeMemoryBytes: 65_536,
      runtimes: [RUNTIME_WASM],
      providers: [{ providerId: "b", classType: "bench", outputs: ["out"] }],
      digests: [],
      instances: [],
      limits: { imageBytes: 16_384, instances: 4, functionMemoryBytes: 65_536, payloadBytes: 1_024 },
      labels: [],
      name: "",
    });
    for (;;) {
      const { code, maxAge } = await this.#send("rd", registration, `ep=${this.nodeId}&lt=600`);
      if (code < BAD_REQUEST) return;
      if (code !== SERVICE_UNAVAILABLE) throw new Error(`a registration was refused with ${code}`);
      await delay(maxAge * 1000);
    }
  }

  /** Sends one event, again as often as the gateway is overloaded; resolves when it has been taken. */
  async cast(text: string): Promise<void> {
    const payload = new TextEncoder().encode(text);
    const event = { kind: CAST, route: this.#route, peer: NONE, handle: NONE, stream: NONE, payload };
    const encoded = encodeUplinkEvent(event);
    for (;;) {
      const { code } = await this.#send("e", encoded);
      if (code < BAD_REQUEST) return;
      if (code !== SERVICE_UNAVAILABLE) throw new Error(`an event was refused with ${code}`);
      await delay(OVERLOAD_MS);
    }
  }

  async close(): Promise<void> {
    await this.#socket.close();
  }

  #send(path: string, payload: Uint8Array, query = ""): Promise<Message> {
    return new Promise((resolve, reject) => {
      const request = { code: POST, path, payload, query };
      this.#endpoint.request(LOOPBACK, this.#gatewayPort, request, (response, failure) => {
        if (response !== undefined) resolve(response);
        else reject(new Error(`${path}: ${failure}`));
      });
    });
  }
}
