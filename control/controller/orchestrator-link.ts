import type { OrchestratorApi, Patch, Result } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { StateSpecification } from "../../core/specification.js";
import type { Uuid } from "../../core/uuid.js";
import type { ControllerMeter } from "./controller-metrics.js";
import type { StartStep } from "./deployment-plan.js";
import { Gate } from "./gate.js";
import type { ComponentKind } from "./placement.js";

/** A connection to an ε-ORC, as `grpc-api` makes it. */
export type OrchestratorConnection = OrchestratorApi & { close(): void };

/** Why a call brought nothing: a refusal by a live ε-ORC, or no answer. */
export interface CallFailure {
  readonly reason: string;
  /** False: it is not known whether the ε-ORC carried the request out. */
  readonly answered: boolean;
}

/** Outcome of a call to an ε-ORC. */
export type CallResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: CallFailure };

/** How long to wait for an ε-ORC, milliseconds. */
export interface CallDeadlines {
  readonly startMs: number;
  /** For stops and patches, which an ε-ORC only takes note of before it answers. */
  readonly callMs: number;
}

/** Calls at one ε-ORC at the same time. Few: the Rust one works them off one by one, within our deadline. */
const CALLS_AT_ONCE = 8;

/** The calls to one ε-ORC: limited in number, each with a deadline, never throwing. */
export class OrchestratorLink {
  readonly url: string;
  readonly #connection: OrchestratorConnection;
  readonly #clock: Clock;
  readonly #deadlines: CallDeadlines;
  readonly #meter: Pick<ControllerMeter, "called">;
  readonly #gate = new Gate(CALLS_AT_ONCE);
  readonly #startsInFlight = new Set<{ readonly sentMs: number }>();
  readonly #pending = new Set<(error: unknown) => void>();
  #responsive = true;
  #closed = false;

  constructor(
    url: string,
    connection: OrchestratorConnection,
    clock: Clock,
    deadlines: CallDeadlines,
    meter: Pick<ControllerMeter, "called">,
  ) {
    this.url = url;
    this.#meter = meter;
    this.#connection = connection;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  /** False since a call found no answer, until one does. */
  get responsive(): boolean {
    return this.#responsive;
  }

  /** When each start without an answer so far was asked for, monotonic milliseconds. */
  get startsInFlight(): number[] {
    return [...this.#startsInFlight].map(({ sentMs }) => sentMs);
  }

  async start(step: StartStep, state: StateSpecification, workflowId: Uuid): Promise<CallResult<Uuid>> {
    const entry = { sentMs: this.#clock.monotonicMs() };
    this.#startsInFlight.add(entry);
    const result = await this.#call<Result<Uuid>>("start", this.#deadlines.startMs, () =>
      step.kind === "function"
        ? this.#connection.startFunction({
            code: step.item.functionClass,
            annotations: step.item.annotations,
            state,
            workflowId,
          })
        : this.#connection.startResource({
            classType: step.item.classType,
            configuration: step.item.configurations,
            workflowId,
          }),
    );
    // A little later: until the caller has taken note of the id, a report must not take it for a leftover.
    setImmediate(() => this.#startsInFlight.delete(entry));
    if (!result.ok) return result;
    const answer = result.value;
    if (answer.ok) return answer;
    const { summary, detail } = answer.error;
    const reason = detail === undefined || detail === "" ? summary : `${summary} (${detail})`;
    return { ok: false, failure: { reason, answered: true } };
  }

  patch(kind: ComponentKind, patch: Patch<Uuid>): Promise<CallResult<void>> {
    return this.#call("patch", this.#deadlines.callMs, () =>
      kind === "function" ? this.#connection.patchFunction(patch) : this.#connection.patchResource(patch),
    );
  }

  stop(kind: ComponentKind, id: Uuid): Promise<CallResult<void>> {
    return this.#call("stop", this.#deadlines.callMs, () =>
      kind === "function" ? this.#connection.stopFunction(id) : this.#connection.stopResource(id),
    );
  }

  /** Calls under way and later ones end with a failure. */
  close(): void {
    this.#closed = true;
    this.#connection.close();
    for (const fail of this.#pending) fail(new Error("the connection was closed"));
  }

  /** The deadline counts from here, so that a hung ε-ORC fails what waits for its turn too. */
  #call<T>(
    name: "start" | "patch" | "stop",
    deadlineMs: number,
    action: () => Promise<T>,
  ): Promise<CallResult<T>> {
    const startedMs = this.#clock.monotonicMs();
    return new Promise((resolve) => {
      let sent = false;
      let over = false;
      let leaveGate = () => {};
      const end = (result: CallResult<T>, responsive: boolean) => {
        if (over) return;
        over = true;
        timer.cancel();
        this.#pending.delete(fail);
        leaveGate();
        this.#responsive = responsive;
        const outcome = result.ok ? "done" : result.failure.answered ? "refused" : "unanswered";
        this.#meter.called(name, outcome, (this.#clock.monotonicMs() - startedMs) / 1000);
        resolve(result);
      };
      const fail = (error: unknown) => {
        const answered = error instanceof EdgelessError && error.code === "EDGELESS_REJECTED";
        end({ ok: false, failure: { reason: reasonOf(error), answered } }, answered);
      };
      const timer = this.#clock.setTimer(deadlineMs, () => {
        const reason = `the ε-ORC at ${this.url} did not answer within ${deadlineMs} ms`;
        end({ ok: false, failure: { reason, answered: !sent } }, false);
      });
      this.#pending.add(fail);
      if (this.#closed) fail(new Error("the connection is closed"));
      const send = (left: () => void) => {
        if (over) return left();
        sent = true;
        leaveGate = left;
        action().then((value) => end({ ok: true, value }, true), fail);
      };
      void this.#gate.run(() => new Promise<void>(send));
    });
  }
}
