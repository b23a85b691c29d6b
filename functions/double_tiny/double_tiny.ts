import { ByteWriter, EdgeFunction, Event, log, Output } from "edgeless";

const result = new Output("result");
const text = new ByteWriter(11);

/** `double` for the smallest boards: works on bytes and makes no strings. */
@edgeFunction
class DoubleTiny extends EdgeFunction {
  onCast(event: Event): void {
    log.bytes(3, event.ptr, event.len);
    const value = event.i32();
    if (event.ok) {
      text.clear().i32(value * 2);
      result.castBytes(text.ptr, text.len);
    }
  }
}
