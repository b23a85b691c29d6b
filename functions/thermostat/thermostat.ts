import { args, EdgeFunction, Event, num, Output } from "edgeless";

const heater = new Output("heater");
const log = new Output("log");

/**
 * Switches a heater by the last number of what a sensor casts, as in the `co2;humidity;temperature` of scd30-sensor: on below
 * `low`, off above `high`, and in between as it was. Init payload: `low=19.5,high=20.5`.
 */
@edgeFunction
class Thermostat extends EdgeFunction {
  private low: f32 = 19.5;
  private high: f32 = 20.5;
  private heating: bool = false;

  onInit(payload: string, state: string): void {
    const given = args(payload);
    this.low = given.f32("low", this.low);
    this.high = given.f32("high", this.high);
  }

  onCast(event: Event): void {
    const text = event.text;
    const temperature = text.substring(text.lastIndexOf(";") + 1);
    const degrees = num.parseF32(temperature);
    if (!num.ok()) return;
    if (!this.heating && degrees < this.low) this.set(true, temperature);
    else if (this.heating && degrees > this.high) this.set(false, temperature);
  }

  private set(heating: bool, temperature: string): void {
    this.heating = heating;
    heater.cast(heating ? "1" : "0");
    log.cast((heating ? "heater on at " : "heater off at ") + temperature);
  }
}
