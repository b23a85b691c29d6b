import type {
  DomainRegistrationApi,
  DomainUpdate,
  OrchestratorApi,
  Patch,
  Result,
} from "../../../core/api.js";
import {
  type DomainCapabilities,
  NO_DOMAIN_CAPABILITIES,
  type PlacementNode,
} from "../../../core/capabilities.js";
import type { Clock } from "../../../core/clock.js";
import { EdgelessError } from "../../../core/errors.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../../../core/specification.js";
import type { ComponentState } from "../../../core/status.js";
import { requireUuid, type Uuid } from "../../../core/uuid.js";

/** One call that a simulated ε-ORC got. */
export type Call =
  | { readonly call: "startFunction"; readonly id: Uuid | undefined; readonly request: SpawnFunctionRequest }
  | { readonly call: "startResource"; readonly id: Uuid | undefined; readonly request: ResourceSpecification }
  | { readonly call: "stopFunction" | "stopResource"; readonly id: Uuid }
  | { readonly call: "patchFunction" | "patchResource"; readonly patch: Patch<Uuid> };

/** What a component in a simulated ε-ORC is. */
export interface SimulatedComponent {
  readonly kind: "function" | "resource";
  readonly name: string;
  readonly workflowId: string;
  state: ComponentState;
  outputs: ReadonlyMap<string, Uuid>;
}

let drawn = 0;

/** A logical id that no one else has. */
export function nextId(): Uuid {
  return requireUuid(`10000000-0000-4000-8000-${String(++drawn).padStart(12, "0")}`, "id");
}

/**
 * An ε-ORC without nodes: keeps what it is told and does what the test wants it to. A component is called by the class
 * id of its function or the value `name` of its resource configuration.
 */
export class SimulatedOrchestrator implements OrchestratorApi {
  readonly domainId: string;
  readonly url: string;
  readonly running = new Map<Uuid, SimulatedComponent>();
  readonly calls: Call[] = [];
  capabilities: DomainCapabilities;
  nodes: readonly PlacementNode[] | undefined;
  /** True: tells its components with each refresh, as the ε-ORC of this project does. */
  reports = false;
  nonce = 1n;
  counter = 0n;
  /** Answers why a component is refused. */
  refuse: (name: string) => string | undefined = () => undefined;
  /** `hung` answers nothing; `deaf` carries requests out, but its answers are lost. */
  mood: "well" | "hung" | "deaf" | "unreachable" = "well";
  readonly #clock: Clock;

  constructor(domainId: string, clock: Clock, capabilities: Partial<DomainCapabilities> = {}) {
    this.domainId = domainId;
    this.url = `http://${domainId}:7003`;
    this.#clock = clock;
    this.capabilities = {
      ...NO_DOMAIN_CAPABILITIES,
      numNodes: 1,
      runtimes: ["RUST_WASM"],
      resourceClasses: ["test-res"],
      ...capabilities,
    };
  }

  /** Registers or refreshes; obeys a reset. @returns whether it was told to reset */
  async refresh(controller: DomainRegistrationApi, leaseMs = 10_000): Promise<boolean> {
    const result = await controller.updateDomain(this.update(leaseMs));
    if (!result.ok) throw new Error(result.error.summary);
    if (result.value.reset) this.running.clear();
    return result.value.reset;
  }

  update(leaseMs = 10_000): DomainUpdate {
    return {
      domainId: this.domainId,
      orchestratorUrl: this.url,
      capabilities: this.capabilities,
      refreshDeadline: BigInt(Math.ceil((this.#clock.wallMs() + leaseMs) / 1000)),
      counter: this.counter,
      nonce: this.nonce,
      ...(this.nodes === undefined ? {} : { nodes: this.nodes }),
      ...(this.reports
        ? {
            components: [...this.running].map(([logicalId, { state }]) => ({
              logicalId,
              state,
              restarts: 0,
              reason: "",
            })),
          }
        : {}),
    };
  }

  /** The process ends and begins again with nothing. */
  restart(): void {
    this.nonce++;
    this.running.clear();
  }

  /** Names of what runs for a workflow, sorted. */
  runningFor(workflowId: string): string[] {
    return [...this.running.values()]
      .filter((component) => component.workflowId === workflowId)
      .map(({ name }) => name)
      .sort();
  }

  startFunction(request: SpawnFunctionRequest): Promise<Result<Uuid>> {
    const { workflowId, code } = request;
    return this.#start({ kind: "function", name: code.id, workflowId }, (id) => ({
      call: "startFunction",
      id,
      request,
    }));
  }

  startResource(request: ResourceSpecification): Promise<Result<Uuid>> {
    const { workflowId, configuration } = request;
    const name = configuration.get("name") ?? request.classType;
    return this.#start({ kind: "resource", name, workflowId }, (id) => ({
      call: "startResource",
      id,
      request,
    }));
  }

  stopFunction(id: Uuid): Promise<void> {
    return this.#carryOut(() => this.#stop("stopFunction", "function", id));
  }

  stopResource(id: Uuid): Promise<void> {
    return this.#carryOut(() => this.#stop("stopResource", "resource", id));
  }

  patchFunction(patch: Patch<Uuid>): Promise<void> {
    return this.#carryOut(() => this.#patch("patchFunction", patch));
  }

  patchResource(patch: Patch<Uuid>): Promise<void> {
    return this.#carryOut(() => this.#patch("patchResource", patch));
  }

  #start(
    component: Pick<SimulatedComponent, "kind" | "name" | "workflowId">,
    call: (id: Uuid | undefined) => Call,
  ): Promise<Result<Uuid>> {
    return this.#carryOut((): Result<Uuid> => {
      const reason = this.refuse(component.name);
      if (reason !== undefined) {
        this.calls.push(call(undefined));
        return { ok: false, error: { summary: reason } };
      }
      const id = nextId();
      this.calls.push(call(id));
      this.running.set(id, { ...component, state: "running", outputs: new Map() });
      return { ok: true, value: id };
    });
  }

  #stop(call: "stopFunction" | "stopResource", kind: "function" | "resource", id: Uuid): void {
    this.calls.push({ call, id });
    if (this.running.get(id)?.kind === kind) this.running.delete(id);
  }

  #patch(call: "patchFunction" | "patchResource", patch: Patch<Uuid>): void {
    if (this.refuse("patch") !== undefined) throw new EdgelessError("EDGELESS_REJECTED", "no patches today");
    this.calls.push({ call, patch });
    const component = this.running.get(patch.source);
    if (component !== undefined) component.outputs = patch.outputs;
  }

  async #carryOut<T>(action: () => T): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.mood === "unreachable")
      throw new EdgelessError("EDGELESS_UNREACHABLE", `${this.url} is not there`);
    if (this.mood === "well") return action();
    if (this.mood === "deaf") action();
    return await new Promise<T>(() => undefined);
  }
}
