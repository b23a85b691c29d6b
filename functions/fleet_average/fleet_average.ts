import { EdgeFunction, Event, num, Output } from "edgeless";

const output = new Output("output");

/** Keeps the newest temperature of each sensor that casts `co2;humidity;temperature`, and casts the mean of all. */
@edgeFunction
class FleetAverage extends EdgeFunction {
  private sources: string[] = [];
  private temperatures: f32[] = [];

  onCast(event: Event): void {
    const parts = event.text.split(";");
    if (parts.length != 3) return;
    const temperature = num.parseF32(parts[2]);
    if (!num.ok()) return;
    const source = event.source.toString();
    const known = this.sources.indexOf(source);
    if (known < 0) {
      this.sources.push(source);
      this.temperatures.push(temperature);
    } else this.temperatures[known] = temperature;
    let sum: f32 = 0;
    for (let i = 0; i < this.temperatures.length; i++) sum += this.temperatures[i];
    const mean = sum / <f32>this.temperatures.length;
    output.cast(num.f32Text(mean) + " from " + this.temperatures.length.toString() + " sensors");
  }
}
