import { formatCode } from "../../../coap-api/coap/codes.js";
import type { Message } from "../../../coap-api/coap/message.js";
import { Endpoint } from "../../../coap-api/endpoint/endpoint.js";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../../../coap-api/endpoint/small-peer-table.js";
import { type Registration, RUNTIME_JS } from "../../../coap-api/operations/register.js";
import { NumberedTimers } from "../../../platform/numbered-timers.js";
import { systemClock } from "../../../platform/system-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import type { GatewayRig } from "./gateway-rig.js";

/** What a small board without an engine for WebAssembly says of itself. */
export const REGISTRATION: Registration = {
  edition: 1,
  bootNonce: 5,
  board: "plain",
  freeMemoryBytes: 1_000,
  runtimes: [RUNTIME_JS],
  providers: [],
  digests: [],
  instances: [],
  limits: { imageBytes: 10_000, instances: 4, functionMemoryBytes: 65_536, payloadBytes: 64 },
  labels: [],
  name: "",
};

/** A CoAP client that is no device of ours. */
export class ForeignClient {
  readonly endpoint: Endpoint;

  constructor(rig: GatewayRig, address: string, settings: Partial<EndpointSettings> = {}, port = 5683) {
    const random = seededRandom(5);
    const timers = new NumberedTimers(systemClock);
    const socket = rig.network.open(address, port);
    this.endpoint = new Endpoint(
      socket,
      timers,
      (target) => random.fill(target),
      { ...DEVICE_SETTINGS, ackTimeoutMs: 50, maxTimeoutMs: 100, ...settings },
      new SmallPeerTable(2),
    );
  }

  /** Resolves with the response; rejects with why there is none. */
  ask(code: number, path: string, payload?: Uint8Array, query = "", address = "10.0.0.1"): Promise<Message> {
    return new Promise((resolve, reject) => {
      const request = { code, path, query, ...(payload && { payload }) };
      this.endpoint.request(address, 5683, request, (response, failure) => {
        if (response === undefined) reject(new Error(failure));
        else resolve(response);
      });
    });
  }

  /** The code of the response, like 2.04. */
  async code(
    code: number,
    path: string,
    payload?: Uint8Array,
    query = "",
    address = "10.0.0.1",
  ): Promise<string> {
    return formatCode((await this.ask(code, path, payload, query, address)).code);
  }
}
