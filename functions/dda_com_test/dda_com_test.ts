import { EdgeFunction, Event, log, Output } from "edgeless";
import { DdaMessage } from "edgeless/dda";
import { HttpBody } from "edgeless/http";

const dda = new Output("dda");

/** Test fixture: answers each kind of message of the communication API and sends one of the same kind. */
@edgeFunction
class DdaComTest extends EdgeFunction {
  onCast(event: Event): void {
    const message = DdaMessage.parse(event.text);
    if (message === null) return;
    if (message.kind == "ComSubscribeEvent") publish("ComPublishEvent", "event_alias");
    else if (message.kind == "ComSubscribeAction") {
      publish("ComPublishActionResult", message.text);
      publish("ComPublishAction", "action_alias");
    } else if (message.kind == "ComSubscribeQuery") {
      publish("ComPublishQueryResult", message.text);
      publish("ComPublishQuery", "query_alias");
    }
  }
}

function publish(kind: string, text: string): void {
  const reply = dda.call(DdaMessage.of(kind, text, new HttpBody()).toString());
  if (reply.isError) log.error(kind + " failed");
}
