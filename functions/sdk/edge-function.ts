import { Event } from "./event";
import { Reply } from "./reply";

/**
 * A function: one instance per workflow, one event at a time, each handler runs to its end before the next event.
 * Derive exactly one class and put `@edgeFunction` in front of it; keep state in its fields.
 * Whatever traps (an array index out of range, a null assertion, a `throw`) ends the instance. Nodes of this project start it
 * again, with fresh fields and the state that `sync` kept; nodes of EDGELESS 1.2 do not.
 */
export class EdgeFunction {
  /**
   * Once, first. Other channels than `self` may not be mapped yet: casts to them can be lost, `call` and `delayedCast` to them
   * trap.
   * @param payload the annotation `init-payload`, empty when there is none
   * @param state what `sync` stored, empty when there is none
   */
  onInit(payload: string, state: string): void {}

  /** Per cast. The event is valid only until the handler returns. */
  onCast(event: Event): void {}

  /** Per call; the caller waits for what this returns. The event is valid only until then. Default: no reply. */
  onCall(event: Event): Reply {
    return Reply.none();
  }

  /** Once, last; not after a trap. */
  onStop(): void {}
}
