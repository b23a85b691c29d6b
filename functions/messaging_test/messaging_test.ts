import { EdgeFunction, Event, log, Output, Reply } from "edgeless";

const test = new Output("test");

/** Test fixture: does with each import what the message names. */
@edgeFunction
class MessagingTest extends EdgeFunction {
  onInit(payload: string, state: string): void {
    log.info("Messaging Test Init");
  }

  onCast(event: Event): void {
    const text = event.text;
    if (text == "test_cast_raw_output") event.source.castRaw("cast_raw_output");
    else if (text == "test_call_raw_output") event.source.callRaw("call_raw_output");
    else if (text == "test_delayed_cast_output") test.delayedCast(100, "delayed_cast_output");
    else if (text == "test_cast_output") test.cast("cast_output");
    else if (text == "test_call_output") test.call("call_output");
    else log.info("Unprocessed Message");
  }

  onCall(event: Event): Reply {
    const text = event.text;
    if (text == "test_ret") return Reply.text("test_reply");
    return text == "test_err" ? Reply.error() : Reply.none();
  }

  onStop(): void {
    log.info("Messaging Test Stop");
  }
}
