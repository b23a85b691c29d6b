import { Counter, Gauge, Registry } from "prom-client";
import type { EndpointCounters } from "../coap-api/endpoint/counters.js";
import type { EventData } from "../core/event.js";
import type { MetricsPage } from "../platform/metrics-server.js";
import type { DropReason } from "./drop-reason.js";

/** What the metrics page asks of a gateway when it is rendered. */
export interface GatewayFigures {
  readonly present: number;
  readonly absent: number;
  /** Instances on all devices by state. */
  readonly instances: ReadonlyMap<string, number>;
  /** Events that wait for devices. */
  readonly queued: number;
  readonly images: number;
  readonly coap: EndpointCounters;
}

/** The metrics of a gateway in OpenMetrics text; no series per device, so that their number stays small. */
export class GatewayMetrics implements MetricsPage {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  /** Tells the figures that are read rather than counted. */
  figures: () => GatewayFigures | undefined = () => undefined;
  readonly #registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  readonly #events: Counter<"direction" | "kind">;
  readonly #dropped: Counter<"reason">;
  readonly #refused: Counter<"request" | "reason">;
  readonly #requests: Counter<"request">;
  readonly #commands: Counter<"command" | "outcome">;
  readonly #made: Counter<"outcome">;
  readonly #withdrawn: Counter<"reason">;
  readonly #devices: Gauge<"state">;
  readonly #instances: Gauge<"state">;
  readonly #queued: Gauge;
  readonly #images: Gauge;
  readonly #coap: Counter<"what">;
  readonly #droppedByReason = new Map<DropReason, number>();
  #taken = 0;
  #delivered = 0;

  constructor() {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const registers = [this.#registry];
    this.#events = new Counter({
      name: "edgeless_gateway_events",
      help: "Events taken from devices (up) and delivered to devices (down).",
      labelNames: ["direction", "kind"],
      registers,
    });
    this.#dropped = new Counter({
      name: "edgeless_gateway_events_dropped",
      help: "Events that were lost on their way from or to a device, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#requests = new Counter({
      name: "edgeless_gateway_requests",
      help: "CoAP requests of devices, by path.",
      labelNames: ["request"],
      registers,
    });
    this.#refused = new Counter({
      name: "edgeless_gateway_requests_refused",
      help: "CoAP requests that were refused, by path and reason.",
      labelNames: ["request", "reason"],
      registers,
    });
    this.#commands = new Counter({
      name: "edgeless_gateway_commands",
      help: "Requests that change or ask what runs on a device, by their outcome.",
      labelNames: ["command", "outcome"],
      registers,
    });
    this.#made = new Counter({
      name: "edgeless_gateway_modules_checked",
      help: "Modules that were checked, and translated if need be, by what came of it.",
      labelNames: ["outcome"],
      registers,
    });
    this.#withdrawn = new Counter({
      name: "edgeless_gateway_devices_withdrawn",
      help: "Devices that were withdrawn from the domain, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#devices = new Gauge({
      name: "edgeless_gateway_devices",
      help: "Devices that are registered (present) or known (absent).",
      labelNames: ["state"],
      registers,
    });
    this.#instances = new Gauge({
      name: "edgeless_gateway_instances",
      help: "Functions and resources that should run on devices, by state.",
      labelNames: ["state"],
      registers,
    });
    this.#queued = new Gauge({
      name: "edgeless_gateway_queued_events",
      help: "Events that wait for devices.",
      registers,
    });
    this.#images = new Gauge({
      name: "edgeless_gateway_images",
      help: "Function images that are kept for devices.",
      registers,
    });
    this.#coap = new Counter({
      name: "edgeless_gateway_coap_messages",
      help: "What happened to CoAP messages and peers.",
      labelNames: ["what"],
      registers,
    });
  }

  event(direction: "up" | "down", kind: EventData["type"]): void {
    this.#events.inc({ direction, kind });
    if (direction === "up") this.#taken++;
    else this.#delivered++;
  }

  dropped(reason: DropReason, count: number): void {
    this.#dropped.inc({ reason }, count);
    this.#droppedByReason.set(reason, (this.#droppedByReason.get(reason) ?? 0) + count);
  }

  /** Events that were not delivered since the start, by reason. */
  get drops(): ReadonlyMap<DropReason, number> {
    return this.#droppedByReason;
  }

  /** Events that were taken from devices since the start. */
  get taken(): number {
    return this.#taken;
  }

  /** Events that devices took since the start. */
  get delivered(): number {
    return this.#delivered;
  }

  request(request: string): void {
    this.#requests.inc({ request });
  }

  refused(request: string, reason: string): void {
    this.#refused.inc({ request, reason });
  }

  command(command: string, outcome: string): void {
    this.#commands.inc({ command, outcome });
  }

  image(outcome: string): void {
    this.#made.inc({ outcome });
  }

  withdrawn(reason: string): void {
    this.#withdrawn.inc({ reason });
  }

  render(): Promise<string> {
    const figures = this.figures();
    if (figures !== undefined) this.#read(figures);
    return this.#registry.metrics();
  }

  #read(figures: GatewayFigures): void {
    this.#devices.set({ state: "present" }, figures.present);
    this.#devices.set({ state: "absent" }, figures.absent);
    this.#instances.reset();
    for (const [state, count] of figures.instances) this.#instances.set({ state }, count);
    this.#queued.set(figures.queued);
    this.#images.set(figures.images);
    this.#coap.reset();
    for (const [what, count] of Object.entries(figures.coap))
      this.#coap.inc({ what: snakeCase(what) }, count);
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
