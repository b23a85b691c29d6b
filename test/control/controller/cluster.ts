import { Controller } from "../../../control/controller/controller.js";
import { ControllerMetrics } from "../../../control/controller/controller-metrics.js";
import { ControllerStore } from "../../../control/controller/controller-store.js";
import type { Result } from "../../../core/api.js";
import { SILENT } from "../../../core/log.js";
import type { Random } from "../../../core/random.js";
import type { StringMap } from "../../../core/specification.js";
import type {
  Workflow,
  WorkflowFunction,
  WorkflowInstance,
  WorkflowResource,
} from "../../../core/workflow.js";
import { MemoryStore } from "../../../platform/store/memory-store.js";
import type { Store } from "../../../platform/store/store.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { SimulatedOrchestrator } from "./simulated-orchestrator.js";

/** A function that casts on channels named like their targets. */
export function fn(
  name: string,
  targets: readonly string[] = [],
  annotations: Entries = {},
): WorkflowFunction {
  return {
    name,
    functionClass: {
      id: name,
      functionType: "RUST_WASM",
      version: "0.1",
      outputs: [],
      binary: new TextEncoder().encode(`code of ${name}`),
    },
    outputMapping: new Map(targets.map((target) => [`to-${target}`, target])),
    annotations: map(annotations),
  };
}

/** A resource that sends on channels named like their targets. */
export function res(
  name: string,
  targets: readonly string[] = [],
  configurations: Entries = {},
): WorkflowResource {
  return {
    name,
    classType: "test-res",
    outputMapping: new Map(targets.map((target) => [`to-${target}`, target])),
    configurations: map({ name, ...configurations }),
  };
}

export function workflow(
  functions: readonly WorkflowFunction[],
  resources: readonly WorkflowResource[] = [],
  annotations: Entries = {},
): Workflow {
  return { functions, resources, annotations: map(annotations) };
}

type Entries = { readonly [key: string]: string };

function map(entries: Entries): StringMap {
  return new Map(Object.entries(entries));
}

/** A controller and simulated ε-ORCs under one clock. */
export class Cluster {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly store: Store;
  readonly orchestrators = new Map<string, SimulatedOrchestrator>();
  controller: Controller;

  constructor(seed = 1, store: Store = new MemoryStore()) {
    this.random = seededRandom(seed);
    this.store = store;
    this.controller = this.#newController();
  }

  /** A cluster with domains that have joined and obeyed the reset. */
  static async of(...domainIds: string[]): Promise<Cluster> {
    const cluster = new Cluster();
    await cluster.controller.open();
    for (const domainId of domainIds) await cluster.join(domainId);
    return cluster;
  }

  /** Adds a domain and refreshes it twice. */
  async join(domainId: string): Promise<SimulatedOrchestrator> {
    const orchestrator = this.add(domainId);
    await orchestrator.refresh(this.controller);
    await orchestrator.refresh(this.controller);
    return orchestrator;
  }

  /** Adds a domain that has not registered yet. */
  add(domainId: string): SimulatedOrchestrator {
    const orchestrator = new SimulatedOrchestrator(domainId, this.clock);
    this.orchestrators.set(orchestrator.url, orchestrator);
    return orchestrator;
  }

  /** The ε-CON ends as by kill -9 and starts again with what the store holds. */
  async restartController(): Promise<void> {
    const former = this.controller;
    const closed = former.close();
    await this.clock.advance(1_000);
    await closed;
    this.controller = this.#newController();
    await this.controller.open();
  }

  /** Time passes in steps of a second; all domains but those given refresh at each. */
  async pass(seconds: number, ...silent: SimulatedOrchestrator[]): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      for (const orchestrator of this.orchestrators.values())
        if (!silent.includes(orchestrator)) await orchestrator.refresh(this.controller);
      await this.clock.advance(1_000);
    }
  }

  #newController(): Controller {
    const { clock, random } = this;
    return new Controller({
      store: new ControllerStore(this.store, SILENT),
      connect: (url) => this.#connect(url),
      deadlines: { startMs: 8_000, callMs: 4_000 },
      clock,
      random,
      logger: SILENT,
      meter: new ControllerMetrics(),
    });
  }

  #connect(url: string) {
    const find = () => {
      const orchestrator = this.orchestrators.get(url);
      if (orchestrator === undefined) throw new Error(`no ε-ORC at ${url}`);
      return orchestrator;
    };
    return {
      startFunction: (...args: Parameters<SimulatedOrchestrator["startFunction"]>) =>
        find().startFunction(...args),
      stopFunction: (...args: Parameters<SimulatedOrchestrator["stopFunction"]>) =>
        find().stopFunction(...args),
      patchFunction: (...args: Parameters<SimulatedOrchestrator["patchFunction"]>) =>
        find().patchFunction(...args),
      startResource: (...args: Parameters<SimulatedOrchestrator["startResource"]>) =>
        find().startResource(...args),
      stopResource: (...args: Parameters<SimulatedOrchestrator["stopResource"]>) =>
        find().stopResource(...args),
      patchResource: (...args: Parameters<SimulatedOrchestrator["patchResource"]>) =>
        find().patchResource(...args),
      close: () => undefined,
    };
  }
}

/** The value of a result that must be a success. */
export function accepted(result: Result<WorkflowInstance>): WorkflowInstance {
  if (!result.ok) throw new Error(`refused: ${result.error.summary}`);
  return result.value;
}

/** The summary of a result that must be a refusal. */
export function refused<T>(result: Result<T>): string {
  if (result.ok) throw new Error("expected a refusal");
  return result.error.summary;
}
