import type { Registration } from "../coap-api/operations/register.js";
import type { Uuid } from "../core/uuid.js";
import type { Device } from "./device.js";
import type { DeviceRecord } from "./device-record.js";
import { peerKey } from "./peer-table.js";
import type { RegisteredDevice } from "./registered-device.js";

/** Devices that are gone, and of which nothing else is kept, that are remembered. */
const MOST_BARE = 1_000;

/** Devices by id, location, address and name, those that are gone included. */
export class DeviceDirectory {
  readonly #byId = new Map<Uuid, RegisteredDevice>();
  readonly #locations = new Set<number>();
  readonly #byAddress = new Map<string, RegisteredDevice>();
  readonly #names = new Map<string, Uuid>();
  /** No location below is free. */
  #lowestLocation = 1;

  get all(): RegisteredDevice[] {
    return [...this.#byId.values()];
  }

  find(nodeId: Uuid): RegisteredDevice | undefined {
    return this.#byId.get(nodeId);
  }

  /** The registered device at an address. */
  findAt(address: string, port: number): RegisteredDevice | undefined {
    return this.#byAddress.get(peerKey(address, port));
  }

  add(entry: RegisteredDevice): void {
    const { nodeId, record } = entry.device;
    this.#byId.set(nodeId, entry);
    this.#locations.add(record.location);
    this.#names.set(record.name, nodeId);
  }

  remove({ nodeId, record }: Device): void {
    this.#byId.delete(nodeId);
    this.#locations.delete(record.location);
    this.#lowestLocation = Math.min(this.#lowestLocation, record.location);
    if (this.#names.get(record.name) === nodeId) this.#names.delete(record.name);
  }

  /** The device is found at the address of its record from now on. */
  settle(entry: RegisteredDevice): void {
    const { address, port } = entry.device.record;
    this.#byAddress.set(peerKey(address, port), entry);
  }

  /** The device is not found at the address of its record any more, unless another one is there. */
  unsettle(entry: RegisteredDevice): void {
    const { address, port } = entry.device.record;
    if (this.findAt(address, port) === entry) this.#byAddress.delete(peerKey(address, port));
  }

  /** Who has a name. */
  holderOf(name: string): Uuid | undefined {
    return this.#names.get(name);
  }

  setName(record: DeviceRecord, name: string): void {
    if (this.#names.get(record.name) === record.nodeId) this.#names.delete(record.name);
    record.name = name;
    this.#names.set(name, record.nodeId);
  }

  /** The name that a device wants, or one after its board; with its id when another device has that. */
  freeName({ name, board }: Pick<Registration, "name" | "board">, nodeId: Uuid): string {
    const wanted = name === "" ? `${board}-${nodeId.slice(0, 8)}` : name;
    const holder = this.#names.get(wanted);
    return holder === undefined || holder === nodeId ? wanted : `${wanted}-${nodeId}`;
  }

  freeLocation(): number {
    while (this.#locations.has(this.#lowestLocation)) this.#lowestLocation++;
    return this.#lowestLocation;
  }

  /**
   * The device to forget before another one is added: of those that are gone, those without state or a given name go first.
   * @param most devices that are gone may be remembered
   * @returns undefined while there is room
   */
  surplus(most: number): Device | undefined {
    // Each device that is registered has its address: with few others there is nothing to look for.
    if (this.#byId.size - this.#byAddress.size < Math.min(MOST_BARE, most)) return undefined;
    let gone = 0;
    let bare = 0;
    let oldest: Device | undefined;
    for (const { device } of this.#byId.values()) {
      // Without a nonce it is about to register for the first time.
      if (device.record.isPresent || device.record.nonce === 0n) continue;
      gone++;
      if (!device.isWorthKeeping) bare++;
      if (oldest === undefined || isSoonerForgotten(device, oldest)) oldest = device;
    }
    return bare < MOST_BARE && gone < most ? undefined : oldest;
  }
}

function isSoonerForgotten(device: Device, other: Device): boolean {
  if (device.isWorthKeeping !== other.isWorthKeeping) return other.isWorthKeeping;
  return device.record.lastSeenMs < other.record.lastSeenMs;
}
