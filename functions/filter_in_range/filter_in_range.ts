import { EdgeFunction, Event, num, Output } from "edgeless";

const output = new Output("output");
const error = new Output("error");

/** Lets numbers of a range pass. Init payload: `min,max`. */
@edgeFunction
class FilterInRange extends EdgeFunction {
  private configured: boolean = false;
  private min: f32 = 0;
  private max: f32 = 0;

  onInit(payload: string, state: string): void {
    this.configured = payload.length > 0;
    const parts = payload.split(",");
    if (parts.length != 2) return;
    const min = num.parseF32(parts[0]);
    if (!num.ok()) return;
    const max = num.parseF32(parts[1]);
    if (!num.ok()) return;
    this.min = min;
    this.max = max;
  }

  onCast(event: Event): void {
    if (!this.configured) throw new Error("no init payload");
    const value = event.f32();
    if (!event.ok) error.cast("invalid event payload '" + event.text + "': " + event.reason);
    else if (value >= this.min && value <= this.max) output.castBytes(event.ptr, event.len);
    else {
      const range = "[" + num.f32Text(this.min) + "," + num.f32Text(this.max) + "]";
      error.cast("value '" + num.f32Text(value) + "' out of range " + range);
    }
  }
}
