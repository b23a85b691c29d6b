import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Event } from "../../core/event.js";
import type { Uuid } from "../../core/uuid.js";
import type { MetricsPage } from "../../platform/metrics-server.js";
import { ClassMetrics } from "./class-metrics.js";
import { InstanceSeries } from "./instance-series.js";
import { Tally } from "./tally.js";
import type { DropReason } from "./telemetry.js";

/** Upper bounds in seconds: those of the Rust node, 0.1 to 1.0, and finer and coarser ones around them. */
export const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8,
  0.9, 1, 2.5, 5, 10,
];

/** The metrics of a node in OpenMetrics text, with the names and labels of the Rust node. */
export class PrometheusMetrics implements MetricsPage {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  readonly #running = new Map<Uuid, string>();
  readonly #series = new InstanceSeries((labels) => this.#forget(labels));
  readonly #classes: ClassMetrics;
  readonly #functionCount: Gauge;
  readonly #executionTimes: Histogram;
  readonly #transferTimes: Histogram;
  readonly #eventsIn = new Tally();
  readonly #eventsOut = new Tally();
  readonly #eventsDropped = new Tally();

  /** @param samplesDropped reads how many samples did not fit into the reports so far */
  constructor(nodeId: Uuid, samplesDropped: () => number) {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#registry.setDefaultLabels({ node_id: nodeId });
    const registers = [this.#registry];
    this.#functionCount = new Gauge({
      name: "function_count",
      help: "Function instances on the node.",
      labelNames: ["function_type"],
      registers,
    });
    this.#executionTimes = new Histogram({
      name: "execution_times",
      help: "Seconds that the handling of an event took.",
      labelNames: ["function_id", "function_type", "invocation_type"],
      buckets: BUCKETS,
      registers,
    });
    this.#transferTimes = new Histogram({
      name: "transfer_times",
      help: "Seconds from the creation of an event at its sender to the start of its handling.",
      labelNames: ["function_id"],
      buckets: BUCKETS,
      registers,
    });
    const publish = (name: string, help: string, label: string, tally: Tally) =>
      this.#publish(name, help, label, () => tally.counts);
    publish("edgeless_events_in_total", "Events handed to an instance.", "function_type", this.#eventsIn);
    publish("edgeless_events_out_total", "Events that instances sent.", "event_type", this.#eventsOut);
    publish("edgeless_events_dropped_total", "Events that were lost.", "reason", this.#eventsDropped);
    const lost = () => new Map([["performance", samplesDropped()]]);
    this.#publish("edgeless_samples_dropped_total", "Samples that did not fit into a report.", "kind", lost);
    this.#classes = new ClassMetrics(this.#registry, BUCKETS);
  }

  /** An instance of a class is to live on the node; see {@link ClassMetrics}. */
  accepted(id: Uuid, functionType: string, className: string): void {
    this.#classes.accepted(id, functionType, className);
  }

  /** The instance is gone for good. */
  released(id: Uuid): void {
    this.#classes.released(id);
  }

  /** An instance is there; repeating it counts once. */
  instantiated(id: Uuid, functionType: string): void {
    this.#series.revive(id);
    if (this.#running.has(id)) return;
    this.#running.set(id, functionType);
    this.#functionCount.inc({ function_type: functionType });
  }

  /** An instance ended: its series go; only one that was counted is discounted. */
  exited(id: Uuid): void {
    const functionType = this.#running.get(id);
    if (functionType !== undefined) this.#functionCount.dec({ function_type: functionType });
    this.#running.delete(id);
    this.#series.end(id);
  }

  transferred(id: Uuid, functionType: string, seconds: number): void {
    this.#eventsIn.add(functionType, 1);
    this.#classes.received(id);
    const functionId = this.#series.use(id);
    if (functionId !== undefined) this.#transferTimes.observe({ function_id: functionId }, seconds);
  }

  executed(id: Uuid, functionType: string, event: "cast" | "call", seconds: number): void {
    this.#classes.executed(id, seconds);
    const functionId = this.#series.use(id, functionType);
    if (functionId === undefined) return;
    this.#executionTimes.observe(
      { function_id: functionId, function_type: functionType, invocation_type: INVOCATION[event] },
      seconds,
    );
  }

  /** An instance sent events. */
  sentBy(id: Uuid, count: number): void {
    this.#classes.sent(id, count);
  }

  /** An event left the run-times and resources of the node. */
  sent(event: Event): void {
    this.#eventsOut.add(event.data.type, 1);
  }

  dropped(reason: DropReason, count: number, id?: Uuid): void {
    this.#eventsDropped.add(reason, count);
    if (id !== undefined) this.#classes.dropped(id, reason, count);
  }

  async render(): Promise<string> {
    return await this.#registry.metrics();
  }

  #publish(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    const collect = () => {
      counter.reset();
      for (const [value, count] of read()) counter.inc({ [label]: value }, count);
    };
    const counter = new Counter({ name, help, labelNames: [label], registers: [this.#registry], collect });
  }

  #forget({ functionId, functionTypes }: { functionId: Uuid; functionTypes: ReadonlySet<string> }): void {
    this.#transferTimes.remove({ function_id: functionId });
    for (const functionType of functionTypes) {
      for (const invocation of Object.values(INVOCATION)) {
        const labels = { function_id: functionId, function_type: functionType, invocation_type: invocation };
        this.#executionTimes.remove(labels);
      }
    }
  }
}

/** Values of the label `invocation_type`. */
const INVOCATION = { cast: "Cast", call: "Call" } as const;
