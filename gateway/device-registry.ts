import { BAD_REQUEST, FORBIDDEN, SERVICE_UNAVAILABLE } from "../coap-api/coap/codes.js";
import { EDITION, type Registration } from "../coap-api/operations/register.js";
import type { Timer } from "../core/clock.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { Uuid } from "../core/uuid.js";
import { randomUint64 } from "../platform/system-random.js";
import { AddressCounts } from "./address-counts.js";
import { Device, type DeviceSurroundings } from "./device.js";
import { type DeviceRecord, factsOf, sameFacts } from "./device-record.js";
import { peerKey } from "./peer-table.js";
import { probeDevice } from "./probe-device.js";
import { RegistrationRefusal } from "./registration-refusal.js";
import type { SavedDevice } from "./saved-devices.js";
import { change } from "./saved-devices.js";

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
}

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

/** What a {@link DeviceRegistry} works with. */
export interface RegistryParts {
  readonly around: DeviceSurroundings;
  readonly limits: RegistryLimits;
  readonly open: (device: Device, port: number) => Promise<OpenPresence>;
  /** An address belongs to a device from now on, or no longer. */
  readonly keepPeer: (address: string, port: number) => void;
  readonly releasePeer: (address: string, port: number) => void;
  /** A device started anew at an address: nothing under way there is valid. */
  readonly restartPeer: (address: string, port: number) => void;
}

