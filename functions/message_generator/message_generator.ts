import { args, EdgeFunction, Event, log, Output, self } from "edgeless";

const output = new Output("output");

/** Repeats a message. Init payload: `period` in milliseconds (1000), `message` (hello world). */
@edgeFunction
class MessageGenerator extends EdgeFunction {
  private period: u64 = 1000;
  private count: u64 = 0;

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.period = settings.u64("period", 1000);
    log.info("started with period " + this.period.toString() + " ms");
    self.cast(settings.text("message", "hello world"));
  }

  onCast(event: Event): void {
    const message = event.text;
    const source = event.source;
    const from = "from node_id " + source.nodeId + " function_id " + source.functionId;
    output.cast(from + " [#" + this.count.toString() + "]: " + message);
    this.count++;
    self.delayedCast(this.period, message);
  }
}
