import { EdgeFunction, Event, log, sync, telemetry } from "edgeless";

/** Test fixture: says which state it was started with and changes it on demand. */
@edgeFunction
class StateTest extends EdgeFunction {
  onInit(payload: string, state: string): void {
    if (state.length) telemetry(3, "edgeless_test_state", state);
    else log.info("no_state");
  }

  onCast(event: Event): void {
    if (event.text == "test_cast_raw_output") sync("new_state");
  }
}