interface Entry {
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

/** Ports that are tried for one device before it is told to come back later. */
const MOST_PORTS_TRIED = 20;

/** Seconds after which a device may try again that could not be stored. */
export const STORE_RETRY_SECONDS = 10;
/** Devices that are gone, and of which nothing else is kept, that are remembered. */
const MOST_BARE = 1_000;
/** A refusal by the ε-ORC that lasts so long is no passing one, milliseconds. */
const REFUSED_MS = 5_000;

/** Seconds after which a device that found no room may try again. */
const RETRY_SECONDS = 60;

/** The devices of a gateway: from their registration to the refresh that they miss, by id, location, address and name. */
export class DeviceRegistry {
  readonly #parts: RegistryParts;
  readonly #entries = new Map<Uuid, Entry>();
  readonly #byLocation = new Map<number, Entry>();
  readonly #byAddress = new Map<string, Entry>();
  readonly #addresses = new AddressCounts();
  /** Device by name, those that are gone included. */
  readonly #names = new Map<string, Uuid>();
  /** Agent ports that belong to a device. */
  readonly #ports = new Set<number>();
  /** No location below is free. */
  #lowestLocation = 1;
  #present = 0;
  #isClosed = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** All devices that are known, also those that are gone. */
  get devices(): Device[] {
    return [...this.#entries.values()].map(({ device }) => device);
  }

  /** How many are registered now. */
  get present(): number {
    return this.#present;
  }

  find(nodeId: Uuid): Device | undefined {
    return this.#entries.get(nodeId)?.device;
  }

  /** The device with this id if it is registered here, and nowhere else since. */
  findPresent(nodeId: Uuid): Device | undefined {
    const entry = this.#entries.get(nodeId);
    return entry?.device.record.isPresent === true && !entry.isClaimed ? entry.device : undefined;
  }

  /** The registered device at an address. */
  findAt(address: string, port: number): Device | undefined {
    return this.#byAddress.get(peerKey(address, port))?.device;
  }

  /** A datagram came from an address: the device there lives. */
  heardFrom(address: string, port: number): void {
    const entry = this.#byAddress.get(peerKey(address, port));
    if (entry === undefined) return;
    const nowMs = this.#parts.around.clock.monotonicMs();
    entry.lastHeardMs = nowMs;
    entry.isHeard = true;
    entry.device.heard();
    // It has been elsewhere, so that its node is out of date; it registers again, as another one.
    const refusedMs = entry.presence?.refusedSinceMs ?? Number.POSITIVE_INFINITY;
    if (nowMs - refusedMs > REFUSED_MS) this.#withdrawSoon(entry.device, "refused", true);
  }

  /** True when `rd/<location>` is the registration of the device. */
  isAt(device: Device, location: number): boolean {
    return device.record.location === location;
  }

  /**
   * Registers a device, or takes note that it is still there.
   * @throws RegistrationRefusal
   */
  async register(
    nodeId: Uuid,
    lifetimeSeconds: number,
    registration: Registration,
    address: string,
    port: number,
  ): Promise<Device> {
    const { limits } = this.#parts;
    if (registration.edition !== EDITION)
      throw new RegistrationRefusal(
        BAD_REQUEST,
        "EDGELESS_BAD_MESSAGE",
        `edition ${registration.edition} is not spoken here, only ${EDITION}`,
      );
    if (lifetimeSeconds > limits.maxLifetimeSeconds || lifetimeSeconds < 1)
      throw new RegistrationRefusal(
        BAD_REQUEST,
        "EDGELESS_REJECTED",
        `lifetime ${lifetimeSeconds} s, allowed are 1 to ${limits.maxLifetimeSeconds} s`,
      );
    const known = this.#entries.get(nodeId);
    if (known !== undefined) await this.#refuseTwin(known, registration, address, port);
    const entry = this.#entries.get(nodeId) ?? this.#create(nodeId, registration, address, port);
    const work = entry.work.then(() => this.#admit(entry, lifetimeSeconds, registration, address, port));
    entry.work = work.catch(() => undefined);
    try {
      await work;
    } catch (error) {
      // What was never registered must not push out what was.
      if (entry.device.record.nonce === 0n) this.#remove(entry.device);
      throw error;
    }
    return entry.device;
  }

  /**
   * A device leaves, or missed its refresh: its virtual node goes, and what should run on it is dropped.
   * @param isElsewhere another gateway has its node now, so the ε-ORC is not told that it leaves
   */
  async withdraw(device: Device, reason: string, isElsewhere = false): Promise<void> {
    const entry = this.#entries.get(device.nodeId);
    if (entry === undefined) return;
    const work = entry.work.then(() => this.#dismiss(entry, reason, isElsewhere));
    entry.work = work.catch(() => undefined);
    await work;
  }

  /**
   * Another gateway announced a device of this one as its own. Nothing is said or taken for it until it answers: that it is
   * here, or that it obeys another gateway.
   */
  claimed(nodeId: Uuid): void {
    const entry = this.#entries.get(nodeId);
    if (entry?.device.record.isPresent !== true || entry.isClaimed) return;
    entry.isClaimed = true;
    entry.presence?.pause();
    entry.device.plan.isDoubtful = true;
    entry.device.wake();
  }

  /** Gives a device a name of a person's choice. @throws EdgelessError EDGELESS_REJECTED when it is taken */
  async rename(device: Device, name: string): Promise<void> {
    const holder = this.#names.get(name);
    if (holder === device.nodeId) return;
    if (holder !== undefined)
      throw new EdgelessError("EDGELESS_REJECTED", `the name "${name}" belongs to device ${holder}`);
    this.#setName(device.record, name);
    device.record.isNamed = true;
    await device.save();
    this.#entries.get(device.nodeId)?.presence?.renew();
  }

  /** Withdraws a device and removes all that is kept of it. */
  async forget(device: Device): Promise<void> {
    await this.withdraw(device, "forgotten");
    await device.forget();
    this.#remove(device);
  }

  /** Takes back a device of a former life, with all its instances; it has a whole lifetime to be heard of. */
  async restore(saved: SavedDevice): Promise<void> {
    const device = new Device(saved.record, this.#parts.around, saved);
    const entry = this.#add(device);
    if (!saved.record.isPresent) return;
    saved.record.isPresent = false;
    try {
      await this.#open(entry, saved.record.agentPort);
    } catch (error) {
      this.#parts.around.logger.warn("the agent port of a device is taken; it starts anew at another one", {
        device: device.name,
        reason: reasonOf(error),
      });
      saved.record.nonce = randomUint64(this.#parts.around.random);
      await device.dismiss();
      await this.#open(entry, 0);
      await device.saveSoon();
    }
  }

  /** Stops without telling anybody, or tells the ε-ORC that all devices leave. */
  async close(farewell: boolean): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#entries.values()];
    for (const { timer } of all) timer?.cancel();
    await Promise.all(all.map(({ work }) => work));
    if (farewell) await Promise.all(all.map(({ presence }) => presence?.leave()));
    for (const { presence, device } of all) {
      presence?.abandon();
      device.close();
    }
  }

  #create(nodeId: Uuid, registration: Registration, address: string, port: number): Entry {
    const { around } = this.#parts;
    this.#forgetOldest();
    const record: DeviceRecord = {
      nodeId,
      name: this.#freeName(registration, nodeId),
      isNamed: false,
      location: this.#freeLocation(),
      agentPort: 0,
      ...{ address, port },
      lifetimeSeconds: 0,
      bootNonce: registration.bootNonce,
      nonce: 0n,
      isPresent: false,
      lastSeenMs: around.clock.wallMs(),
      facts: factsOf(registration),
    };
    return this.#add(new Device(record, around));
  }

  #add(device: Device): Entry {
    const entry: Entry = {
      device,
      presence: undefined,
      timer: undefined,
      work: Promise.resolve(),
      lastHeardMs: this.#parts.around.clock.monotonicMs(),
      isHeard: false,
      probe: undefined,
      isClaimed: false,
    };
    device.onAnswer = (isOurs) => this.#answered(entry, isOurs);
    this.#entries.set(device.nodeId, entry);
    const { record } = device;
    this.#byLocation.set(record.location, entry);
    this.#names.set(record.name, record.nodeId);
    if (record.agentPort !== 0) this.#ports.add(record.agentPort);
    return entry;
  }

