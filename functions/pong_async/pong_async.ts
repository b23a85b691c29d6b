import { EdgeFunction, Event, log, Output } from "edgeless";

/** Not used: the answer goes straight to the sender. */
const pinger = new Output("pinger");

/** Answers every cast with a cast to its sender. */
@edgeFunction
class PongAsync extends EdgeFunction {
  onCast(event: Event): void {
    log.info("cast: " + event.text);
    event.source.castRaw("PONG2");
  }
}
