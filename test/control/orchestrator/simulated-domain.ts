import type { Strategy } from "../../../control/orchestrator/node-selection.js";
import type { Observer } from "../../../control/orchestrator/observer.js";
import { Orchestrator } from "../../../control/orchestrator/orchestrator.js";
import { OrchestratorMetrics } from "../../../control/orchestrator/orchestrator-metrics.js";
import { SILENT } from "../../../core/log.js";
import type { Random } from "../../../core/random.js";
import {
  type ResourceSpecification,
  RUST_WASM,
  type SpawnFunctionRequest,
} from "../../../core/specification.js";
import type { ComponentStatus } from "../../../core/status.js";
import { randomUuid, type Uuid } from "../../../core/uuid.js";
import { MemoryStore } from "../../../platform/store/memory-store.js";
import type { Store } from "../../../platform/store/store.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { type Call, type NodeOptions, SimulatedNode } from "./simulated-node.js";

/** Longest wait for an answer of a node in these tests. */
export const CALL_TIMEOUT_MS = 1_000;
/** How long a first start may look for a node in these tests. */
export const START_TIMEOUT_MS = 8_000;
/** Period of the refreshes of nodes that refresh by themselves. */
export const REFRESH_MS = 2_000;

/** A store that survives the ε-ORC and can be told to fail. */
class KeptStore extends MemoryStore {
  isFailing = false;

  override write(changes: Parameters<Store["write"]>[0]): Promise<void> {
    return this.isFailing ? Promise.reject(new Error("the disk is full")) : super.write(changes);
  }
}

/** An ε-ORC among simulated nodes, under a clock that the test owns. */
export class SimulatedDomain {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly store = new KeptStore();
  readonly nodes: SimulatedNode[] = [];
  /** Invocation URLs that nobody listens at. */
  readonly closedPorts = new Set<string>();
  changes = 0;
  /** Told what the ε-ORC does, from its next start on. */
  observers: readonly Observer[] = [];
  /** How far the host's wall clock was set wrong. */
  skewMs = 0;
  #orchestrator: Orchestrator | undefined;
  readonly #strategy: Strategy;
  readonly #calls: Call[] = [];
  readonly #refreshing = new Set<SimulatedNode>();

  private constructor(strategy: Strategy, seed: number) {
    this.#strategy = strategy;
    this.random = seededRandom(seed);
  }

  static async open(
    strategy: Strategy = "Random",
    seed = 1,
    observers: readonly Observer[] = [],
  ): Promise<SimulatedDomain> {
    const domain = new SimulatedDomain(strategy, seed);
    domain.observers = observers;
    await domain.startOrchestrator();
    return domain;
  }

