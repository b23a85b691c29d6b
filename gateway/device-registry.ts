import type { Registration } from "../coap-api/operations/register.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { Uuid } from "../core/uuid.js";
import { randomUint64 } from "../platform/system-random.js";
import { AddressCounts } from "./address-counts.js";
import { AgentPorts } from "./agent-ports.js";
import { Device, type DeviceSurroundings } from "./device.js";
import { DeviceDirectory } from "./device-directory.js";
import { type DeviceRecord, factsOf, sameFacts } from "./device-record.js";
import { probeDevice } from "./probe-device.js";
import { createRegisteredDevice, type OpenPresence, type RegisteredDevice } from "./registered-device.js";
import { RegistrationPace } from "./registration-pace.js";
import {
  checkRoom,
  checkTerms,
  closing,
  noPort,
  notStored,
  type RegistryLimits,
  tooMany,
  twin,
} from "./registration-terms.js";
import type { SavedDevice } from "./saved-devices.js";
import { change } from "./saved-devices.js";

/** What a {@link DeviceRegistry} works with. */
export interface RegistryParts {
  readonly around: DeviceSurroundings;
  readonly limits: RegistryLimits;
  /** Reports to the ε-ORC that wait for their turn. */
  readonly backlog: () => number;
  readonly open: (device: Device, port: number) => Promise<OpenPresence>;
  /** An address belongs to a device from now on, or no longer. */
  readonly keepPeer: (address: string, port: number) => void;
  readonly releasePeer: (address: string, port: number) => void;
  /** A device started anew at an address: nothing under way there is valid. */
  readonly restartPeer: (address: string, port: number) => void;
}

/** Devices that register at a time, those that wait for the ε-ORC included. */
const REGISTER_AT_A_TIME = 64;
/** A refusal by the ε-ORC that lasts so long is no passing one, milliseconds. */
const REFUSED_MS = 5_000;

