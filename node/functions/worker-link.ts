import type { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import { NIL_UUID, type Uuid, uuidFromBytes } from "../../core/uuid.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { BatchChannel, type Frame } from "./batch-channel.js";
import { capacityFor, payloadLength } from "./event-size.js";
import type { FunctionSettings } from "./function-settings.js";
import type { HostPort } from "./host-port.js";
import type { InstanceStart } from "./instance-environment.js";
import type { OwnerReports } from "./instance-supervisor.js";
import { replayTelemetry } from "./telemetry-record.js";
import type { FromWorker, ToWorker, WorkerData } from "./worker-messages.js";

/** What a {@link WorkerLink} works with. */
export interface WorkerLinkParts {
  readonly nodeId: Uuid;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly settings: FunctionSettings;
  readonly stateFolder: string;
  readonly reports: OwnerReports;
  readonly open: (data: WorkerData) => Worker;
}

const HEARTBEAT_MS = 1000;

/**
 * The node's end of a worker thread that hosts function instances. A thread that ends, or gives no sign of life for
 * too long, is terminated and reported as lost.
 */
export class WorkerLink implements HostPort {
  readonly #parts: WorkerLinkParts;
  readonly #worker: Worker;
  readonly #channel: BatchChannel<ToWorker, FromWorker>;
  readonly #running = new SharedArrayBuffer(16);
  #heartbeat: Timer | undefined;
  #missedBeats = 0;
  #closed = false;

  constructor(parts: WorkerLinkParts) {
    this.#parts = parts;
    const { nodeId, settings, stateFolder, clock } = parts;
    this.#worker = parts.open({ nodeId, settings, stateFolder, running: this.#running });
    this.#channel = new BatchChannel<ToWorker, FromWorker>(
      (frame) => this.#worker.postMessage(frame),
      (message) => this.#receive(message),
      clock,
      settings.maxWaitingText,
    );
    this.#worker.on("message", (frame: Frame<FromWorker>) => {
      if (this.#closed) return;
      this.#missedBeats = 0;
      this.#channel.take(frame);
    });
    this.#worker.on("error", (error) => this.#lose(`a worker thread failed: ${reasonOf(error)}`));
    this.#worker.on("exit", (code) => this.#lose(`a worker thread ended with code ${code}`));
    this.#beat();
  }

  start(start: InstanceStart): void {
    this.#channel.send({ type: "start", start });
  }

  stop(functionId: Uuid): void {
    this.#channel.send({ type: "stop", functionId });
  }

  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void {
    this.#channel.send({ type: "patch", functionId, outputs });
  }

  deliver(event: Event): void {
    const capacity = capacityFor(event, this.#parts.settings.workerQueueCapacity);
    if (!this.#channel.offerEvent({ type: "event", event }, capacity, payloadLength(event.data)))
      this.#refuse(event, "worker-queue-full");
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#heartbeat?.cancel();
    await this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    const { reports, telemetry, logger } = this.#parts;
    if (message.type === "event") reports.send(message.event);
    else if (message.type === "telemetry") replayTelemetry(message.record, telemetry);
    else if (message.type === "initialised") reports.initialised(message.functionId);
    else if (message.type === "ended") reports.ended(message.end);
    else logger[message.level](message.message, message.fields);
  }

  #beat(): void {
    const { clock, settings } = this.#parts;
    this.#heartbeat = clock.setTimer(HEARTBEAT_MS, () => {
      // Beats are counted, not time: a node that was itself suspended must not blame its threads.
      if (this.#channel.isWaiting) this.#missedBeats++;
      const allowedMs = settings.workerTimeoutMs + settings.maxRunTimeMs;
      if (this.#missedBeats * HEARTBEAT_MS > allowedMs) {
        this.#lose(`a worker thread gave no sign of life for ${allowedMs} ms`);
        return;
      }
      this.#channel.ping();
      this.#beat();
    });
  }

  #lose(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat?.cancel();
    this.#worker.terminate().catch((error: unknown) => {
      this.#parts.logger.error("a worker thread cannot be terminated", { reason: reasonOf(error) });
    });
    const running = uuidFromBytes(new Uint8Array(this.#running));
    for (const message of this.#channel.untaken)
      if (message.type === "event") this.#refuse(message.event, "instance-stopped");
    this.#parts.reports.lost(reason, running === NIL_UUID ? undefined : running);
  }

  #refuse(event: Event, reason: "worker-queue-full" | "instance-stopped"): void {
    this.#parts.telemetry.dropped(reason, 1, event.target.functionId);
    const answer = errorAnswer(event);
    if (answer !== undefined) this.#parts.reports.send(answer);
  }
}
