import type { Agent, NodeGateway, NodeUpdate, Patch, PeerUpdate, Result } from "../../../core/api.js";
import { NO_CAPABILITIES, type NodeCapabilities } from "../../../core/capabilities.js";
import { EdgelessError } from "../../../core/errors.js";
import { HEALTH_ZERO } from "../../../core/health.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { type Random, uniform } from "../../../core/random.js";
import { NO_SAMPLES } from "../../../core/samples.js";
import type {
  ResourceProvider,
  ResourceSpecification,
  SpawnFunctionRequest,
} from "../../../core/specification.js";
import type { InstanceStatus } from "../../../core/status.js";
import { randomUuid, type Uuid } from "../../../core/uuid.js";

/** One request that reached a node, in the order of arrival. */
export type Call = { readonly node: Uuid } & (
  | { readonly type: "start-function"; readonly request: SpawnFunctionRequest; readonly id: Uuid }
  | { readonly type: "start-resource"; readonly specification: ResourceSpecification; readonly id: Uuid }
  | { readonly type: "stop-function" | "stop-resource"; readonly instance: InstanceId }
  | {
      readonly type: "patch-function" | "patch-resource";
      readonly source: Uuid;
      readonly outputs: Readonly<Record<string, string>>;
    }
  | { readonly type: "add-peer"; readonly peer: Uuid; readonly url: string }
  | { readonly type: "delete-peer"; readonly peer: Uuid }
  | { readonly type: "reset" }
);

/** How a node behaves: `down` refuses connections, `hung` takes requests and answers when it is well again. */
export type Mode = "well" | "down" | "hung" | "refusing";

export interface NodeOptions {
  readonly labels?: readonly string[];
  readonly runtimes?: readonly string[];
  readonly providers?: readonly ResourceProvider[];
  readonly capabilities?: Partial<NodeCapabilities>;
  /** A Rust node, which does not tell its instances. */
  readonly isReference?: boolean;
  /** The gateway that stands for it, and where that takes events. */
  readonly gateway?: SimulatedGateway;
}

/** A gateway in memory: what its nodes share. */
export interface SimulatedGateway {
  announced: NodeGateway;
  readonly invocationUrl: string;
  readonly peers: Map<Uuid, string>;
}

export interface RunningInstance {
  readonly spawn: SpawnFunctionRequest | ResourceSpecification;
  outputs: ReadonlyMap<string, InstanceId>;
  status: Omit<InstanceStatus, "functionId">;
}

const RUNNING = { state: "running", restarts: 0, reason: "" } as const;

/** A gateway without nodes yet. */
export function simulatedGateway(number: number): SimulatedGateway {
  return {
    announced: { nonce: BigInt(1_000 * number), agentUrl: `http://127.0.0.1:${30_000 + number}` },
    invocationUrl: `http://127.0.0.1:${31_000 + number}`,
    peers: new Map(),
  };
}

/** A node in memory that obeys an ε-ORC and writes down what it was asked. */
export class SimulatedNode implements Agent {
  readonly id: Uuid;
  readonly instances = new Map<Uuid, RunningInstance>();
  readonly peers: Map<Uuid, string>;
  readonly isReference: boolean;
  readonly gateway: SimulatedGateway | undefined;
  agentUrl: string;
  invocationUrl: string;
  capabilities: NodeCapabilities;
  providers: readonly ResourceProvider[];
  nonce: bigint;
  /** Node id given in answers to starts. */
  answersAs: Uuid;
  readonly #calls: Call[];
  readonly #random: Random;
  #mode: Mode = "well";
  #held: { readonly go: () => void; readonly fail: (error: Error) => void }[] = [];

  constructor(number: number, calls: Call[], random: Random, options: NodeOptions) {
    this.id = randomUuid(random);
    this.answersAs = this.id;
    this.#calls = calls;
    this.#random = random;
    this.isReference = options.isReference ?? false;
    this.agentUrl = `http://127.0.0.1:${10_000 + number}`;
    this.gateway = options.gateway;
    this.peers = options.gateway?.peers ?? new Map();
    this.invocationUrl = options.gateway?.invocationUrl ?? `http://127.0.0.1:${20_000 + number}`;
    this.nonce = this.#draw();
    this.capabilities = {
      ...NO_CAPABILITIES,
      numCpus: 1,
      numCores: 1,
      clockFreqCpu: 1000,
      labels: options.labels ?? [],
      runtimes: options.runtimes ?? ["RUST_WASM"],
      ...options.capabilities,
    };
    this.providers = options.providers ?? [];
  }

  get mode(): Mode {
    return this.#mode;
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    if (mode === "hung") return;
    const held = this.#held;
    this.#held = [];
    for (const { go } of held) go();
  }

