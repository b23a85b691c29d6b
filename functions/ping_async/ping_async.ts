import { EdgeFunction, Event, log, Output, self } from "edgeless";

const ponger = new Output("ponger");

/** Casts `PING` once a second; answers come as casts. */
@edgeFunction
class PingAsync extends EdgeFunction {
  onInit(payload: string, state: string): void {
    self.delayedCast(10000, "wakeup");
  }

  onCast(event: Event): void {
    if (event.text == "wakeup") {
      ponger.cast("PING");
      self.delayedCast(1000, "wakeup");
    } else log.info("answer: " + event.text);
  }
}
