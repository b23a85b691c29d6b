import { EdgeFunction, Event, num, Output } from "edgeless";
import { byteListText } from "edgeless/byte-list";

const output = new Output("output");
const error = new Output("error");

/** Casts the mean of the last numbers. Init payload: how many; 0 never gives a mean. */
@edgeFunction
class MovingAvg extends EdgeFunction {
  private configured: boolean = false;
  /** A ring; `next` is the place of the oldest number once it is full. */
  private window: StaticArray<f32> = new StaticArray<f32>(0);
  private next: i32 = 0;
  private count: i32 = 0;

  onInit(payload: string, state: string): void {
    this.configured = payload.length > 0;
    const size = num.parseU32(payload);
    this.window = new StaticArray<f32>(<i32>size);
  }

  onCast(event: Event): void {
    if (!this.configured) throw new Error("no init payload");
    const value = event.f32();
    if (!event.ok) {
      error.cast("invalid event payload '" + byteListText(event.ptr, event.len) + "': " + event.reason);
      return;
    }
    const size = this.window.length;
    if (size == 0) return;
    this.window[this.next] = value;
    this.next = (this.next + 1) % size;
    if (this.count < size) this.count++;
    if (this.count == size) output.cast(num.f32Text(this.mean()));
  }

  /** Adds from the newest to the oldest, which decides the rounding. */
  private mean(): f32 {
    const size = this.window.length;
    let sum: f32 = 0;
    for (let i = 1; i <= size; i++) sum += this.window[(this.next - i + size) % size];
    return sum / <f32>size;
  }
}
