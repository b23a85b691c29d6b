import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { FunctionHost } from "./function-host.js";
import type { FunctionRuntime } from "./function-runtime.js";
import type { FunctionSettings } from "./function-settings.js";
import { InstanceSupervisor, type OpenHost } from "./instance-supervisor.js";
import { instantiatePrepared } from "./instantiate-prepared.js";
import { openWorker } from "./open-worker.js";
import { StateFolder } from "./state-folder.js";
import { WorkerLink } from "./worker-link.js";

/** What a function run-time works with. */
export interface FunctionRuntimeOptions {
  readonly nodeId: Uuid;
  /** Way out for events to instances that are not functions of this run-time. */
  readonly send: SendEvent;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Folder of the function state files; created when needed. */
  readonly stateFolder: string;
  readonly settings: FunctionSettings;
  /** The host's own unless given; worker threads always use the host's own. */
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Makes the run-time of functions with the EDGELESS wasm guest ABI, on threads of its own unless told otherwise. */
export async function createWasmRuntime(options: FunctionRuntimeOptions): Promise<FunctionRuntime> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const parts = { ...options, clock, random };
  const states = new StateFolder(options.stateFolder, options.logger);
  const openHost: OpenHost = (reports) =>
    options.settings.threads > 0
      ? new WorkerLink({ ...parts, reports, open: openWorker })
      : new FunctionHost({ ...parts, states, instantiate: instantiatePrepared, reports });
  return new InstanceSupervisor({ ...parts, openHost });
}
