import { EdgeFunction, Event, Output } from "edgeless";

const output = new Output("output");

/** Casts every message in upper case, with an exclamation mark. */
@edgeFunction
class Shout extends EdgeFunction {
  onCast(event: Event): void {
    output.cast(event.text.toUpperCase() + "!");
  }
}
