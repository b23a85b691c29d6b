import type { Timer } from "../core/clock.js";
import type { Device } from "./device.js";

/** A device in the domain, as the registry handles it. */
export interface OpenPresence {
  /** Since when the ε-ORC refuses the node, monotonic milliseconds; undefined while it does not. */
  readonly refusedSinceMs: number | undefined;
  leave(): Promise<void>;
  abandon(): void;
  vanish(): void;
  /** Says nothing to the ε-ORC until it is renewed. */
  pause(): void;
  renew(): void;
}

/** A device that is or was registered, with what its registration needs. */
export interface RegisteredDevice {
  readonly device: Device;
  presence: OpenPresence | undefined;
  timer: Timer | undefined;
  /** Registrations and farewells of one device take effect one after the other. */
  work: Promise<unknown>;
  lastHeardMs: number;
  /** False after a restart of the gateway, until a datagram of the device came. */
  isHeard: boolean;
  /** Under way: whether the device still is where it registered. */
  probe: Promise<boolean> | undefined;
  /** Another gateway announced the device as its own, and the device has not said since that it is here. */
  isClaimed: boolean;
}

/** A device of which nothing was heard yet. */
export function createRegisteredDevice(device: Device, nowMs: number): RegisteredDevice {
  return {
    device,
    presence: undefined,
    timer: undefined,
    work: Promise.resolve(),
    lastHeardMs: nowMs,
    isHeard: false,
    probe: undefined,
    isClaimed: false,
  };
}
