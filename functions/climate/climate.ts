import { EdgeFunction, Event, Output } from "edgeless";

const reading = new Output("reading");
const display = new Output("display");

/** Turns what an scd30-sensor casts, `co2;humidity;temperature`, into a line to read and a text for a display. */
@edgeFunction
class Climate extends EdgeFunction {
  onCast(event: Event): void {
    const parts = event.text.split(";");
    if (parts.length != 3) return;
    const co2 = decimals(parts[0], 0);
    const humidity = decimals(parts[1], 0);
    const temperature = decimals(parts[2], 1);
    reading.cast(temperature + " degrees, " + humidity + " % humidity, " + co2 + " ppm CO2");
    display.cast(temperature + " C\n" + co2 + " ppm");
  }
}

/** A decimal number cut to so many digits after the point. */
function decimals(text: string, digits: i32): string {
  const point = text.indexOf(".");
  if (point < 0) return text;
  return digits == 0 ? text.substring(0, point) : text.substring(0, point + 1 + digits);
}
