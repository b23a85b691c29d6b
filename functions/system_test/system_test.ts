import { EdgeFunction, Event, log, num, Output, self } from "edgeless";
import { byteListText } from "edgeless/byte-list";

const out1 = new Output("out1");
const out2 = new Output("out2");
const err = new Output("err");
const logOutput = new Output("log");

/** Test fixture: halves and decrements what it gets. Init payload: a number to start with. */
@edgeFunction
class SystemTest extends EdgeFunction {
  onInit(payload: string, state: string): void {
    const bytes = String.UTF8.encode(payload);
    const list = byteListText(changetype<usize>(bytes), bytes.byteLength);
    log.info("started: " + (payload.length ? "Some(" + list + ")" : "None"));
    num.parseI32(payload);
    if (num.ok()) self.delayedCast(1000, payload);
  }

  onCast(event: Event): void {
    log.info("cast " + byteListText(event.sourceFunctionPtr, 16) + ": " + event.text);
    const value = event.i32();
    if (event.ok) {
      out1.cast((value / 2).toString());
      out2.cast((value - 1).toString());
    } else err.cast("parsing error: " + event.reason);
    logOutput.castBytes(event.ptr, event.len);
  }

  onStop(): void {
    log.info("stopped");
  }
}
