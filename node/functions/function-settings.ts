/** Limits of the function run-time. */
export interface FunctionSettings {
  /** Worker threads that run functions; 0: on the node's own thread, where an endless handler stalls the node. */
  readonly threads: number;
  /** Most instances at a time. */
  readonly maxInstances: number;
  /** Largest accepted wasm module, bytes. */
  readonly maxModuleBytes: number;
  /** Most linear memory of one instance, MiB. */
  readonly maxMemoryMib: number;
  /** Longest run time of one handler, milliseconds; waiting in a call does not count. */
  readonly maxRunTimeMs: number;
  /** After how many milliseconds a call without an answer fails. */
  readonly callTimeoutMs: number;
  /** Most events that wait for one instance. */
  readonly mailboxCapacity: number;
  /** Most text that waits on one thread, in mailboxes, for its time and for another thread each; characters. */
  readonly maxWaitingText: number;
  /** Most delayed casts of one instance that have not been sent yet. */
  readonly maxTimers: number;
  /** Most events on their way between two threads, in each direction. */
  readonly workerQueueCapacity: number;
  /** After how many milliseconds without a sign of life a worker thread is replaced. */
  readonly workerTimeoutMs: number;
  /** JavaScript heap of one worker thread, MiB; the linear memories of functions are not part of it. */
  readonly workerHeapMib: number;
}

export const DEFAULT_FUNCTION_SETTINGS: FunctionSettings = {
  threads: 1,
  maxInstances: 4000,
  maxModuleBytes: 8 * 1024 * 1024,
  maxMemoryMib: 64,
  maxRunTimeMs: 1000,
  callTimeoutMs: 30_000,
  mailboxCapacity: 1000,
  maxWaitingText: 64 * 1024 * 1024,
  maxTimers: 1000,
  workerQueueCapacity: 10_000,
  workerTimeoutMs: 10_000,
  workerHeapMib: 256,
};
