import type { Clock } from "../../core/clock.js";
import type { Logger, LogLevel } from "../../core/log.js";
import { NO_SAMPLES, type PerformanceSamples } from "../../core/samples.js";
import type { Uuid } from "../../core/uuid.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import type { MetricsPage } from "../../platform/metrics-server.js";
import { PrometheusMetrics } from "./prometheus-metrics.js";
import { SampleBuffer } from "./sample-buffer.js";
import type { DropReason, ExitStatus, Telemetry } from "./telemetry.js";

/** What a {@link NodeTelemetry} works with. */
export interface NodeTelemetryParts {
  readonly nodeId: Uuid;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True: keep samples for the reports to the ε-ORC. */
  readonly performanceSamples: boolean;
}

/** Hands what instances report to the metrics page, the reports to the ε-ORC and the log. */
export class NodeTelemetry implements Telemetry {
  readonly #logger: Logger;
  readonly #samples: SampleBuffer | undefined;
  readonly #metrics: PrometheusMetrics;

  constructor({ nodeId, clock, logger, performanceSamples }: NodeTelemetryParts) {
    this.#logger = logger;
    this.#samples = performanceSamples ? new SampleBuffer(clock) : undefined;
    this.#metrics = new PrometheusMetrics(nodeId, () => this.#samples?.dropped ?? 0);
  }

  /** The page for `startMetricsServer`. */
  get page(): MetricsPage {
    return this.#metrics;
  }

  /** Takes out what was measured since the last time; nothing unless samples are wanted. */
  drain(): PerformanceSamples {
    return this.#samples?.drain() ?? NO_SAMPLES;
  }

  /** Counts what goes out through `send`. */
  counting(send: SendEvent): SendEvent {
    return (event) => {
      this.#metrics.sent(event);
      send(event);
    };
  }

  accepted(id: Uuid, kind: string, className: string): void {
    this.#metrics.accepted(id, kind, className);
  }

  released(id: Uuid): void {
    this.#metrics.released(id);
  }

  instantiated(id: Uuid, kind: string, seconds: number): void {
    this.#metrics.instantiated(id, kind);
    this.#samples?.add("instantiateTimes", id, seconds);
    this.#logger.debug("instance created", { instance: id, kind, seconds });
  }

  initialised(id: Uuid, kind: string, seconds: number): void {
    this.#samples?.add("initTimes", id, seconds);
    this.#logger.debug("instance initialised", { instance: id, kind, seconds });
  }

  transferred(id: Uuid, kind: string, seconds: number): void {
    this.#metrics.transferred(id, kind, seconds);
    this.#samples?.add("transferTimes", id, seconds);
  }

  executed(id: Uuid, kind: string, event: "cast" | "call", seconds: number): void {
    this.#metrics.executed(id, kind, event, seconds);
    this.#samples?.add("executionTimes", id, seconds);
  }

  stopped(id: Uuid, kind: string, seconds: number): void {
    this.#samples?.add("stopTimes", id, seconds);
    this.#logger.debug("instance stopped", { instance: id, kind, seconds });
  }

  exited(id: Uuid, kind: string, status: ExitStatus): void {
    this.#metrics.exited(id);
    this.#logger.debug("instance ended", { instance: id, kind, status });
  }

  logged(id: Uuid, level: LogLevel, target: string, message: string): void {
    this.#samples?.addLog(id, target, message);
    this.#logger[level](`${target}: ${message}`, { instance: id });
  }

  sent(id: Uuid, count: number): void {
    this.#metrics.sentBy(id, count);
  }

  dropped(reason: DropReason, count: number, id?: Uuid): void {
    this.#metrics.dropped(reason, count, id);
  }
}
