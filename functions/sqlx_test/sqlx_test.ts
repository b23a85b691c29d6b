import { EdgeFunction, Event, log, num, Output } from "edgeless";
import { JsonWriter } from "edgeless/json";

const database = new Output("database");

/** Keeps its state in a database. Init payload: a number (0). */
@edgeFunction
class SqlxTest extends EdgeFunction {
  onInit(payload: string, state: string): void {
    const metadata = stateText(numberOf(payload), "initial");
    // Ends the function when the database is not mapped yet.
    const insert = "INSERT INTO WorkflowState (id, metadata) Values($1, '" + metadata + "')";
    log.info("insert: " + database.call(insert).text);
  }

  onCast(event: Event): void {
    const reply = database.call("SELECT id, metadata FROM WorkflowState WHERE id=$1");
    if (!reply.hasText) {
      log.warn("no state in the database");
      return;
    }
    const metadata = stateText(numberOf(event.text), "subsequent");
    const update = "UPDATE WorkflowState SET metadata='" + metadata + "'  WHERE id = $1";
    log.info("update: " + database.call(update).text);
  }

  onStop(): void {
    database.call("DELETE FROM WorkflowState WHERE id=$1");
  }
}

function numberOf(text: string): f32 {
  const value = num.parseF32(text);
  return num.ok() ? value : 0;
}

/** `{"foo":number,"bar":text}`; whole numbers keep a fraction, as JSON writers for floats do. */
function stateText(foo: f32, bar: string): string {
  const text = num.f32Text(foo);
  const number = isFinite(foo) ? (text.includes(".") ? text : text + ".0") : "null";
  return new JsonWriter().beginObject().key("foo").raw(number).key("bar").string(bar).end().toString();
}
