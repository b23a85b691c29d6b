import { Gauge, Histogram, Registry } from "prom-client";
import type { MetricsPage } from "./metrics-server.js";

/** Upper bounds in seconds, from a decision in memory to the longest wait for another component. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics page of a component that serves calls: how long they took, and the means to add the rest. */
export class ComponentPage implements MetricsPage {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  /** Notes a call that was served. */
  readonly served: (method: string, status: string, seconds: number) => void;

  /** @param labels of every series: which component this is */
  constructor(labels: Readonly<Record<string, string>>) {
    this.#registry.setDefaultLabels({ ...labels });
    const name = "edgeless_rpc_seconds";
    const observe = this.histogram(name, "Seconds that calls to this component took.", ["method", "status"]);
    this.served = (method, status, seconds) => observe([method, status], seconds);
  }

  /** Adds durations in seconds. @returns what notes one, with the values of the labels */
  histogram<const Labels extends readonly string[]>(
    name: string,
    help: string,
    labelNames: Labels,
  ): (labels: { readonly [Index in keyof Labels]: string }, seconds: number) => void {
    const registers = [this.#registry];
    const histogram = new Histogram({ name, help, labelNames, buckets: BUCKETS, registers });
    return (labels, seconds) => histogram.labels(...labels).observe(seconds);
  }

  /** Adds figures that are read when the page is, by the value of a label. */
  figures(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    const collect = () => {
      gauge.reset();
      for (const [value, count] of read()) gauge.set({ [label]: value }, count);
    };
    const gauge = new Gauge({ name, help, labelNames: [label], registers: [this.#registry], collect });
  }

  /** Adds one figure that is read when the page is. */
  figure(name: string, help: string, read: () => number): void {
    const registers = [this.#registry];
    const collect = () => gauge.set(read());
    const gauge: Gauge = new Gauge({ name, help, registers, collect });
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }
}
