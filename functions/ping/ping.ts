import { EdgeFunction, Event, log, Output, self, sync } from "edgeless";
import { JsonReader } from "edgeless/json";

const ponger = new Output("ponger");

/** Calls `ponger` once a second and keeps the number of pings as state. */
@edgeFunction
class Ping extends EdgeFunction {
  private count: u64 = 0;

  onInit(payload: string, state: string): void {
    if (state.length) this.count = countOf(state);
    self.cast("wakeup");
  }

  onCast(event: Event): void {
    if (event.text != "wakeup") return;
    const id = this.count.toString();
    this.count++;
    sync('{"count":' + this.count.toString() + "}");
    const reply = ponger.call("PING-" + id);
    if (reply.hasText) log.info("reply: " + reply.text);
    self.delayedCast(1000, "wakeup");
  }
}

/** Going on with a wrong count would be worse than not starting. */
function countOf(state: string): u64 {
  const json = new JsonReader(state);
  let count: i64 = -1;
  if (json.beginObject()) {
    while (json.nextKey()) {
      if (json.key == "count") count = json.integer();
      else json.skip();
    }
  }
  if (!json.finished() || count < 0) throw new Error("malformed state");
  return count;
}
