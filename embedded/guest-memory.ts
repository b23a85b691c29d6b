import { readUtf8 } from "../coap-api/utf8.js";
import { WireFault } from "../coap-api/wire-fault.js";
import { DeviceFault, TRAPPED } from "./device-fault.js";
import type { Guest } from "./engine.js";
import { MEM_ALLOC } from "./guest-exports.js";

/** A range of a guest's memory, as a view that is good until the guest runs again. @throws DeviceFault outside of it */
export function guestBytes(guest: Guest, at: number, length: number): Uint8Array {
  const memory = guest.memory();
  const from = at >>> 0;
  const to = from + (length >>> 0);
  if (to > memory.length) throw new DeviceFault(TRAPPED, `address ${to} is outside the memory`);
  return memory.subarray(from, to);
}

/** A text in a guest's memory. @throws DeviceFault when it is not UTF-8 or outside */
export function guestText(guest: Guest, at: number, length: number): string {
  const bytes = guestBytes(guest, at, length);
  try {
    return readUtf8(bytes, 0, bytes.length);
  } catch (fault) {
    throw fault instanceof WireFault ? new DeviceFault(TRAPPED, "a text is not UTF-8") : fault;
  }
}

/** Reads an unsigned 32-bit number, least significant byte first. @throws DeviceFault */
export function guestNumber(guest: Guest, at: number): number {
  const bytes = guestBytes(guest, at, 4);
  const low = (bytes[0] as number) | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16);
  return (low | ((bytes[3] as number) << 24)) >>> 0;
}

/** Writes a 32-bit number, least significant byte first. @throws DeviceFault */
export function setGuestNumber(guest: Guest, at: number, value: number): void {
  const bytes = guestBytes(guest, at, 4);
  bytes[0] = value;
  bytes[1] = value >>> 8;
  bytes[2] = value >>> 16;
  bytes[3] = value >>> 24;
}

/** Places bytes in a block that the guest allocates, and returns its address. @throws what the guest throws */
export function placeInGuest(guest: Guest, bytes: Uint8Array): number {
  const at = guest.run(MEM_ALLOC, bytes.length);
  guestBytes(guest, at, bytes.length).set(bytes);
  return at;
}