  async #admit(
    entry: Entry,
    lifetimeSeconds: number,
    registration: Registration,
    address: string,
    port: number,
  ): Promise<void> {
    const { limits, around } = this.#parts;
    const { device } = entry;
    const { record } = device;
    if (record.isPresent && !sameFacts(record.facts, factsOf(registration)))
      await this.#dismiss(entry, "changed");
    else if (entry.presence?.refusedSinceMs !== undefined) await this.#dismiss(entry, "refused", true);
    const isFresh = !record.isPresent;
    if (isFresh) this.#refuseTooMany(address);
    const hasRebooted = record.bootNonce !== registration.bootNonce;
    this.#move(entry, address, port, hasRebooted);
    record.lifetimeSeconds = Math.max(lifetimeSeconds, limits.minLifetimeSeconds);
    record.lastSeenMs = around.clock.wallMs();
    entry.lastHeardMs = around.clock.monotonicMs();
    entry.isHeard = true;
    this.#unclaim(entry);
    if (isFresh) {
      record.nonce = randomUint64(around.random);
      record.facts = factsOf(registration);
      if (!record.isNamed && registration.name !== "")
        this.#setName(record, this.#freeName(registration, record.nodeId));
      device.freeMemoryBytes = registration.freeMemoryBytes;
      await this.#openSomewhere(entry);
    }
    device.registered(registration, hasRebooted || isFresh);
    await this.#save(entry, isFresh);
    this.#watch(entry);
    around.logger.info("device registered", {
      device: device.name,
      nodeId: device.nodeId,
      ...{ address, port, isFresh, hasRebooted },
    });
  }

