import {
  CHANGED,
  CREATED,
  DELETE,
  DELETED,
  isSuccess,
  NOT_FOUND,
  POST,
  PUT,
} from "../../coap-api/coap/codes.js";
import type { Message } from "../../coap-api/coap/message.js";
import { Endpoint } from "../../coap-api/endpoint/endpoint.js";
import type { OutgoingRequest } from "../../coap-api/endpoint/exchange.js";
import type { IncomingRequest, Reply } from "../../coap-api/endpoint/request-server.js";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../../coap-api/endpoint/small-peer-table.js";
import type { DatagramPort, Timers } from "../../coap-api/endpoint/transport.js";
import { decodeUplinkEvent, type UplinkEvent } from "../../coap-api/operations/event.js";
import { decodeLogLines } from "../../coap-api/operations/log-lines.js";
import { decodeRefresh, type Refresh } from "../../coap-api/operations/refresh.js";
import { decodeRegistration, type Registration } from "../../coap-api/operations/register.js";
import { decodeKeptState } from "../../coap-api/operations/state.js";

const NOTHING = new Uint8Array(0);

/** An address and port. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** A gateway that does what a test says: it notes everything and answers by rote. */
export class ScriptedGateway {
  readonly registrations: {
    readonly registration: Registration;
    readonly query: string;
    readonly from: Place;
  }[] = [];
  readonly refreshes: Refresh[] = [];
  readonly events: UplinkEvent[] = [];
  readonly logs: string[] = [];
  readonly states: { readonly handle: number; readonly text: string }[] = [];
  /** Devices that left. */
  left = 0;
  /** Answers a request instead of the usual way when it returns true. */
  override: ((request: IncomingRequest, reply: Reply) => boolean) | undefined;
  readonly endpoint: Endpoint;
  #known = 0;

  constructor(
    socket: DatagramPort,
    timers: Timers,
    random: (target: Uint8Array) => Uint8Array,
    settings: Partial<EndpointSettings> = {},
  ) {
    this.endpoint = new Endpoint(
      socket,
      timers,
      random,
      { ...DEVICE_SETTINGS, duplicatesPerPeer: 64, ...settings },
      new SmallPeerTable(64),
    );
    this.endpoint.onRequest((request, reply) => {
      if (this.override?.(request, reply) !== true) this.#answer(request, reply);
    });
  }

  /** The next refresh is answered as from a stranger. */
  forget(): void {
    this.#known = 0;
  }

  /** Sends a request to a device. */
  ask(
    device: Place,
    code: number,
    path: string,
    payload: Uint8Array = NOTHING,
  ): Promise<Message | undefined> {
    const request: OutgoingRequest = { code, path, payload };
    return new Promise((resolve) =>
      this.endpoint.request(device.address, device.port, request, (response) => resolve(response)),
    );
  }

  post(device: Place, path: string, payload: Uint8Array): Promise<Message | undefined> {
    return this.ask(device, POST, path, payload);
  }

  put(device: Place, path: string, payload: Uint8Array): Promise<Message | undefined> {
    return this.ask(device, PUT, path, payload);
  }

  /** Texts of the events so far. */
  texts(): string[] {
    return this.events.map(({ payload }) => Buffer.from(payload).toString());
  }

  #answer(request: IncomingRequest, reply: Reply): void {
    const { code, path, payload, query, address, port } = request;
    if (path === "rd") {
      this.registrations.push({
        registration: decodeRegistration(payload.slice()),
        query,
        from: { address, port },
      });
      this.#known = this.registrations.length;
      reply(CREATED, NOTHING, { locationPath: `rd/${this.#known}` });
    } else if (path.startsWith("rd/") && path !== `rd/${this.#known}`) reply(NOT_FOUND, NOTHING);
    else if (path.startsWith("rd/") && code === DELETE) {
      this.left++;
      reply(DELETED, NOTHING);
    } else if (path.startsWith("rd/")) {
      this.refreshes.push(decodeRefresh(payload));
      reply(CHANGED, NOTHING);
    } else if (path === "e") {
      this.events.push(decodeUplinkEvent(payload.slice()));
      reply(CHANGED, NOTHING);
    } else if (path === "l") {
      for (const { target, message } of decodeLogLines(payload))
        this.logs.push(`${Buffer.from(target)}: ${Buffer.from(message)}`);
      reply(CHANGED, NOTHING);
    } else if (path === "y") {
      const { handle, state } = decodeKeptState(payload);
      this.states.push({ handle, text: Buffer.from(state).toString() });
      reply(CHANGED, NOTHING);
    } else reply(NOT_FOUND, NOTHING);
  }
}

/** The handle in the Location-Path of an answer to a start. */
export function handleOf(response: Message | undefined): number {
  if (response === undefined || !isSuccess(response.code)) throw new Error(`not started: ${response?.code}`);
  return Number(response.locationPath.split("/")[1]);
}
