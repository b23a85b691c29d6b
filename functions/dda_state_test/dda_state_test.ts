import { EdgeFunction, Event, log, Output } from "edgeless";
import { DdaMessage } from "edgeless/dda";
import { HttpBody } from "edgeless/http";

const dda = new Output("dda");

/** Marks the keys that this function makes, so that it does not answer itself. */
const MARK = "dda";

/** Test fixture: proposes for each key of others the same under a key of its own. */
@edgeFunction
class DdaStateTest extends EdgeFunction {
  onCast(event: Event): void {
    const message = DdaMessage.parse(event.text);
    if (message === null) return;
    if (message.kind == "StateSubscribeMembershipChange") log.info("membership: " + event.text);
    else if (message.text.includes(MARK)) return;
    else if (message.kind == "StateSubscribeSet") {
      const bytes = message.bytes;
      propose(DdaMessage.of("StatePublishSet", message.text + MARK, bytes === null ? new HttpBody() : bytes));
    } else if (message.kind == "StateSubscribeDelete") {
      propose(DdaMessage.ofText("StatePublishDelete", message.text + MARK));
    }
  }
}

function propose(message: DdaMessage): void {
  if (dda.call(message.toString()).isError) log.error(message.kind + " failed");
}
