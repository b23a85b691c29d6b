import { EdgeFunction, Event, num, Output } from "edgeless";

const display = new Output("check_display");

/** Turns a reading `co2;humidity;temperature` into the text of a display. */
@edgeFunction
class EspTestFun extends EdgeFunction {
  onCast(event: Event): void {
    const parts = event.text.split(";");
    if (parts.length != 3) return;
    const co2 = num.parseF32(parts[0]);
    if (!num.ok()) throw new Error("the first value is no number");
    display.cast("CO2:\n" + num.f32Text(nearest<f32>(co2)));
  }
}
