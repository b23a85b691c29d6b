import type { Timers } from "../coap-api/endpoint/transport.js";
import type { Setting } from "../coap-api/operations/start-resource.js";
import { BAD_RESOURCE_CONFIG, DeviceFault } from "./device-fault.js";

/** What a running resource may do. */
export interface ResourceContext {
  readonly timers: Timers;
  /** Casts a text on an output channel; without effect while the channel leads nowhere. */
  cast(channel: string, text: string): void;
  /** Writes a log line; levels as in EDGELESS, 1 (error) to 5 (trace). */
  log(level: number, text: string): void;
}

/** A running resource. What `cast` and `call` throw is logged and, for a call, answered with an error. */
export interface DeviceResource {
  cast(text: string): void;
  /** The reply to a call; undefined: none. Absent: the resource takes no calls. */
  call?(text: string): string | undefined;
  stop(): void;
}

/** Makes the resources of one class. */
export interface DeviceResourceProvider {
  readonly providerId: string;
  readonly classType: string;
  readonly outputs: string[];
  /** @throws DeviceFault when the configuration is wrong or the hardware is in use */
  start(configuration: Setting[], context: ResourceContext): DeviceResource;
}

/** Value of a configuration key; undefined when it is not given. */
export function settingOf(configuration: Setting[], key: string): string | undefined {
  for (let i = 0; i < configuration.length; i++) {
    const setting = configuration[i];
    if (setting !== undefined && setting.key === key) return setting.value;
  }
  return undefined;
}

/** Value of a key that must be there. @throws DeviceFault */
export function requiredSetting(configuration: Setting[], key: string): string {
  const value = settingOf(configuration, key);
  if (value === undefined || value === "") throw new DeviceFault(BAD_RESOURCE_CONFIG, `${key} is missing`);
  return value;
}

/** A number from `least` to `most`, or `otherwise` when the key is not given. @throws DeviceFault */
export function numberSetting(
  configuration: Setting[],
  key: string,
  otherwise: number,
  least: number,
  most: number,
): number {
  const value = settingOf(configuration, key);
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (value === "" || !(number >= least && number <= most))
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `${key} must be ${least} to ${most}`);
  return number;
}