  get orchestrator(): Orchestrator {
    if (this.#orchestrator === undefined) throw new Error("the orchestrator does not run");
    return this.#orchestrator;
  }

  /** A new process of the ε-ORC with the store of the one before. */
  async startOrchestrator(): Promise<void> {
    this.#orchestrator = await Orchestrator.open({
      store: this.store,
      connect: (url) => {
        const node = this.nodes.find(({ agentUrl }) => agentUrl === url);
        if (node === undefined) throw new Error(`nobody at ${url}`);
        return node;
      },
      probe: (url) => Promise.resolve(!this.closedPorts.has(url)),
      clock: {
        wallMs: () => this.clock.wallMs() + this.skewMs,
        monotonicMs: () => this.clock.monotonicMs(),
        setTimer: (delayMs, callback) => this.clock.setTimer(delayMs, callback),
      },
      random: this.random,
      logger: SILENT,
      strategy: this.#strategy,
      callTimeoutMs: CALL_TIMEOUT_MS,
      times: { startTimeoutMs: START_TIMEOUT_MS, retireTimeoutMs: 5_000, restoreGraceMs: 5_000 },
      onChange: () => this.changes++,
      observers: this.observers,
      meter: new OrchestratorMetrics("domain"),
    });
    await settle();
  }

  /** The process of the ε-ORC is gone at once; what it was doing stays undone. */
  async killOrchestrator(): Promise<void> {
    await this.orchestrator.close();
    this.#orchestrator = undefined;
  }

  /** A node that registered; it stays until it leaves or the test lets time pass beyond its deadline. */
  async addNode(options: NodeOptions = {}): Promise<SimulatedNode> {
    const node = new SimulatedNode(this.nodes.length, this.#calls, this.random, options);
    this.nodes.push(node);
    await this.refresh(node);
    return node;
  }

  /** One UpdateNode; by default valid for a day. */
  async refresh(node: SimulatedNode, lifetimeMs = 86_400_000): Promise<string | undefined> {
    const deadline = BigInt(Math.floor((this.clock.wallMs() + lifetimeMs) / 1000));
    const result = await this.orchestrator.updateNode(node.update(deadline));
    await settle();
    return result.ok ? undefined : `${result.error.summary}: ${result.error.detail ?? ""}`;
  }

  /** From now on the node refreshes periodically, with a deadline of two periods, as long as it is well. */
  keepRefreshing(node: SimulatedNode): void {
    if (this.#refreshing.has(node)) return;
    this.#refreshing.add(node);
    const again = async () => {
      if (!this.#refreshing.has(node)) return;
      this.clock.setTimer(REFRESH_MS, () => void again());
      await this.refresh(node, 2 * REFRESH_MS).catch(() => undefined);
    };
    void again();
  }

  stopRefreshing(node: SimulatedNode): void {
    this.#refreshing.delete(node);
  }

  /** The node says farewell. */
  async leave(node: SimulatedNode): Promise<void> {
    this.stopRefreshing(node);
    await this.orchestrator.updateNode(node.update(0n));
    await settle();
  }

  /** What reached the nodes since the last time this was asked. */
  takeCalls(): Call[] {
    return this.#calls.splice(0);
  }

  functionRequest(name: string, annotations: Record<string, string> = {}): SpawnFunctionRequest {
    return {
      code: {
        id: name,
        functionType: RUST_WASM,
        version: "0.1",
        binary: new TextEncoder().encode(`code of ${name}`),
        outputs: ["out-1", "out-2"],
      },
      annotations: new Map(Object.entries(annotations)),
      state: { stateId: randomUuid(this.random), policy: "node-local" },
      workflowId: "workflow-1",
    };
  }

  /** Starts a function that must be accepted and gives its logical id. */
  async startFunction(name: string, annotations: Record<string, string> = {}): Promise<Uuid> {
    const result = await this.orchestrator.startFunction(this.functionRequest(name, annotations));
    if (!result.ok) throw new Error(`${result.error.summary}: ${result.error.detail ?? ""}`);
    await settle();
    return result.value;
  }

  /** Starts a resource that must be accepted and gives its logical id. */
  async startResource(classType: string, configuration: Record<string, string> = {}): Promise<Uuid> {
    const result = await this.orchestrator.startResource(resource(classType, configuration));
    if (!result.ok) throw new Error(`${result.error.summary}: ${result.error.detail ?? ""}`);
    await settle();
    return result.value;
  }

  /** Wires a component; does not wait for a node that does not answer. */
  async patch(source: Uuid, outputs: Record<string, Uuid>): Promise<void> {
    const wired = this.orchestrator.patchFunction({ source, outputs: new Map(Object.entries(outputs)) });
    await Promise.race([wired, settle()]);
    await settle();
  }

  async stop(logicalId: Uuid): Promise<void> {
    await this.orchestrator.stopFunction(logicalId);
    await settle();
  }

  status(logicalId: Uuid): ComponentStatus | undefined {
    return this.orchestrator.report().components?.find((status) => status.logicalId === logicalId);
  }

  /** Where a component runs, as a patch names it. */
  placeOf(logicalId: Uuid): string {
    const instance = this.status(logicalId)?.instance;
    return instance === undefined ? "nowhere" : `${instance.nodeId}/${instance.functionId}`;
  }

  /** The node a component runs on. */
  nodeOf(logicalId: Uuid): SimulatedNode {
    const nodeId = this.status(logicalId)?.instance?.nodeId;
    const node = this.nodes.find(({ id }) => id === nodeId);
    if (node === undefined) throw new Error(`${logicalId} runs nowhere`);
    return node;
  }
}

export function resource(
  classType: string,
  configuration: Record<string, string> = {},
): ResourceSpecification {
  return { classType, configuration: new Map(Object.entries(configuration)), workflowId: "workflow-1" };
}

/** A provider of the class `rc-1`. */
export function provider(providerId: string, classType = "rc-1") {
  return { providerId, classType, outputs: [] };
}
