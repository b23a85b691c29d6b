import { args, EdgeFunction, Event, Lcg, num, Output, self, telemetry } from "edgeless";
import { TextBuilder } from "edgeless/text-builder";

const out = new Output("out");

/**
 * Benchmark: a client sends random vectors round a chain of processors that multiply them with a matrix.
 * Init payload: `seed` (0), `is_client` (false), `input_size` (100).
 */
@edgeFunction
class VectorMul extends EdgeFunction {
  private client: boolean = false;
  private size: i32 = 0;
  private readonly random: Lcg = new Lcg(0);
  private matrix: StaticArray<f32> = [];
  private input: StaticArray<f32> = [];
  private counter: u64 = 0;

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.client = settings.bool("is_client");
    this.size = <i32>settings.u32("input_size", 100);
    this.random.seed(settings.u32("seed", 0));
    if (this.client) {
      self.delayedCast(1000, "");
      return;
    }
    this.input = new StaticArray<f32>(this.size + 1);
    this.matrix = new StaticArray<f32>(this.size * this.size);
    for (let i = 0; i < this.matrix.length; i++) this.matrix[i] = this.random.next();
  }

  onCast(event: Event): void {
    if (this.client) this.send();
    else this.process(event);
  }

  private send(): void {
    if (this.counter) telemetry(5, "tend", this.counter.toString());
    this.counter++;
    const id = this.counter.toString();
    const text = new TextBuilder();
    text.append(id);
    for (let i = 0; i < this.size; i++) {
      text.append(",");
      text.append(num.f32Text(this.random.next()));
    }
    telemetry(5, "tbegin", id);
    out.cast(text.toString());
  }

  private process(event: Event): void {
    this.read(event.ptr, event.len);
    const text = new TextBuilder();
    text.append(num.f32Text(this.input[0]));
    for (let row = 0; row < this.size; row++) {
      let sum: f32 = 0;
      // The id at index 0 takes part and the last number does not: that is the benchmark as it is defined.
      for (let j = 0; j < this.size; j++) sum += this.matrix[row * this.size + j] * this.input[j];
      text.append(",");
      text.append(num.f32Text(sum));
    }
    out.cast(text.toString());
  }

  private read(ptr: usize, len: usize): void {
    let count = 0;
    let start: usize = 0;
    for (let at: usize = 0; at <= len; at++) {
      if (at < len && load<u8>(ptr + at) != 0x2c) continue;
      // One number too many is an index out of range.
      this.input[count++] = num.parseF32At(ptr + start, at - start);
      start = at + 1;
    }
    if (count != this.input.length) throw new Error("wrong number of values");
  }
}
