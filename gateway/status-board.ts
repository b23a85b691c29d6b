import { CONTENT } from "../coap-api/coap/codes.js";
import { CBOR } from "../coap-api/coap/content-formats.js";
import type { EndpointCounters } from "../coap-api/endpoint/counters.js";
import type { Endpoint } from "../coap-api/endpoint/endpoint.js";
import { encodeGatewayStatus } from "../coap-api/operations/gateway-status.js";
import type { Clock, Timer } from "../core/clock.js";
import type { Random } from "../core/random.js";
import type { DeviceRegistry } from "./device-registry.js";
import type { DropReason } from "./drop-reason.js";
import { figuresOf } from "./gateway-figures.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import type { ImageLibrary } from "./image-library.js";
import type { StoredImages } from "./stored-images.js";

/** What a {@link StatusBoard} works with. */
export interface StatusBoardParts {
  readonly registry: DeviceRegistry;
  readonly images: ImageLibrary;
  readonly storedImages: StoredImages;
  readonly metrics: GatewayMetrics;
  readonly endpoint: Pick<Endpoint, "counters" | "notify" | "observerCount">;
  readonly clock: Clock;
  readonly random: Random;
  /** Devices that may be registered at a time. */
  readonly mostDevices: number;
}

/** Path of the status. */
const PATH = "s";
/** Observers are told of changes at most so often, milliseconds. */
const NOTICE_MS = 1_000;
/** Reasons of lost events, by the counters that devices have for theirs. */
const QUEUES: readonly DropReason[] = ["device-queue-full", "peer-queue-full"];
const ROUTES: readonly DropReason[] = [
  "unknown-route",
  "unknown-reference",
  "unknown-peer",
  "unknown-instance",
];

/** The status of a gateway, `GET /s`: read by who asks, and told to those who observe it. */
export class StatusBoard {
  readonly #parts: StatusBoardParts;
  readonly #startMs: number;
  readonly #bootNonce: number;
  /** What was so when observers were told last, without what changes all the time. */
  #told = "";
  #timer: Timer;

  constructor(parts: StatusBoardParts) {
    this.#parts = parts;
    this.#startMs = parts.clock.monotonicMs();
    this.#bootNonce = Buffer.from(parts.random.fill(new Uint8Array(4))).readUInt32BE();
    this.#timer = this.#later();
  }

  /** The payload of the answer. */
  payload(): Uint8Array {
    const { registry, images, storedImages, endpoint, clock, mostDevices } = this.#parts;
    const { present, instances, queued } = figuresOf(registry, images, endpoint.counters);
    return encodeGatewayStatus({
      freeImageBytes: storedImages.freeBytes,
      uptimeSeconds: Math.floor((clock.monotonicMs() - this.#startMs) / 1000),
      counters: this.#counters(endpoint.counters),
      bootNonce: this.#bootNonce,
      digests: storedImages.names.map((name) => Buffer.from(name, "hex")),
      devices: present,
      mostDevices,
      instances: [...instances.values()].reduce((sum, count) => sum + count, 0),
      queuedEvents: queued,
    });
  }

  close(): void {
    this.#timer.cancel();
  }

  #counters(coap: EndpointCounters): number[] {
    const { drops, taken, delivered } = this.#parts.metrics;
    const sumOf = (reasons: readonly DropReason[]) =>
      reasons.reduce((sum, reason) => sum + (drops.get(reason) ?? 0), 0);
    const queueFull = sumOf(QUEUES);
    const noRoute = sumOf(ROUTES);
    const others = sumOf([...drops.keys()]) - queueFull - noRoute;
    return [taken, delivered, queueFull, noRoute, others, coap.malformed, coap.duplicates, coap.timeouts];
  }

  #later(): Timer {
    return this.#parts.clock.setTimer(NOTICE_MS, () => {
      this.#timer = this.#later();
      this.#notify();
    });
  }

  #notify(): void {
    const { registry, storedImages, endpoint } = this.#parts;
    const instances = registry.devices.reduce((sum, { plan }) => sum + plan.size, 0);
    const now = `${registry.present} ${instances} ${storedImages.names}`;
    if (now === this.#told) return;
    this.#told = now;
    if (endpoint.observerCount() > 0) endpoint.notify(PATH, CONTENT, this.payload(), { contentFormat: CBOR });
  }
}
