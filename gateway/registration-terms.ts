import { BAD_REQUEST, FORBIDDEN, SERVICE_UNAVAILABLE } from "../coap-api/coap/codes.js";
import { EDITION, type Registration } from "../coap-api/operations/register.js";
import { EdgelessError, type ErrorCode } from "../core/errors.js";
import { RegistrationRefusal } from "./registration-refusal.js";

/** Bounds of registrations. */
export interface RegistryLimits {
  /** Devices that are registered at a time; so many more that are gone are remembered. */
  readonly maxDevices: number;
  /** Devices that are registered at one address at a time. */
  readonly maxPerAddress: number;
  readonly minLifetimeSeconds: number;
  readonly maxLifetimeSeconds: number;
  /** First port for agents, for as many devices as may be; 0: any. */
  readonly firstAgentPort: number;
  /** The last port of that range: where agents are reached over one connection; 0: any. */
  readonly sharedAgentPort: number;
}

/** Seconds after which a device may try again that could not be stored. */
export const STORE_RETRY_SECONDS = 10;
/** Seconds after which a device that found no room may try again. */
const RETRY_SECONDS = 60;

/** @throws RegistrationRefusal when the edition or the lifetime is none that is kept here */
export function checkTerms(
  { edition }: Pick<Registration, "edition">,
  lifetimeSeconds: number,
  { maxLifetimeSeconds }: RegistryLimits,
): void {
  if (edition !== EDITION)
    throw new RegistrationRefusal(
      BAD_REQUEST,
      "EDGELESS_BAD_MESSAGE",
      `edition ${edition} is not spoken here, only ${EDITION}`,
    );
  if (lifetimeSeconds > maxLifetimeSeconds || lifetimeSeconds < 1)
    throw new RegistrationRefusal(
      BAD_REQUEST,
      "EDGELESS_REJECTED",
      `lifetime ${lifetimeSeconds} s, allowed are 1 to ${maxLifetimeSeconds} s`,
    );
}

/**
 * @param present devices that are registered, and those of them at the address of the one that asks
 * @throws RegistrationRefusal when there is no room for one more
 */
export function checkRoom(
  present: { readonly everywhere: number; readonly there: number },
  { maxDevices, maxPerAddress }: RegistryLimits,
): void {
  const isFull = present.everywhere >= maxDevices;
  if (!isFull && present.there < maxPerAddress) return;
  throw busy(
    "EDGELESS_REJECTED",
    isFull
      ? `this gateway has ${maxDevices} devices already`
      : `this address has ${maxPerAddress} devices already`,
  );
}

/** The device is registered at another address, where it answers. */
export function twin(): RegistrationRefusal {
  return new RegistrationRefusal(
    FORBIDDEN,
    "EDGELESS_REJECTED",
    "a device with this id is registered at another address, where it answers",
  );
}

/** No port is left for the agent of the device. */
export function noPort(): RegistrationRefusal {
  return busy("EDGELESS_CANNOT_BIND", "the gateway has no agent port left");
}

/** Too many devices register at this moment. */
export function tooMany(seconds: number): RegistrationRefusal {
  return new RegistrationRefusal(
    SERVICE_UNAVAILABLE,
    "EDGELESS_REJECTED",
    "too many devices register now",
    seconds,
  );
}

/** The gateway ends. */
export function closing(): RegistrationRefusal {
  return busy("EDGELESS_REJECTED", "the gateway is about to end");
}

/** The registration could not be written down. */
export function notStored(error: unknown): RegistrationRefusal {
  return new RegistrationRefusal(
    SERVICE_UNAVAILABLE,
    error instanceof EdgelessError ? error.code : "EDGELESS_STORE_BROKEN",
    "the gateway cannot store its state",
    STORE_RETRY_SECONDS,
  );
}

function busy(error: ErrorCode, reason: string): RegistrationRefusal {
  return new RegistrationRefusal(SERVICE_UNAVAILABLE, error, reason, RETRY_SECONDS);
}
