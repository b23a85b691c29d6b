import { type ResourceLimits, Worker } from "node:worker_threads";

/** How a thread is started. */
export interface ThreadOptions {
  /** For people who look at the process. */
  readonly name: string;
  readonly resourceLimits?: ResourceLimits;
  readonly workerData?: unknown;
}

/**
 * Starts a thread that runs a module of the caller, in whichever form the caller itself runs: compiled or from source.
 * @param caller `import.meta.url` of the caller
 * @param program the module as the caller would import it, without its extension: `./image-worker`
 */
export function openThread(caller: string, program: string, options: ThreadOptions): Worker {
  const isSource = caller.endsWith(".ts");
  const url = new URL(`${program}${isSource ? ".ts" : ".js"}`, caller);
  // Whatever the process loads beside its program takes time and memory of the thread, and is of no use there.
  return new Worker(isSource ? sourceProgram(url) : url, { ...options, execArgv: [] });
}

/** A thread does not inherit the loader that reads TypeScript: this program installs it first. */
function sourceProgram(url: URL): URL {
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const code = `import { register } from ${loader}; register(); await import(${JSON.stringify(url.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
