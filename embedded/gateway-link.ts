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
import type { Timers } from "../coap-api/endpoint/transport.js";
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

/** A request to the gateway. */
interface LinkRequest {
  code: number;
  path: string;
  query?: string;
  payload?: Uint8Array;
}

/** A request that waits for the one under way. */
interface WaitingRequest {
  readonly request: LinkRequest;
  readonly done: Outcome;
}

/**
 * The way to the gateway. It is open while the gateway knows the device. One request is under way at a time. It is sent in a turn of its
 * own, and what its answer leads to waits for another one, because a board has room for few calls inside each other.
 */
export class GatewayLink {
  address: string;
  port: number;
  /** True while the gateway knows this device: events, states and log lines may be sent. */
  open: boolean;
  private readonly endpoint: Endpoint;
  private readonly timers: Timers;
  private readonly capacity: number;
  private readonly waiting: WaitingRequest[];
  private busy: boolean;

  constructor(endpoint: Endpoint, timers: Timers, settings: DeviceSettings) {
    this.endpoint = endpoint;
    this.timers = timers;
    this.capacity = settings.endpoint.queueCapacity;
    this.waiting = [];
    this.busy = false;
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
  request(request: LinkRequest, done: Outcome): void {
    if (this.waiting.length >= this.capacity) {
      done(BUSY, PAUSE_SECONDS * 1000, undefined);
      return;
    }
    this.waiting.push({ request, done });
    if (this.busy) return;
    this.busy = true;
    this.sendSoon();
  }

  private sendSoon(): void {
    this.timers.set(0, () => this.send());
  }

  private send(): void {
    const next = this.waiting.shift();
    if (next === undefined) {
      this.busy = false;
      return;
    }
    this.endpoint.request(this.address, this.port, next.request, (response, failure) => {
      this.timers.set(0, () => {
        // When what was answered is forgotten.
        this.sendSoon();
        next.done(outcomeOf(response, failure), pauseMs(response), response);
      });
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
