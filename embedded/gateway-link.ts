import {
  FORBIDDEN,
  isSuccess,
  NOT_FOUND,
  POST,
  SERVICE_UNAVAILABLE,
  UNAUTHORIZED,
} from "../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../coap-api/coap/message.js";
import type { Endpoint } from "../coap-api/endpoint/endpoint.js";
import type { Failure } from "../coap-api/endpoint/exchange.js";
import type { DeviceSettings } from "./device-settings.js";

/** What came of a request to the gateway. */
export const TAKEN = 0;
/** It does not know what the request names. */
export const UNKNOWN = 1;
/** It does not know this device, at this address. */
export const STRANGER = 2;
/** It is overloaded: try again after a while. */
export const BUSY = 3;
/** It refused for good. */
export const REFUSED = 4;
/** No answer. The request may have been carried out. */
export const SILENCE = 5;

/** Seconds after which an overloaded gateway is tried again unless it says otherwise. */
const PAUSE_SECONDS = 2;

/** Takes what came of a request. */
export type Outcome = (outcome: number, retryMs: number, response: Message | undefined) => void;

/** The way to the gateway. It is open while the gateway knows the device. */
export class GatewayLink {
  address: string;
  port: number;
  /** True while the gateway knows this device: events, states and log lines may be sent. */
  open: boolean;
  private readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint, settings: DeviceSettings) {
    this.endpoint = endpoint;
    this.address = settings.gatewayAddress;
    this.port = settings.gatewayPort;
    this.open = false;
  }

  isGateway(address: string, port: number): boolean {
    return address === this.address && port === this.port;
  }

  /** Posts a payload; `done` runs exactly once. */
  post(path: string, query: string, payload: Uint8Array, done: Outcome): void {
    this.request({ code: POST, path, query, payload }, done);
  }

  /** Sends a request; `done` runs exactly once. */
  request(
    request: { code: number; path: string; query?: string; payload?: Uint8Array },
    done: Outcome,
  ): void {
    this.endpoint.request(this.address, this.port, request, (response, failure) => {
      done(outcomeOf(response, failure), pauseMs(response), response);
    });
  }
}

function outcomeOf(response: Message | undefined, failure: Failure | undefined): number {
  if (response === undefined) return failure === "refused" ? BUSY : SILENCE;
  const { code } = response;
  if (isSuccess(code)) return TAKEN;
  if (code === NOT_FOUND) return UNKNOWN;
  if (code === UNAUTHORIZED || code === FORBIDDEN) return STRANGER;
  return code === SERVICE_UNAVAILABLE ? BUSY : REFUSED;
}

function pauseMs(response: Message | undefined): number {
  const seconds = response === undefined || response.maxAge === ABSENT ? PAUSE_SECONDS : response.maxAge;
  return seconds * 1000;
}
