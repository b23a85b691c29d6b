import { EdgeFunction, Event, Output } from "edgeless";

const result = new Output("result");

/** Casts one more than the number it gets; anything that is not an i32 is ignored. */
@edgeFunction
class Incr extends EdgeFunction {
  onCast(event: Event): void {
    const value = event.i32();
    if (event.ok) result.cast((value + 1).toString());
  }
}
