import type { Worker } from "node:worker_threads";
import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Clock, Timer } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { openThread } from "../../platform/open-thread.js";
import { systemClock } from "../../platform/system-clock.js";
import type { CompiledImage } from "../image/compile-image.js";
import type { TranslatedModule } from "../translate/translate.js";
import type { ImageAnswer, ImageJob, ImageResult, PrepareJob, TranslateJob } from "./image-job.js";

/** Bounds of the threads that work on images. */
export interface ImageWorkersOptions {
  /** Most threads; each is started when there is work for it. */
  readonly workers: number;
  /** Most jobs that wait for a thread. */
  readonly maxQueued: number;
  /** Longest time of one job, the start of its thread included, milliseconds. */
  readonly deadlineMs: number;
  /** JavaScript heap of one thread, MiB. */
  readonly maxMemoryMb: number;
  /** The host's own unless given. */
  readonly clock?: Clock;
}

interface Task {
  readonly job: ImageJob;
  readonly done: (result: ImageResult) => void;
  readonly failed: (error: EdgelessError) => void;
}

interface Thread {
  readonly worker: Worker;
  task: Task | undefined;
  /** Of the running job, or of the idle time. */
  timer: Timer | undefined;
}

/** After how many milliseconds without work a thread ends and gives its memory back. */
const IDLE_MS = 30_000;

/**
 * Threads that check, prepare and translate modules, because a module made to be slow takes seconds, in which the thread
 * that asks must go on. Jobs are taken in the order in which they come. One that overruns its time or its memory costs
 * its thread; the next job gets a new one.
 */
export class ImageWorkers {
  readonly #options: ImageWorkersOptions;
  readonly #clock: Clock;
  readonly #queue: BoundedQueue<Task>;
  readonly #threads = new Set<Thread>();
  #closed = false;

  constructor(options: ImageWorkersOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#queue = new BoundedQueue(options.maxQueued);
  }

  /** Jobs that wait for a thread. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Threads that are alive, idle ones included. */
  get threads(): number {
    return this.#threads.size;
  }

  /**
   * Carries a job out on one of the threads; the caller's bytes stay as they are.
   * @throws EdgelessError what `prepareImage` or `translateModule` throws, EDGELESS_REJECTED when too many jobs wait,
   * EDGELESS_TIMEOUT, EDGELESS_WASM_TOO_LARGE when the thread ran out of memory
   */
  run(job: PrepareJob): Promise<CompiledImage>;
  run(job: TranslateJob): Promise<TranslatedModule>;
  run(job: ImageJob): Promise<ImageResult> {
    return new Promise((done, failed) => {
      const task = { job, done, failed };
      if (this.#closed) {
        failed(new EdgelessError("EDGELESS_REJECTED", "the threads that prepare modules are closed"));
        return;
      }
      const thread = this.#freeThread();
      if (thread !== undefined) {
        this.#begin(thread, task);
      } else if (!this.#queue.push(task)) {
        const sentence = `${this.#options.maxQueued} modules already wait to be prepared`;
        failed(new EdgelessError("EDGELESS_REJECTED", sentence));
      }
    });
  }

  /** Ends all threads; jobs that are not done are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new EdgelessError("EDGELESS_REJECTED", "the threads that prepare modules were closed");
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      task.failed(error);
    }
    const ends = [...this.#threads].map((thread) => this.#end(thread, error));
    await Promise.all(ends);
  }

  #freeThread(): Thread | undefined {
    for (const thread of this.#threads) {
      if (thread.task === undefined) {
        return thread;
      }
    }
    return this.#threads.size < this.#options.workers ? this.#open() : undefined;
  }

  #open(): Thread {
    const { maxMemoryMb } = this.#options;
    const worker = openThread(import.meta.url, "image-thread", {
      name: "images",
      resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb },
    });
    const thread: Thread = { worker, task: undefined, timer: undefined };
    this.#threads.add(thread);
    worker.on("message", (answer: ImageAnswer) => this.#finish(thread, answer));
    worker.on("error", (error) => void this.#end(thread, faultOf(error, maxMemoryMb)));
    worker.on("exit", (code) => {
      void this.#end(thread, internal(`a thread that prepares modules ended with code ${code}`));
    });
    return thread;
  }

  #begin(thread: Thread, task: Task): void {
    const { deadlineMs } = this.#options;
    thread.timer?.cancel();
    thread.task = task;
    thread.worker.ref();
    thread.timer = this.#clock.setTimer(deadlineMs, () => {
      const sentence = `the module could not be prepared within ${deadlineMs} ms`;
      void this.#end(thread, new EdgelessError("EDGELESS_TIMEOUT", sentence));
    });
    // A copy, because the module may be a small part of a large buffer, all of which would be sent.
    const wasm = new Uint8Array(task.job.wasm);
    thread.worker.postMessage({ ...task.job, wasm }, [wasm.buffer]);
  }

  #finish(thread: Thread, answer: ImageAnswer): void {
    const { task } = thread;
    thread.timer?.cancel();
    thread.task = undefined;
    if (task === undefined || !this.#threads.has(thread)) {
      return;
    }
    this.#next(thread);
    if (answer.ok) {
      task.done(answer.result);
    } else {
      task.failed(new EdgelessError(answer.code, answer.message));
    }
  }

  #next(thread: Thread): void {
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#begin(thread, next);
      return;
    }
    thread.worker.unref();
    thread.timer = this.#clock.setTimer(IDLE_MS, () => void this.#end(thread, internal("idle")));
  }

  /** Ends a thread with the fault of its job, and gives its place to the next job that waits. */
  async #end(thread: Thread, error: EdgelessError): Promise<void> {
    if (!this.#threads.delete(thread)) {
      return;
    }
    thread.timer?.cancel();
    const next = this.#closed ? undefined : this.#queue.shift();
    if (next !== undefined) {
      this.#begin(this.#open(), next);
    }
    thread.task?.failed(error);
    await thread.worker.terminate();
  }
}

function faultOf(error: unknown, maxMemoryMb: number): EdgelessError {
  const isMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  if (!isMemory) {
    return internal(`a thread that prepares modules failed: ${reasonOf(error)}`);
  }
  const sentence = `preparing the module takes more than ${maxMemoryMb} MiB of memory`;
  return new EdgelessError("EDGELESS_WASM_TOO_LARGE", sentence);
}

function internal(sentence: string): EdgelessError {
  return new EdgelessError("EDGELESS_INTERNAL", sentence);
}
