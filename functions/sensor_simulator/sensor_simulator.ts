import { args, EdgeFunction, Event, Lcg, num, Output, self } from "edgeless";

const output = new Output("output");

/**
 * Sends random numbers. Init payload: `period` in milliseconds (1000), `min-value` (0), `max-value` (1),
 * `seed` (0).
 */
@edgeFunction
class SensorSimulator extends EdgeFunction {
  private period: u64 = 1000;
  private min: f32 = 0;
  private max: f32 = 1;
  private readonly random: Lcg = new Lcg(0);

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.period = settings.u64("period", 1000);
    this.min = settings.f32("min-value", 0);
    this.max = settings.f32("max-value", 1);
    this.random.seed(settings.u32("seed", 0));
    self.cast("");
  }

  onCast(event: Event): void {
    const value: f32 = this.random.next() * (this.max - this.min) + this.min;
    output.cast(num.f32Text(value));
    self.delayedCast(this.period, "");
  }
}