/** The devices of a gateway: from their registration to the refresh that they miss, by id, location, address and name. */
export class DeviceRegistry {
  readonly #parts: RegistryParts;
  readonly #directory = new DeviceDirectory();
  readonly #addresses = new AddressCounts();
  readonly #ports: AgentPorts;
  readonly #pace = new RegistrationPace(REGISTER_AT_A_TIME);
  #present = 0;
  #isClosed = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    const { firstAgentPort, maxDevices } = parts.limits;
    this.#ports = new AgentPorts(firstAgentPort, 2 * maxDevices - 1);
  }

  /** All devices that are known, also those that are gone. */
  get devices(): Device[] {
    return this.#directory.all.map(({ device }) => device);
  }

  /** How many are registered now. */
  get present(): number {
    return this.#present;
  }

  find(nodeId: Uuid): Device | undefined {
    return this.#directory.find(nodeId)?.device;
  }

  /** The device with this id if it is registered here, and nowhere else since. */
  findPresent(nodeId: Uuid): Device | undefined {
    const entry = this.#directory.find(nodeId);
    return entry?.device.record.isPresent === true && !entry.isClaimed ? entry.device : undefined;
  }

  /** The registered device at an address. */
  findAt(address: string, port: number): Device | undefined {
    return this.#directory.findAt(address, port)?.device;
  }

  /** A datagram came from an address: the device there lives. */
  heardFrom(address: string, port: number): void {
    const entry = this.#directory.findAt(address, port);
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
    checkTerms(registration, lifetimeSeconds, this.#parts.limits);
    const known = this.#directory.find(nodeId);
    if (known !== undefined) await this.#refuseTwin(known, registration, address, port);
    // A node that is opened behind the back of `close` would never end.
    if (this.#isClosed) throw closing();
    // Who is registered already costs little.
    const isPaced = known?.device.record.isPresent !== true;
    if (isPaced) this.#begin();
    const entry = this.#directory.find(nodeId) ?? this.#create(nodeId, registration, address, port);
    const work = entry.work.then(() => this.#admit(entry, lifetimeSeconds, registration, address, port));
    entry.work = work.catch(() => undefined);
    try {
      await work;
    } catch (error) {
      // What was never registered must not push out what was.
      if (entry.device.record.nonce === 0n) this.#remove(entry.device);
      throw error;
    } finally {
      if (isPaced) this.#pace.end(this.#parts.around.clock.monotonicMs());
    }
    return entry.device;
  }

  #begin(): void {
    const { around, backlog } = this.#parts;
    const waitS = this.#pace.begin(around.clock.monotonicMs(), backlog());
    if (waitS !== undefined) throw tooMany(waitS);
  }

  /**
   * A device leaves, or missed its refresh: its virtual node goes, and what should run on it is dropped.
   * @param isElsewhere another gateway has its node now, so the ε-ORC is not told that it leaves
   */
  async withdraw(device: Device, reason: string, isElsewhere = false): Promise<void> {
    const entry = this.#directory.find(device.nodeId);
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
    const entry = this.#directory.find(nodeId);
    if (entry?.device.record.isPresent !== true || entry.isClaimed) return;
    entry.isClaimed = true;
    entry.presence?.pause();
    entry.device.plan.isDoubtful = true;
    entry.device.wake();
  }

  /** Gives a device a name of a person's choice. @throws EdgelessError EDGELESS_REJECTED when it is taken */
  async rename(device: Device, name: string): Promise<void> {
    const holder = this.#directory.holderOf(name);
    if (holder === device.nodeId) return;
    if (holder !== undefined)
      throw new EdgelessError("EDGELESS_REJECTED", `the name "${name}" belongs to device ${holder}`);
    this.#directory.setName(device.record, name);
    device.record.isNamed = true;
    await device.save();
    this.#directory.find(device.nodeId)?.presence?.renew();
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
    const { all } = this.#directory;
    for (const { timer } of all) timer?.cancel();
    await Promise.all(all.map(({ work }) => work));
    if (farewell) await Promise.all(all.map(({ presence }) => presence?.leave()));
    for (const { presence, device } of all) {
      presence?.abandon();
      device.close();
    }
  }

  #create(nodeId: Uuid, registration: Registration, address: string, port: number): RegisteredDevice {
    const { around } = this.#parts;
    this.#forgetOldest();
    const record: DeviceRecord = {
      nodeId,
      name: this.#directory.freeName(registration, nodeId),
      isNamed: false,
      location: this.#directory.freeLocation(),
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

  #add(device: Device): RegisteredDevice {
    const entry = createRegisteredDevice(device, this.#parts.around.clock.monotonicMs());
    device.onAnswer = (isOurs) => this.#answered(entry, isOurs);
    this.#directory.add(entry);
    this.#ports.take(device.record.agentPort);
    return entry;
  }

  async #admit(
    entry: RegisteredDevice,
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
    if (isFresh) checkRoom({ everywhere: this.#present, there: this.#addresses.of(address) }, limits);
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
        this.#directory.setName(record, this.#directory.freeName(registration, record.nodeId));
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
  async #refuseTwin(
    entry: RegisteredDevice,
    registration: Registration,
    address: string,
    port: number,
  ): Promise<void> {
    const { record } = entry.device;
    const isHere = record.address === address && record.port === port;
    if (!record.isPresent || !entry.isHeard || isHere || record.bootNonce === registration.bootNonce) return;
    // One question for however many ask.
    entry.probe ??= probeDevice(record, this.#parts.around).finally(() => {
      entry.probe = undefined;
    });
    if (await entry.probe) throw twin();
  }

  /** A device is registered when that is written down, else not at all. */
  async #save(entry: RegisteredDevice, isFresh: boolean): Promise<void> {
    try {
      await entry.device.save();
    } catch (error) {
      this.#parts.around.logger.error("a device could not be stored", { reason: reasonOf(error) });
      if (isFresh) await this.#dismiss(entry, "not stored");
      throw notStored(error);
    }
  }

  async #dismiss(entry: RegisteredDevice, reason: string, isElsewhere = false): Promise<void> {
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
    this.#directory.unsettle(entry);
    // Another device may be at its address by now.
    if (this.#directory.findAt(record.address, record.port) === undefined) {
      restartPeer(record.address, record.port);
      releasePeer(record.address, record.port);
    }
    around.metrics.withdrawn(reason);
    around.logger.info("device withdrawn", { device: device.name, nodeId: device.nodeId, reason });
    if (isElsewhere) presence?.vanish();
    else await presence?.leave();
    await device.dismiss();
    await device.saveSoon();
  }

  /** Opens the former port of a device, or the next free one. */
  async #openSomewhere(entry: RegisteredDevice): Promise<void> {
    let last: unknown = new Error("every port of the range belongs to a device");
    for (const port of this.#ports.candidates(entry.device.record.agentPort)) {
      try {
        await this.#open(entry, port);
        return;
      } catch (error) {
        last = error;
      }
    }
    this.#parts.around.logger.error("no agent port for a device", { reason: reasonOf(last) });
    throw noPort();
  }

  async #open(entry: RegisteredDevice, port: number): Promise<void> {
    const { device } = entry;
    const { record } = device;
    entry.presence = await this.#parts.open(device, port);
    this.#ports.take(record.agentPort);
    record.isPresent = true;
    this.#present++;
    this.#addresses.add(record.address);
    this.#directory.settle(entry);
    this.#parts.keepPeer(record.address, record.port);
    this.#watch(entry);
  }

  /** Two devices cannot be at one address: the newer one is there. */
  #move(entry: RegisteredDevice, address: string, port: number, hasRebooted: boolean): void {
    const { releasePeer, keepPeer, restartPeer } = this.#parts;
    const { record } = entry.device;
    const isElsewhere = record.address !== address || record.port !== port;
    const holder = this.#directory.findAt(address, port);
    if (holder !== undefined && holder !== entry) this.#withdrawSoon(holder.device, "address taken");
    if (isElsewhere) {
      this.#directory.unsettle(entry);
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
    this.#directory.settle(entry);
    keepPeer(address, port);
  }

  /** Any datagram of a device proves that it lives; silence for its lifetime means that it is gone. */
  #watch(entry: RegisteredDevice): void {
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
  #answered(entry: RegisteredDevice, isOurs: boolean): void {
    if (isOurs) this.#unclaim(entry);
    else this.#withdrawSoon(entry.device, "moved", true);
  }

  #unclaim(entry: RegisteredDevice): void {
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

  #remove(device: Device): void {
    device.close();
    this.#directory.remove(device);
    this.#ports.release(device.record.agentPort);
  }

  /** Makes room for a device that was never here. */
  #forgetOldest(): void {
    const oldest = this.#directory.surplus(this.#parts.limits.maxDevices);
    if (oldest === undefined) return;
    this.#remove(oldest);
    void this.#parts.around.saved.owe([change.noDevice(oldest.nodeId), change.noUpdate(oldest.nodeId)]);
  }
}
