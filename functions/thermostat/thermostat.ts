import { args, EdgeFunction, Event, num, Output } from "edgeless";

const heater = new Output("heater");
const log = new Output("log");

/**
 * Switches a heater by what an scd30-sensor casts, `co2;humidity;temperature`: on below `low`, off above `high`, and in
 * between as it was. Init payload: `low=19.5,high=20.5`.
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
    const parts = event.text.split(";");
    if (parts.length != 3) return;
    const temperature = num.parseF32(parts[2]);
    if (!num.ok()) return;
    if (!this.heating && temperature < this.low) this.set(true, parts[2]);
    else if (this.heating && temperature > this.high) this.set(false, parts[2]);
  }

  private set(heating: bool, temperature: string): void {
    this.heating = heating;
    heater.cast(heating ? "1" : "0");
    log.cast("heater " + (heating ? "on" : "off") + " at " + temperature);
  }
}
