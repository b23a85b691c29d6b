import { args, EdgeFunction, Event, Output, self } from "edgeless";

const out = new Output("out");

/** Sends one message. Init payload: `delay_ms` (0), `message` (empty). */
@edgeFunction
class SingleTrigger extends EdgeFunction {
  private message: string = "";

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.message = settings.text("message", "");
    self.delayedCast(settings.u64("delay_ms", 0), "");
  }

  onCast(event: Event): void {
    if (event.isEmpty) out.cast(this.message);
  }
}
