import { Counter, Histogram, type Registry } from "prom-client";
import type { Uuid } from "../../core/uuid.js";
import { Tally } from "./tally.js";
import type { DropReason } from "./telemetry.js";

/** Classes that have series of their own; the instances of further ones share one series. */
export const MOST_CLASSES = 500;
/** Value of the label `class` of the shared series. */
export const OTHER_CLASSES = "other";

/** What one class of functions or resources did on this node. */
interface ClassCounts {
  readonly labels: { readonly class: string; readonly type: string };
  eventsIn: number;
  eventsOut: number;
  eventsFailed: number;
  readonly eventsDropped: Tally;
}

/**
 * Events and handling times per class, of instances that come and go: the label `class` is the id of the function class or
 * the class_type of the resource, `type` the function_type or again the class_type.
 */
export class ClassMetrics {
  readonly #classes = new Map<string, ClassCounts>();
  readonly #instances = new Map<Uuid, ClassCounts>();
  readonly #handling: Histogram;

  /** @param buckets upper bounds in seconds */
  constructor(registry: Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>, buckets: readonly number[]) {
    const registers = [registry];
    const labelNames = ["class", "type"];
    this.#handling = new Histogram({
      name: "edgeless_class_handling_seconds",
      help: "Seconds that instances of a class took to handle an event.",
      ...{ labelNames, registers, buckets: [...buckets] },
    });
    const publish = (name: string, help: string, read: (counts: ClassCounts) => number) => {
      const collect = () => {
        counter.reset();
        for (const counts of this.#classes.values()) counter.inc({ ...counts.labels }, read(counts));
      };
      const counter = new Counter({ name, help, labelNames, registers, collect });
    };
    const prefix = "edgeless_class_events";
    publish(`${prefix}_in_total`, "Events handed to instances of a class.", ({ eventsIn }) => eventsIn);
    publish(`${prefix}_out_total`, "Events that instances of a class sent.", ({ eventsOut }) => eventsOut);
    publish(
      `${prefix}_failed_total`,
      "Events that instances of a class took and could not handle.",
      ({ eventsFailed }) => eventsFailed,
    );
    this.#publishDropped(registry);
  }

  /** An instance of a class is to live on the node. */
  accepted(id: Uuid, type: string, className: string): void {
    this.#instances.set(id, this.#countsOf(type, className));
  }

  /** The instance is gone for good. */
  released(id: Uuid): void {
    this.#instances.delete(id);
  }

  received(id: Uuid): void {
    const counts = this.#instances.get(id);
    if (counts !== undefined) counts.eventsIn++;
  }

  sent(id: Uuid, count: number): void {
    const counts = this.#instances.get(id);
    if (counts !== undefined) counts.eventsOut += count;
  }

  executed(id: Uuid, seconds: number): void {
    const counts = this.#instances.get(id);
    if (counts !== undefined) this.#handling.observe({ ...counts.labels }, seconds);
  }

  /** Events to or from the instance that were lost. */
  dropped(id: Uuid, reason: DropReason, count: number): void {
    const counts = this.#instances.get(id);
    if (counts === undefined) return;
    if (reason === "handler-failed") counts.eventsFailed += count;
    else counts.eventsDropped.add(reason, count);
  }

  #countsOf(type: string, className: string): ClassCounts {
    const isNew = !this.#classes.has(`${type} ${className}`);
    const labels =
      isNew && this.#classes.size >= MOST_CLASSES
        ? { class: OTHER_CLASSES, type: OTHER_CLASSES }
        : { class: className, type };
    const key = `${labels.type} ${labels.class}`;
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const counts = { labels, eventsIn: 0, eventsOut: 0, eventsFailed: 0, eventsDropped: new Tally() };
    this.#classes.set(key, counts);
    return counts;
  }

  #publishDropped(registry: Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>): void {
    const collect = () => {
      counter.reset();
      for (const { labels, eventsDropped } of this.#classes.values()) {
        for (const [reason, count] of eventsDropped.counts) counter.inc({ ...labels, reason }, count);
      }
    };
    const counter = new Counter({
      name: "edgeless_class_events_dropped_total",
      help: "Events to or from instances of a class that were lost before they were handled.",
      labelNames: ["class", "type", "reason"],
      registers: [registry],
      collect,
    });
  }
}
