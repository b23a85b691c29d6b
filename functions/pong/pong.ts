import { EdgeFunction, Event, log, Output, Reply } from "edgeless";

/** Not used: the answer travels with the call. */
const pinger = new Output("pinger");

/** Answers every call. */
@edgeFunction
class Pong extends EdgeFunction {
  onCast(event: Event): void {
    log.info("cast: " + event.text);
  }

  onCall(event: Event): Reply {
    return Reply.text("PONG");
  }
}
