import { Counter, Gauge, Registry } from "prom-client";
import type { Clock } from "../../core/clock.js";
import { timestampFromMs } from "../../core/event.js";
import { NO_SAMPLES, type PerformanceSamples, type Sample } from "../../core/samples.js";
import type { Uuid } from "../../core/uuid.js";
import type { MetricsPage } from "../../platform/metrics-server.js";
import type { Role } from "./half-request.js";

/** Most durations kept between two reports. */
const MOST_SAMPLES = 10_000;

/** What an ε-BAL measures: durations for the reports to the local ε-ORC, counts for the metrics page. */
export class BridgeMeter implements MetricsPage {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #isSampling: boolean;
  readonly #forwarded: Counter;
  readonly #lost: Counter;
  #samples = 0;
  #transferTimes = new Map<Uuid, Sample[]>();
  #executionTimes = new Map<Uuid, Sample[]>();

  /** @param isSampling whether durations are kept for the reports */
  constructor(nodeId: Uuid, clock: Clock, isSampling: boolean) {
    this.#clock = clock;
    this.#isSampling = isSampling;
    this.#registry.setDefaultLabels({ node_id: nodeId });
    const registers = [this.#registry];
    this.#forwarded = new Counter({
      name: "edgeless_bridge_events_forwarded_total",
      help: "Events carried over: sink into the portal, source out of it.",
      labelNames: ["role", "type"],
      registers,
    });
    this.#lost = new Counter({
      name: "edgeless_bridge_events_lost_total",
      help: "Events that could not be carried over or delivered.",
      labelNames: ["reason"],
      registers,
    });
  }

  /** Adds figures that are read when the page is. */
  watch(read: () => { readonly bridges: number; readonly events: number; readonly calls: number }): void {
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        ...{ name, help, registers: [this.#registry] },
        collect() {
          this.set(value());
        },
      });
    gauge("edgeless_bridges", "Bridges with at least one half.", () => read().bridges);
    gauge("edgeless_bridge_events_waiting", "Events that wait for the other end.", () => read().events);
    gauge("edgeless_bridge_calls_waiting", "Calls that wait for their answer.", () => read().calls);
  }

  forwarded(role: Role, type: string): void {
    this.#forwarded.inc({ role, type });
  }

  lost(reason: string, count: number): void {
    this.#lost.inc({ reason }, count);
  }

  /** Notes how long an event was on its way to a bridge. @param id of the local half */
  transferred(id: Uuid, seconds: number): void {
    this.#sample(this.#transferTimes, id, seconds);
  }

  /** Notes how long it took to carry an event over. @param id of the local half */
  executed(id: Uuid, seconds: number): void {
    this.#sample(this.#executionTimes, id, seconds);
  }

  /** Takes the durations out. */
  drain(): PerformanceSamples {
    const samples = {
      ...NO_SAMPLES,
      transferTimes: this.#transferTimes,
      executionTimes: this.#executionTimes,
    };
    this.#transferTimes = new Map();
    this.#executionTimes = new Map();
    this.#samples = 0;
    return samples;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #sample(series: Map<Uuid, Sample[]>, id: Uuid, seconds: number): void {
    if (!this.#isSampling) return;
    if (this.#samples++ >= MOST_SAMPLES) {
      this.lost("sample", 1);
      return;
    }
    const sample = { time: timestampFromMs(this.#clock.wallMs()), seconds };
    const known = series.get(id);
    if (known === undefined) series.set(id, [sample]);
    else known.push(sample);
  }
}
