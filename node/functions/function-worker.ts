import { parentPort, workerData } from "node:worker_threads";
import type { LogFields, Logger, LogLevel } from "../../core/log.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { BatchChannel, type Frame } from "./batch-channel.js";
import { capacityFor, payloadLength } from "./event-size.js";
import { FunctionHost } from "./function-host.js";
import { idBytes } from "./id-bytes.js";
import { instantiatePrepared } from "./instantiate-prepared.js";
import { StateFolder } from "./state-folder.js";
import { isOptional, recordTelemetry, textOf } from "./telemetry-record.js";
import type { FromWorker, ToWorker, WorkerData } from "./worker-messages.js";

/*
 * Program of a worker thread: one host of function instances, joined to the node's thread by batches of messages.
 */

/** Most items that may wait for the node's thread when one more measurement or log line is added. */
const REPORT_CAPACITY = 2000;
/** Least milliseconds between two remarks on lost measurements. */
const REMARK_INTERVAL_MS = 10_000;

function run(data: WorkerData, post: (frame: Frame<FromWorker>) => void): (frame: Frame<ToWorker>) => void {
  const channel = new BatchChannel<FromWorker, ToWorker>(
    post,
    (message) => receive(message),
    systemClock,
    data.settings.maxWaitingText,
  );
  const running = new Uint8Array(data.running);
  const remark = (level: LogLevel, message: string, fields: LogFields) => {
    channel.offerReport({ type: "log", level, message, fields }, REPORT_CAPACITY, message.length);
  };
  const log = (level: LogLevel) => (message: string, fields?: LogFields) =>
    remark(level, message, fields ?? {});
  const logger: Logger = {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
    debug: log("debug"),
    trace: log("trace"),
  };
  let lost = 0;
  let remarkedMs = Number.NEGATIVE_INFINITY;
  const telemetry = recordTelemetry((record) => {
    if (!isOptional(record)) {
      channel.send({ type: "telemetry", record });
      return;
    }
    if (channel.offerReport({ type: "telemetry", record }, REPORT_CAPACITY, textOf(record))) return;
    lost++;
    if (systemClock.monotonicMs() - remarkedMs < REMARK_INTERVAL_MS) return;
    remarkedMs = systemClock.monotonicMs();
    channel.send({
      type: "log",
      level: "warn",
      message: "measurements and log lines of functions were lost: they come faster than the node takes them",
      fields: { lost },
    });
  });
  const host = new FunctionHost({
    nodeId: data.nodeId,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    logger,
    settings: data.settings,
    states: new StateFolder(data.stateFolder, logger),
    instantiate: instantiatePrepared,
    reports: {
      initialised: (functionId) => channel.send({ type: "initialised", functionId }),
      ended: (end) => channel.send({ type: "ended", end }),
      send(event) {
        const capacity = capacityFor(event, data.settings.workerQueueCapacity);
        if (channel.offerEvent({ type: "event", event }, capacity, payloadLength(event.data))) return;
        telemetry.dropped("worker-queue-full", 1, event.source.functionId);
        const answer = errorAnswer(event);
        if (answer !== undefined) host.deliver(answer);
      },
    },
    onTurn(functionId) {
      if (functionId === undefined) running.fill(0);
      else running.set(idBytes(functionId));
    },
  });
  const receive = (message: ToWorker): void => {
    if (message.type === "event") host.deliver(message.event);
    else if (message.type === "start") host.start(message.start);
    else if (message.type === "stop") host.stop(message.functionId);
    else host.patch(message.functionId, message.outputs);
  };
  return (frame) => channel.take(frame);
}

if (parentPort !== null) {
  const port = parentPort;
  // Both values come from the worker link of this project, which gives them these types.
  const take = run(workerData as WorkerData, (frame) => port.postMessage(frame));
  port.on("message", (frame: Frame<ToWorker>) => take(frame));
}
