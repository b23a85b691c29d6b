import { ComponentPage } from "../../platform/component-page.js";
import type { MetricsPage } from "../../platform/metrics-server.js";

/** What a controller reports while it works; durations in seconds. */
export interface ControllerMeter {
  /** A workflow was placed, or no domain took it. */
  deployed(isPlaced: boolean, seconds: number): void;
  /** A call to an ε-ORC ended. */
  called(call: "start" | "patch" | "stop", outcome: "done" | "refused" | "unanswered", seconds: number): void;
}

/** What a controller tells when it is asked. */
export interface ControllerFigures {
  /** By presence. */
  readonly domains: ReadonlyMap<string, number>;
  /** `running` or `waiting`. */
  readonly workflows: ReadonlyMap<string, number>;
  /** Components of workflows that were started in a domain. */
  readonly components: number;
  /** Components that are still to be stopped in a domain. */
  readonly stopsDue: number;
}

/** The metrics page of an ε-CON. */
export class ControllerMetrics implements ControllerMeter {
  readonly #page = new ComponentPage({ component: "controller" });
  readonly #deployed = this.#page.histogram(
    "edgeless_workflow_deploy_seconds",
    "Seconds that one try to place a workflow, or the rest of one, took.",
    ["outcome"],
  );
  readonly #called = this.#page.histogram(
    "edgeless_orchestrator_call_seconds",
    "Seconds that calls to orchestrators took.",
    ["call", "outcome"],
  );

  /** For `startMetricsServer`. */
  get page(): MetricsPage {
    return this.#page;
  }

  /** Notes a call that was served. */
  get served(): ComponentPage["served"] {
    return this.#page.served;
  }

  deployed(isPlaced: boolean, seconds: number): void {
    this.#deployed([isPlaced ? "placed" : "refused"], seconds);
  }

  called(
    call: "start" | "patch" | "stop",
    outcome: "done" | "refused" | "unanswered",
    seconds: number,
  ): void {
    this.#called([call, outcome], seconds);
  }

  /** Adds the figures that are read when the page is. */
  watch(read: () => ControllerFigures): void {
    this.#page.figures("edgeless_domains", "Domains that are known.", "presence", () => read().domains);
    this.#page.figures(
      "edgeless_workflows",
      "Workflows that were accepted.",
      "state",
      () => read().workflows,
    );
    this.#page.figure(
      "edgeless_placed_components",
      "Components of workflows that were started in a domain.",
      () => read().components,
    );
    this.#page.figure(
      "edgeless_stops_due",
      "Components that are still to be stopped in a domain.",
      () => read().stopsDue,
    );
  }
}
