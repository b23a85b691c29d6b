import { args, EdgeFunction, Event, Output, self } from "edgeless";
import { JsonReader, JsonWriter } from "edgeless/json";

const out = new Output("out");

/** Tells its own delayed messages from those of others. */
const SECRET: i64 = 42;

/** Delays every message, several at a time. Init payload: `delay_ms` (1000). */
@edgeFunction
class SloppyTest extends EdgeFunction {
  private delay: u64 = 1000;

  onInit(payload: string, state: string): void {
    this.delay = args(payload).u64("delay_ms", 1000);
  }

  onCast(event: Event): void {
    const text = event.text;
    const ready = ownMessage(text);
    if (ready !== null) out.cast(ready);
    else {
      const json = new JsonWriter().beginObject().key("secret").integer(SECRET).key("msg").string(text);
      self.delayedCast(this.delay, json.end().toString());
    }
  }
}

/** The message in `{"secret":42,"msg":…}`, null when it is anything else. */
function ownMessage(text: string): string | null {
  const json = new JsonReader(text);
  let secret: i64 = 0;
  let message: string | null = null;
  if (json.beginObject()) {
    while (json.nextKey()) {
      if (json.key == "secret") secret = json.integer();
      else if (json.key == "msg") message = json.string();
      else json.skip();
    }
  }
  return json.finished() && secret == SECRET ? message : null;
}
