import { Worker } from "node:worker_threads";
import type { WorkerData } from "./worker-messages.js";

/** Starts a thread that runs function-worker, in whichever form this module itself runs: compiled or from source. */
export function openWorker(data: WorkerData): Worker {
  return new Worker(import.meta.url.endsWith(".ts") ? sourceProgram() : program(".js"), {
    workerData: data,
    name: "functions",
    resourceLimits: { maxOldGenerationSizeMb: data.settings.workerHeapMib },
  });
}

function program(extension: string): URL {
  return new URL(`./function-worker${extension}`, import.meta.url);
}

/** A thread does not inherit the loader that reads TypeScript: this one installs it first. */
function sourceProgram(): URL {
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const code = `import { register } from ${loader}; register(); await import(${JSON.stringify(program(".ts").href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
