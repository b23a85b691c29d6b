import { EdgeFunction, Event, log, Reply } from "edgeless";

/** Does nothing but say what it is given. */
@edgeFunction
class Noop extends EdgeFunction {
  onInit(payload: string, state: string): void {
    log.info("init: " + payload);
  }

  onCast(event: Event): void {
    log.info("cast from " + event.source.toString() + ": " + event.text);
  }

  onCall(event: Event): Reply {
    log.info("call from " + event.source.toString() + ": " + event.text);
    return Reply.none();
  }

  onStop(): void {
    log.info("stop");
  }
}
