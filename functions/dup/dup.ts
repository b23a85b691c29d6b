import { EdgeFunction, Event, Output, Reply } from "edgeless";

const out1 = new Output("out1");
const out2 = new Output("out2");

/** Casts every message twice. */
@edgeFunction
class Dup extends EdgeFunction {
  onCast(event: Event): void {
    out1.castBytes(event.ptr, event.len);
    out2.castBytes(event.ptr, event.len);
  }

  onCall(event: Event): Reply {
    return Reply.error();
  }
}
