import { ComponentPage } from "../../platform/component-page.js";
import type { MetricsPage } from "../../platform/metrics-server.js";
import type { Command, Outcome } from "./commands.js";

/** What an orchestrator reports while it works; durations in seconds. */
export interface OrchestratorMeter {
  /** A request to a node ended. */
  commanded(command: Command["type"], outcome: Outcome["type"], seconds: number): void;
}

/** What an orchestrator tells when it is asked. */
export interface OrchestratorFigures {
  /** `usable`, `suspect`, `cordoned` or `expected`: known from before a restart. */
  readonly nodes: ReadonlyMap<string, number>;
  /** By state. */
  readonly functions: ReadonlyMap<string, number>;
  /** By state. */
  readonly resources: ReadonlyMap<string, number>;
  /** Workflows with a component here. */
  readonly workflows: number;
}

/** The metrics page of an ε-ORC. */
export class OrchestratorMetrics implements OrchestratorMeter {
  readonly #page: ComponentPage;
  readonly #commanded: (labels: readonly [string, string], seconds: number) => void;

  constructor(domainId: string) {
    this.#page = new ComponentPage({ component: "orchestrator", domain: domainId });
    this.#commanded = this.#page.histogram(
      "edgeless_node_command_seconds",
      "Seconds that requests to nodes took: to start, wire or stop an instance, to tell of a peer, to reset.",
      ["command", "outcome"],
    );
  }

  /** For `startMetricsServer`. */
  get page(): MetricsPage {
    return this.#page;
  }

  /** Notes a call that was served. */
  get served(): ComponentPage["served"] {
    return this.#page.served;
  }

  commanded(command: Command["type"], outcome: Outcome["type"], seconds: number): void {
    this.#commanded([command === "patch" ? "wire" : command, outcome], seconds);
  }

  /** Adds the figures that are read when the page is. */
  watch(read: () => OrchestratorFigures): void {
    const page = this.#page;
    page.figures("edgeless_nodes", "Nodes that are registered.", "state", () => read().nodes);
    page.figures("edgeless_functions", "Functions that were accepted.", "state", () => read().functions);
    page.figures("edgeless_resources", "Resources that were accepted.", "state", () => read().resources);
    page.figure("edgeless_workflows", "Workflows with a component here.", () => read().workflows);
  }
}
