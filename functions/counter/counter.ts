import { EdgeFunction, Event, num, Output, self } from "edgeless";

const output = new Output("output");

/** Counts once a second. Init payload: where to start; the first value sent is one more. */
@edgeFunction
class Counter extends EdgeFunction {
  onInit(payload: string, state: string): void {
    num.parseI32(payload);
    self.cast(num.ok() ? payload : "0");
  }

  onCast(event: Event): void {
    const value = event.i32();
    if (!event.ok) throw new Error("the payload is no i32");
    const next = (value + 1).toString();
    output.cast(next);
    self.delayedCast(1000, next);
  }
}
