import { z } from "zod";
import type { Clock, Timer } from "../core/clock.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { InstanceId } from "../core/instance-id.js";
import type { Logger } from "../core/log.js";
import type { Random } from "../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../core/retry-schedule.js";
import { requireUuid, type Uuid } from "../core/uuid.js";
import type { Store, StoreChange } from "../platform/store/store.js";
import { type DeviceRecord, formatDeviceRecord, parseDeviceRecord } from "./device-record.js";
import { type InstanceRecord, parseInstanceRecord } from "./instance-record.js";
import { OUTCOMES } from "./kept-outcomes.js";
import { uuidSchema } from "./stored-values.js";
import { formatUpdateRecord, parseUpdateRecord, type UpdateRecord } from "./update-record.js";

/** All that was kept of one device. */
export interface SavedDevice {
  readonly record: DeviceRecord;
  readonly instances: InstanceRecord[];
  /** Kept states by their key. */
  readonly states: Map<Uuid, Uint8Array>;
  references: [number, InstanceId][];
  /** The newest update of its firmware, if there was one. */
  update?: UpdateRecord;
}

/** All that a gateway kept. */
export interface SavedGateway {
  readonly devices: SavedDevice[];
  /** Images by their digests. */
  readonly images: Map<string, Uint8Array>;
  /** Images that were brought ahead of their use, by their names. */
  readonly storedImages: Map<string, Uint8Array>;
  /** What was made of modules, by the keys of the store. */
  readonly outcomes: Map<string, Uint8Array>;
  /** Invocation URLs of peers. */
  readonly peers: Map<Uuid, string>;
  /** Its own invocation URL; empty: it has not run yet. */
  invocationUrl: string;
  /** Tells the ε-ORC that the peers are those of before; undefined: it has not run yet. */
  nonce: bigint | undefined;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const OWN_URL = "invocation-url";
const STORED_IMAGES = "stored-image/";
const NONCE = "nonce";

/** Pauses before what could not be written is tried again. */
const RETRY: RetryPolicy = { initialMs: 500, factor: 2, maximumMs: 30_000, jitter: 0.2 };

/** What {@link SavedDevices} works with. */
export interface SavedDevicesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Keys and values of what a gateway keeps over its own restart. */
export class SavedDevices {
  readonly #parts: SavedDevicesParts;
  readonly #store: Store;
  readonly #schedule: RetrySchedule;
  /** What is to be written yet, the newest of each key. */
  readonly #owed = new Map<string, StoreChange>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: SavedDevicesParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#schedule = new RetrySchedule(RETRY, parts.random);
  }

  /** Changes that could not be written yet. */
  get owed(): number {
    return this.#owed.size;
  }

