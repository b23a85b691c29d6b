import type { Worker } from "node:worker_threads";
import { openThread } from "../../platform/open-thread.js";
import type { WorkerData } from "./worker-messages.js";

/** Starts a thread that runs function-worker. */
export function openWorker(data: WorkerData): Worker {
  return openThread(import.meta.url, "function-worker", {
    workerData: data,
    name: "functions",
    resourceLimits: { maxOldGenerationSizeMb: data.settings.workerHeapMib },
  });
}
