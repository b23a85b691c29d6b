import { EdgeFunction, Event, log, Output } from "edgeless";

const result = new Output("result");

/** Casts twice the number it gets; anything that is not an i32 is ignored. */
@edgeFunction
class Double extends EdgeFunction {
  onInit(payload: string, state: string): void {
    log.info("started");
  }

  onCast(event: Event): void {
    log.info(event.text);
    const value = event.i32();
    if (event.ok) result.cast((value * 2).toString());
  }

  onStop(): void {
    log.info("stopped");
  }
}
