import { EdgeFunction, Event, log, num, Output } from "edgeless";
import { DdaMessage } from "edgeless/dda";

/** Not used: events come by themselves. */
const dda = new Output("dda");
const moveArm = new Output("move_arm");
/** Not used: the log lines go to telemetry. */
const logOutput = new Output("log_output");

/** Has the arm moved when a temperature leaves the range from 40 to 60. */
@edgeFunction
class CheckTemperature extends EdgeFunction {
  onCast(event: Event): void {
    const message = DdaMessage.parse(event.text);
    if (message === null || message.kind != "ComSubscribeEvent") return;
    const bytes = message.bytes;
    const temperature = num.parseF64(bytes === null ? "" : bytes.text.trim());
    if (!num.ok()) log.warn("no temperature: " + num.reason());
    else if (temperature > 60) adjust(temperature - 60);
    else if (temperature < 40) adjust(temperature - 40);
  }
}

function adjust(difference: f64): void {
  const reply = moveArm.call("checktemp:diff:" + num.f64Text(difference));
  if (reply.isError) log.error("the arm did not move");
  else if (!reply.hasText) throw new Error("no reply");
}