  /** Reads everything. @throws EdgelessError EDGELESS_STORE_BROKEN naming the record that cannot be read */
  async load(): Promise<SavedGateway> {
    const devices = new Map<string, SavedDevice>();
    const saved: SavedGateway = {
      devices: [],
      images: new Map(),
      storedImages: new Map(),
      outcomes: new Map(),
      peers: new Map(),
      invocationUrl: "",
      nonce: undefined,
    };
    for await (const [key, value] of this.#store.entries("device/")) {
      const record = readRecord(key, value, parseDeviceRecord);
      const device: SavedDevice = { record, instances: [], states: new Map(), references: [] };
      devices.set(record.nodeId, device);
      saved.devices.push(device);
    }
    for await (const [key, value] of this.#store.entries("instance/"))
      devices.get(part(key, 1))?.instances.push(readRecord(key, value, parseInstanceRecord));
    for await (const [key, value] of this.#store.entries("state/"))
      devices.get(part(key, 1))?.states.set(requireUuid(part(key, 2), key), value);
    for await (const [key, value] of this.#store.entries("references/")) {
      const device = devices.get(part(key, 1));
      if (device !== undefined) device.references = readRecord(key, value, parseReferences);
    }
    for await (const [key, value] of this.#store.entries("update/")) {
      const device = devices.get(part(key, 1));
      if (device !== undefined) device.update = readRecord(key, value, parseUpdateRecord);
    }
    for await (const [key, value] of this.#store.entries("image/")) saved.images.set(part(key, 1), value);
    for await (const [key, value] of this.#store.entries(STORED_IMAGES))
      saved.storedImages.set(part(key, 1), value);
    for await (const [key, value] of this.#store.entries(OUTCOMES)) saved.outcomes.set(key, value);
    for await (const [key, value] of this.#store.entries("peer/"))
      saved.peers.set(requireUuid(part(key, 1), key), DECODER.decode(value));
    const url = await this.#store.get(OWN_URL);
    if (url !== undefined) saved.invocationUrl = DECODER.decode(url);
    const nonce = await this.#store.get(NONCE);
    if (nonce !== undefined) saved.nonce = readRecord(NONCE, nonce, parseNonce);
    return saved;
  }

  /** Applies all changes or none; afterwards they survive `kill -9`. Rejects when they cannot be written now. */
  async write(changes: readonly StoreChange[]): Promise<void> {
    const owed = changes.map(({ key }) => [key, this.#owed.get(key)] as const);
    await this.#store.write(changes);
    for (const [key, former] of owed) if (this.#owed.get(key) === former) this.#owed.delete(key);
  }

  /** Like {@link write}, for what has happened already: what cannot be written now is tried again until it is. */
  async owe(changes: readonly StoreChange[]): Promise<void> {
    for (const one of changes) this.#owed.set(one.key, one);
    if (this.#timer === undefined && !this.#isClosed) await this.#pay();
  }

  /** Writes what is owed if it can, then closes the store. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#pay();
    await this.#store.close();
  }

  async #pay(): Promise<void> {
    this.#timer = undefined;
    const { clock, logger } = this.#parts;
    const owed = [...this.#owed.values()];
    if (owed.length === 0) return;
    try {
      await this.write(owed);
      this.#schedule.reset();
    } catch (error) {
      if (this.#schedule.failures === 0 || this.#isClosed)
        logger.error("the state of the gateway cannot be stored", {
          changes: owed.length,
          reason: reasonOf(error),
        });
      if (!this.#isClosed) this.#timer ??= clock.setTimer(this.#schedule.nextMs(), () => void this.#pay());
    }
  }
}

/** Changes of what is kept, for {@link SavedDevices.write}. */
export const change = {
  device: (record: DeviceRecord): StoreChange => put(`device/${record.nodeId}`, formatDeviceRecord(record)),
  noDevice: (nodeId: Uuid): StoreChange => ({ key: `device/${nodeId}` }),
  instance: (nodeId: Uuid, record: InstanceRecord): StoreChange =>
    put(`instance/${nodeId}/${record.functionId}`, record),
  noInstance: (nodeId: Uuid, functionId: Uuid): StoreChange => ({ key: `instance/${nodeId}/${functionId}` }),
  state: (nodeId: Uuid, stateKey: Uuid, value: Uint8Array): StoreChange => ({
    key: `state/${nodeId}/${stateKey}`,
    value,
  }),
  noState: (nodeId: Uuid, stateKey: Uuid): StoreChange => ({ key: `state/${nodeId}/${stateKey}` }),
  references: (nodeId: Uuid, entries: readonly (readonly [number, InstanceId])[]): StoreChange =>
    put(`references/${nodeId}`, entries),
  noReferences: (nodeId: Uuid): StoreChange => ({ key: `references/${nodeId}` }),
  update: (nodeId: Uuid, record: UpdateRecord): StoreChange =>
    put(`update/${nodeId}`, formatUpdateRecord(record)),
  noUpdate: (nodeId: Uuid): StoreChange => ({ key: `update/${nodeId}` }),
  image: (digest: string, value: Uint8Array): StoreChange => ({ key: `image/${digest}`, value }),
  noImage: (digest: string): StoreChange => ({ key: `image/${digest}` }),
  storedImage: (name: string, value: Uint8Array): StoreChange => ({ key: `${STORED_IMAGES}${name}`, value }),
  noStoredImage: (name: string): StoreChange => ({ key: `${STORED_IMAGES}${name}` }),
  peer: (nodeId: Uuid, url: string): StoreChange => ({ key: `peer/${nodeId}`, value: ENCODER.encode(url) }),
  invocationUrl: (url: string): StoreChange => ({ key: OWN_URL, value: ENCODER.encode(url) }),
  nonce: (nonce: bigint): StoreChange => put(NONCE, `${nonce}`),
  noPeer: (nodeId: Uuid): StoreChange => ({ key: `peer/${nodeId}` }),
};

/** Under which key the state of an instance is kept: `node-local` state outlives the instance. */
export function stateKeyOf(record: Pick<InstanceRecord, "functionId" | "statePolicy" | "stateId">): Uuid {
  return record.statePolicy === "node-local" ? record.stateId : record.functionId;
}

function put(key: string, value: unknown): StoreChange {
  return { key, value: ENCODER.encode(JSON.stringify(value)) };
}

function part(key: string, index: number): string {
  return key.split("/")[index] ?? "";
}

function readRecord<T>(key: string, value: Uint8Array, parse: (raw: unknown) => T): T {
  try {
    return parse(JSON.parse(DECODER.decode(value)));
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_STORE_BROKEN",
      `the record ${key} of the gateway cannot be read: ${reasonOf(error)}`,
      error,
    );
  }
}

const referencesSchema = z.array(
  z.tuple([z.int().min(1), z.object({ nodeId: uuidSchema, functionId: uuidSchema })]),
);

const nonceSchema = z
  .string()
  .regex(/^[0-9]{1,20}$/)
  .transform((text) => BigInt(text));

function parseNonce(raw: unknown): bigint {
  return nonceSchema.parse(raw);
}

function parseReferences(raw: unknown): [number, InstanceId][] {
  return referencesSchema.parse(raw);
}
