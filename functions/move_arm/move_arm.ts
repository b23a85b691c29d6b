import { EdgeFunction, Event, num, Output, Reply } from "edgeless";
import { DdaMessage } from "edgeless/dda";
import { HttpBody } from "edgeless/http";

const dda = new Output("dda");
/** Not used: the log lines go to telemetry. */
const logOutput = new Output("log_output");

/** Moves an arm by a tenth of what it is asked for. */
@edgeFunction
class MoveArm extends EdgeFunction {
  onCall(event: Event): Reply {
    const parts = event.text.split(":");
    if (parts.length != 3 || parts[0] != "checktemp") return Reply.error();
    const distance = num.parseF64(parts[2]);
    if (!num.ok()) throw new Error("the distance is no number");
    const angle = HttpBody.fromText(num.f64Text(0.1 * distance));
    const reply = dda.call(DdaMessage.of("ComPublishAction", "move_arm", angle).toString());
    const result = reply.hasText ? DdaMessage.parse(reply.text) : null;
    if (result === null || result.kind != "ComSubscribeActionResult") return Reply.error();
    const bytes = result.bytes;
    return bytes === null ? Reply.text("") : Reply.bytes(bytes.ptr, bytes.len);
  }
}