  /**
   * One device has one address. Who registers elsewhere with another boot nonce has restarted there, or only claims to be
   * it; the one that is registered is asked. Its boot nonce is known to nobody else.
   */
  async #refuseTwin(entry: Entry, registration: Registration, address: string, port: number): Promise<void> {
    const { record } = entry.device;
    const isHere = record.address === address && record.port === port;
    if (!record.isPresent || !entry.isHeard || isHere || record.bootNonce === registration.bootNonce) return;
    // One question for however many ask.
    entry.probe ??= probeDevice(record, this.#parts.around).finally(() => {
      entry.probe = undefined;
    });
    if (!(await entry.probe)) return;
    throw new RegistrationRefusal(
      FORBIDDEN,
      "EDGELESS_REJECTED",
      "a device with this id is registered at another address, where it answers",
    );
  }

  #refuseTooMany(address: string): void {
    const { maxDevices, maxPerAddress } = this.#parts.limits;
    const isFull = this.#present >= maxDevices;
    if (!isFull && this.#addresses.of(address) < maxPerAddress) return;
    throw new RegistrationRefusal(
      SERVICE_UNAVAILABLE,
      "EDGELESS_REJECTED",
      isFull
        ? `this gateway has ${maxDevices} devices already`
        : `this address has ${maxPerAddress} devices already`,
      RETRY_SECONDS,
    );
  }

  /** A device is registered when that is written down, else not at all. */
  async #save(entry: Entry, isFresh: boolean): Promise<void> {
    try {
      await entry.device.save();
    } catch (error) {
      this.#parts.around.logger.error("a device could not be stored", { reason: reasonOf(error) });
      if (isFresh) await this.#dismiss(entry, "not stored");
      throw new RegistrationRefusal(
        SERVICE_UNAVAILABLE,
        error instanceof EdgelessError ? error.code : "EDGELESS_STORE_BROKEN",
        "the gateway cannot store its state",
        STORE_RETRY_SECONDS,
      );
    }
  }

  async #dismiss(entry: Entry, reason: string, isElsewhere = false): Promise<void> {
    const { device, presence } = entry;
    if (!device.record.isPresent) return;
    const { around, releasePeer, restartPeer } = this.#parts;
    const { record } = device;
    record.isPresent = false;
    this.#present--;
    this.#addresses.remove(record.address);
    entry.presence = undefined;
    entry.timer?.cancel();
    entry.isClaimed = false;
    this.#byAddress.delete(peerKey(record.address, record.port));
    restartPeer(record.address, record.port);
    releasePeer(record.address, record.port);
    around.metrics.withdrawn(reason);
    around.logger.info("device withdrawn", { device: device.name, nodeId: device.nodeId, reason });
    if (isElsewhere) presence?.vanish();
    else await presence?.leave();
    await device.dismiss();
    await device.saveSoon();
  }

  /** Opens the former port of a device, or the next free one. */
  async #openSomewhere(entry: Entry): Promise<void> {
    const { firstAgentPort, maxDevices } = this.#parts.limits;
    const candidates = agentPorts(
      entry.device.record.agentPort,
      firstAgentPort === 0 ? undefined : { first: firstAgentPort, count: 2 * maxDevices },
      this.#ports,
    );
    let last: unknown = new Error("every port of the range belongs to a device");
    for (const port of candidates) {
      try {
        await this.#open(entry, port);
        return;
      } catch (error) {
        last = error;
      }
    }
    this.#parts.around.logger.error("no agent port for a device", { reason: reasonOf(last) });
    throw new RegistrationRefusal(
      SERVICE_UNAVAILABLE,
      "EDGELESS_CANNOT_BIND",
      "the gateway has no agent port left",
      RETRY_SECONDS,
    );
  }

  async #open(entry: Entry, port: number): Promise<void> {
    const { device } = entry;
    const { record } = device;
    entry.presence = await this.#parts.open(device, port);
    this.#ports.add(record.agentPort);
    record.isPresent = true;
    this.#present++;
    this.#addresses.add(record.address);
    this.#byAddress.set(peerKey(record.address, record.port), entry);
    this.#parts.keepPeer(record.address, record.port);
    this.#watch(entry);
  }

  /** Two devices cannot be at one address: the newer one is there. */
  #move(entry: Entry, address: string, port: number, hasRebooted: boolean): void {
    const { releasePeer, keepPeer, restartPeer } = this.#parts;
    const { record } = entry.device;
    const key = peerKey(address, port);
    const formerKey = peerKey(record.address, record.port);
    const holder = this.#byAddress.get(key);
    if (holder !== undefined && holder !== entry) this.#withdrawSoon(holder.device, "address taken");
    if (formerKey !== key) {
      if (this.#byAddress.get(formerKey) === entry) this.#byAddress.delete(formerKey);
      releasePeer(record.address, record.port);
      restartPeer(record.address, record.port);
    } else if (hasRebooted) restartPeer(address, port);
    if (record.isPresent) {
      this.#addresses.remove(record.address);
      this.#addresses.add(address);
    }
    record.address = address;
    record.port = port;
    if (!record.isPresent) return;
    this.#byAddress.set(key, entry);
    keepPeer(address, port);
  }

  /** Any datagram of a device proves that it lives; silence for its lifetime means that it is gone. */
  #watch(entry: Entry): void {
    const { clock } = this.#parts.around;
    entry.timer?.cancel();
    if (this.#isClosed) return;
    const { device } = entry;
    const leftMs = entry.lastHeardMs + device.record.lifetimeSeconds * 1000 - clock.monotonicMs();
    if (leftMs <= 0) {
      this.#withdrawSoon(device, "missed its refresh", entry.isClaimed);
      return;
    }
    entry.timer = clock.setTimer(leftMs, () => this.#watch(entry));
  }

  /** A device was asked what it runs: it obeys this gateway or another one. */
  #answered(entry: Entry, isOurs: boolean): void {
    if (isOurs) this.#unclaim(entry);
    else this.#withdrawSoon(entry.device, "moved", true);
  }

  #unclaim(entry: Entry): void {
    if (!entry.isClaimed) return;
    entry.isClaimed = false;
    entry.presence?.renew();
  }

  #withdrawSoon(device: Device, reason: string, isElsewhere = false): void {
    this.withdraw(device, reason, isElsewhere).catch((error: unknown) => {
      const fields = { device: device.name, reason: reasonOf(error) };
      this.#parts.around.logger.error("a device could not be withdrawn", fields);
    });
  }

  #freeName(registration: Registration, nodeId: Uuid): string {
    const wanted =
      registration.name === "" ? `${registration.board}-${nodeId.slice(0, 8)}` : registration.name;
    const holder = this.#names.get(wanted);
    return holder === undefined || holder === nodeId ? wanted : `${wanted}-${nodeId}`;
  }

  #setName(record: DeviceRecord, name: string): void {
    if (this.#names.get(record.name) === record.nodeId) this.#names.delete(record.name);
    record.name = name;
    this.#names.set(name, record.nodeId);
  }

  #freeLocation(): number {
    while (this.#byLocation.has(this.#lowestLocation)) this.#lowestLocation++;
    return this.#lowestLocation;
  }

  #remove(device: Device): void {
    const { nodeId, record } = device;
    device.close();
    this.#entries.delete(nodeId);
    this.#byLocation.delete(record.location);
    this.#lowestLocation = Math.min(this.#lowestLocation, record.location);
    if (this.#names.get(record.name) === nodeId) this.#names.delete(record.name);
    this.#ports.delete(record.agentPort);
  }

  /** Makes room for a device that was never here: of those that are gone, those without state or a given name go first. */
  #forgetOldest(): void {
    let gone = 0;
    let bare = 0;
    let oldest: Device | undefined;
    for (const { device } of this.#entries.values()) {
      // Without a nonce it is about to register for the first time.
      if (device.record.isPresent || device.record.nonce === 0n) continue;
      gone++;
      if (!device.isWorthKeeping) bare++;
      if (oldest === undefined || isSoonerForgotten(device, oldest)) oldest = device;
    }
    if (oldest === undefined || (bare < MOST_BARE && gone < this.#parts.limits.maxDevices)) return;
    this.#remove(oldest);
    void this.#parts.around.saved.owe([change.noDevice(oldest.nodeId)]);
  }
}

function isSoonerForgotten(device: Device, other: Device): boolean {
  if (device.isWorthKeeping !== other.isWorthKeeping) return other.isWorthKeeping;
  return device.record.lastSeenMs < other.record.lastSeenMs;
}

/** Ports to try for a device: the former one, then those of the range that no device has, or 0 for any. */
function agentPorts(
  former: number,
  range: { readonly first: number; readonly count: number } | undefined,
  taken: ReadonlySet<number>,
): number[] {
  const ports = former === 0 ? [] : [former];
  if (range === undefined) return [...ports, 0];
  for (let port = range.first; port < range.first + range.count && ports.length < MOST_PORTS_TRIED; port++)
    if (!taken.has(port)) ports.push(port);
  return ports;
}