  /** A new process: nothing of the old one is left, requests it held are lost. */
  restart(): void {
    this.instances.clear();
    if (this.gateway === undefined) this.peers.clear();
    for (const { fail } of this.#held) fail(this.#unreachable());
    this.#held = [];
    this.nonce = this.#draw();
    this.mode = "well";
  }

  update(refreshDeadline: bigint): NodeUpdate {
    const statuses = [...this.instances].map(([functionId, { status }]) => ({ functionId, ...status }));
    return {
      nodeId: this.id,
      agentUrl: this.agentUrl,
      invocationUrl: this.invocationUrl,
      resourceProviders: this.providers,
      capabilities: this.capabilities,
      refreshDeadline,
      nonce: this.nonce,
      health: HEALTH_ZERO,
      samples: NO_SAMPLES,
      ...(this.isReference ? {} : { instances: statuses }),
      ...(this.gateway === undefined ? {} : { gateway: this.gateway.announced }),
    };
  }

  startFunction(request: SpawnFunctionRequest): Promise<Result<InstanceId>> {
    const id = randomUuid(this.#random);
    return this.#start({ node: this.id, type: "start-function", request, id }, request, id);
  }

  startResource(specification: ResourceSpecification): Promise<Result<InstanceId>> {
    const id = randomUuid(this.#random);
    return this.#start({ node: this.id, type: "start-resource", specification, id }, specification, id);
  }

  stopFunction(instance: InstanceId): Promise<void> {
    return this.#tell({ node: this.id, type: "stop-function", instance }, () =>
      this.instances.delete(instance.functionId),
    );
  }

  stopResource(instance: InstanceId): Promise<void> {
    return this.#tell({ node: this.id, type: "stop-resource", instance }, () =>
      this.instances.delete(instance.functionId),
    );
  }

  patchFunction(patch: Patch<InstanceId>): Promise<void> {
    return this.#patch("patch-function", patch);
  }

  patchResource(patch: Patch<InstanceId>): Promise<void> {
    return this.#patch("patch-resource", patch);
  }

  updatePeers(update: PeerUpdate): Promise<void> {
    if (update.type === "add") {
      const { nodeId: peer, invocationUrl: url } = update;
      return this.#tell({ node: this.id, type: "add-peer", peer, url }, () => this.peers.set(peer, url));
    }
    if (update.type === "clear") throw new Error("a reference node dies of this");
    const { nodeId: peer } = update;
    return this.#tell({ node: this.id, type: "delete-peer", peer }, () => this.peers.delete(peer));
  }

  reset(): Promise<void> {
    return this.#tell({ node: this.id, type: "reset" }, () => this.instances.clear());
  }

  close(): void {}

  #patch(type: "patch-function" | "patch-resource", { source, outputs }: Patch<InstanceId>): Promise<void> {
    const targets: Record<string, string> = {};
    for (const [channel, target] of outputs) targets[channel] = `${target.nodeId}/${target.functionId}`;
    return this.#tell({ node: this.id, type, source, outputs: targets }, () => {
      const instance = this.instances.get(source);
      if (instance !== undefined) instance.outputs = outputs;
    });
  }

  #start(call: Call, spawn: RunningInstance["spawn"], functionId: Uuid): Promise<Result<InstanceId>> {
    const nonce = this.nonce;
    return this.#take(call, () => {
      if (this.#mode === "refusing") return { ok: false, error: { summary: "no more room" } };
      if (nonce === this.nonce)
        this.instances.set(functionId, { spawn, outputs: new Map(), status: { ...RUNNING } });
      return { ok: true, value: { nodeId: this.answersAs, functionId } };
    });
  }

  async #tell(call: Call, act: () => unknown): Promise<void> {
    await this.#take(call, act);
  }

  /** Writes a request down and carries it out as the mode allows. */
  #take<T>(call: Call, act: () => T): Promise<T> {
    if (this.#mode === "down") return Promise.reject(this.#unreachable());
    this.#calls.push(call);
    if (this.#mode === "refusing" && !call.type.startsWith("start-"))
      return Promise.reject(new EdgelessError("EDGELESS_REJECTED", "refused"));
    if (this.#mode !== "hung") return Promise.resolve(act());
    return new Promise((resolve, fail) => {
      this.#held.push({ go: () => resolve(act()), fail });
    });
  }

  #unreachable(): EdgelessError {
    return new EdgelessError("EDGELESS_UNREACHABLE", `${this.agentUrl} is down`);
  }

  #draw(): bigint {
    return BigInt(Math.floor(uniform(this.#random) * 2 ** 32)) + 1n;
  }
}
