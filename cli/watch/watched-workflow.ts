import { resolve } from "node:path";
import type { WorkflowApi } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import { buildFunction } from "../../toolchain/assemblyscript/build-function.js";
import { formatReport, inputsOf } from "../../toolchain/assemblyscript/build-report.js";
import { CompilerProcess } from "../../toolchain/assemblyscript/compiler-process.js";
import { sha256 } from "../../toolchain/image/digest.js";
import { accepted } from "../accepted.js";
import { readCodePaths, readWorkflow, workflowWarnings } from "../files/workflow-file.js";
import { type Output, printError } from "../output.js";
import { waitUntilRunning } from "../wait-until-running.js";
import { repeated } from "./repeat.js";
import { sourceFolder } from "./source-folder.js";
import { type FileWatch, watchFiles } from "./watch-files.js";

/** Longest that a workflow may take until all of it runs. */
const RUNNING_MS = 30_000;

/** What a {@link WatchedWorkflow} works with. */
export interface WatchedWorkflowParts {
  /** The workflow file. */
  readonly path: string;
  readonly api: WorkflowApi;
  readonly clock: Clock;
  readonly output: Output;
}

/**
 * A workflow that follows its files: functions with their source beside the module are compiled when it is saved, and
 * the workflow is replaced by a new one as soon as a module or the workflow file differs. What cannot be compiled,
 * read or started is reported, and the last good workflow runs on.
 */
export class WatchedWorkflow {
  readonly #parts: WatchedWorkflowParts;
  readonly #compiler = new CompilerProcess();
  /** Files that went into the module of a folder; empty until it was compiled. */
  readonly #inputs = new Map<string, readonly string[]>();
  readonly #stale = new Set<string>();
  readonly #updates = repeated(() => this.#update());
  readonly #watch: FileWatch;
  #isStarted = false;
  /** Whether a file changed before the first attempt was done. */
  #isOutdated = false;
  #print = "";
  #workflowId: Uuid | undefined;

  constructor(parts: WatchedWorkflowParts) {
    this.#parts = parts;
    this.#watch = watchFiles((path) => this.#changed(path), parts.clock);
  }

  /**
   * Compiles what has a source, starts the workflow and begins to watch.
   * @throws EdgelessError when the first attempt fails
   */
  async start(): Promise<void> {
    await this.#bring();
    this.#isStarted = true;
    if (this.#isOutdated) this.#updates.again();
    this.#parts.output.note("Watching the workflow and the sources of its functions; Ctrl-C stops it.");
  }

  /** Stops watching and the workflow. */
  async close(): Promise<void> {
    this.#watch.close();
    await this.#updates.idle();
    this.#compiler.close();
    await this.#stop();
  }

  #changed(path: string): void {
    for (const [folder, inputs] of this.#inputs) if (inputs.includes(path)) this.#stale.add(folder);
    // The first attempt is not to be overtaken.
    if (this.#isStarted) this.#updates.again();
    else this.#isOutdated = true;
  }

  async #update(): Promise<void> {
    try {
      await this.#bring();
    } catch (error) {
      printError(error, this.#parts.output.json);
    }
  }

  /** Makes what runs equal to what the files say. */
  async #bring(): Promise<void> {
    const { path, clock } = this.#parts;
    const sinceMs = clock.wallMs();
    const modules = readCodePaths(path);
    for (const module of modules) {
      const folder = sourceFolder(module);
      if (folder !== undefined && (this.#stale.has(folder) || !this.#inputs.has(folder))) {
        await this.#compile(folder);
      }
    }
    this.#watch.files([resolve(path), ...modules, ...[...this.#inputs.values()].flat()], sinceMs);
    const workflow = readWorkflow(path);
    const print = fingerprint(workflow);
    if (print === this.#print && this.#workflowId !== undefined) return;
    for (const warning of workflowWarnings(path, workflow)) this.#parts.output.note(`Warning: ${warning}`);
    await this.#replace(workflow);
    this.#print = print;
  }

  async #compile(folder: string): Promise<void> {
    const { output } = this.#parts;
    this.#stale.delete(folder);
    const report = await buildFunction(folder, { compiler: this.#compiler });
    this.#inputs.set(folder, inputsOf(report));
    output.note(`${formatReport(report)}, ${Math.round(report.duration)} ms`);
  }

  async #replace(workflow: Workflow): Promise<void> {
    const { api, clock, output } = this.#parts;
    const startedMs = clock.monotonicMs();
    await this.#stop();
    const { workflowId } = accepted(await api.start(workflow));
    this.#workflowId = workflowId;
    await waitUntilRunning(api, workflowId, RUNNING_MS, clock);
    const ms = Math.round(clock.monotonicMs() - startedMs);
    output.result(workflowId, { workflowId, ms });
    output.note(`Runs after ${ms} ms.`);
  }

  async #stop(): Promise<void> {
    const workflowId = this.#workflowId;
    this.#workflowId = undefined;
    if (workflowId !== undefined) await this.#parts.api.stop(workflowId);
  }
}

function fingerprint(workflow: Workflow): string {
  const text = JSON.stringify(workflow, (_key, value: unknown) => {
    if (value instanceof Map) return [...value];
    return value instanceof Uint8Array ? sha256(value) : value;
  });
  return sha256(Buffer.from(text));
}
