import { DEVICE_SETTINGS, type EndpointSettings } from "../coap-api/endpoint/settings.js";

/** Who a device is, where its gateway is, and all its bounds. */
export interface DeviceSettings {
  /** EDGELESS node id, a UUID in text form. */
  nodeId: string;
  /** Name for people; may be empty. */
  name: string;
  labels: string[];
  gatewayAddress: string;
  gatewayPort: number;
  /** How long the gateway keeps the device without hearing of it, seconds; it is refreshed three times as often. */
  lifetimeSeconds: number;
  /** Back-off between tries to reach the gateway, milliseconds. */
  retryInitialMs: number;
  retryMaximumMs: number;
  /** Functions and resources together. */
  maxInstances: number;
  maxImageBytes: number;
  /** Memory of one function, bytes. */
  maxFunctionMemoryBytes: number;
  /** Run time of one handler, milliseconds. */
  maxRunTimeMs: number;
  maxPayloadBytes: number;
  maxStateBytes: number;
  /** Channels of one instance. */
  maxOutputs: number;
  /** Events that wait for one instance. */
  mailboxCapacity: number;
  /** Events that wait for the gateway. */
  uplinkCapacity: number;
  /** How often an event is offered to an overloaded gateway. */
  uplinkTries: number;
  /** Delayed casts of one instance under way. */
  delayedCapacity: number;
  /** Log lines that wait for the gateway; they leave at most once every `logIntervalMs`. */
  logCapacity: number;
  logIntervalMs: number;
  /** Longest wait for the answer to a call, milliseconds. */
  callTimeoutMs: number;
  /** How long a function that has no outputs yet waits for them before its init handler runs, milliseconds. */
  wiringGraceMs: number;
  endpoint: EndpointSettings;
}

/**
 * Repetitions on a radio: RFC 7252's four would give up one message in 170 where one datagram in five is lost each way,
 * these one in about half a million.
 */
const RADIO = { maxRetransmit: 12, maxTimeoutMs: 8000 };

/** Settings of a small board; `maxBodyBytes` of the endpoint follows from the bounds when the device starts. */
export function defaultSettings(nodeId: string, gatewayAddress: string): DeviceSettings {
  return {
    nodeId,
    name: "",
    labels: [],
    gatewayAddress,
    gatewayPort: 5683,
    lifetimeSeconds: 60,
    retryInitialMs: 1000,
    retryMaximumMs: 60000,
    maxInstances: 8,
    maxImageBytes: 16384,
    maxFunctionMemoryBytes: 65536,
    maxRunTimeMs: 5000,
    maxPayloadBytes: 1024,
    maxStateBytes: 2048,
    maxOutputs: 8,
    mailboxCapacity: 8,
    uplinkCapacity: 16,
    uplinkTries: 5,
    delayedCapacity: 8,
    logCapacity: 16,
    logIntervalMs: 1000,
    callTimeoutMs: 30000,
    wiringGraceMs: 100,
    endpoint: Object.assign({}, DEVICE_SETTINGS, RADIO),
  };
}
