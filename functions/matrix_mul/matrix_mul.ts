import { args, EdgeFunction, Event, Lcg, log, num, Output, self, telemetry } from "edgeless";

const outputs = Output.range("out-", 20);

/**
 * Benchmark: multiplies matrices, one per event. Init payload: `seed` (0), `inter_arrival` in milliseconds (1000),
 * `is_first`, `is_last` (false), `matrix_size` (100), `outputs`, numbers joined by colons (0).
 */
@edgeFunction
class MatrixMul extends EdgeFunction {
  private interArrival: u64 = 0;
  private first: boolean = false;
  private last: boolean = false;
  private size: i32 = 0;
  private targets: u32[] = [];
  private readonly random: Lcg = new Lcg(0);
  private matrix: StaticArray<f32> = [];
  private factor: StaticArray<f32> = [];
  private product: StaticArray<f32> = [];
  private transaction: u64 = 0;

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.interArrival = settings.u64("inter_arrival", 1000);
    this.first = settings.bool("is_first");
    this.last = settings.bool("is_last");
    this.size = <i32>settings.u32("matrix_size", 100);
    this.targets = settings.has("outputs") ? settings.listU32("outputs", ":") : [0];
    this.random.seed(settings.u32("seed", 0));
    this.matrix = new StaticArray<f32>(this.size * this.size);
    this.factor = new StaticArray<f32>(this.size * this.size);
    this.product = new StaticArray<f32>(this.size * this.size);
    this.draw(this.matrix);
    if (this.first) self.delayedCast(1000, "");
  }

  onCast(event: Event): void {
    const id = (this.first ? this.transaction++ : num.parseU64(event.text)).toString();
    if (this.first) {
      if (this.interArrival) self.delayedCast(this.interArrival, "");
      telemetry(5, "tbegin", id);
    }
    this.draw(this.factor);
    this.multiply();
    if (this.last) telemetry(5, "tend", id);
    for (let i = 0; i < this.targets.length; i++) {
      const target = this.targets[i];
      if (target < <u32>outputs.length) outputs[target].cast(id);
      else log.warn("there is no output out-" + target.toString());
    }
  }

  private draw(matrix: StaticArray<f32>): void {
    for (let i = 0; i < matrix.length; i++) unchecked((matrix[i] = this.random.next()));
  }

  private multiply(): void {
    const size = this.size;
    const matrix = this.matrix;
    const factor = this.factor;
    const product = this.product;
    for (let row = 0; row < size * size; row += size) {
      for (let j = 0; j < size; j++) unchecked((product[row + j] = 0));
      for (let k = 0; k < size; k++) {
        const value = unchecked(matrix[row + k]);
        for (let j = 0; j < size; j++) {
          unchecked((product[row + j] += value * factor[k * size + j]));
        }
      }
    }
    this.matrix = product;
    this.product = matrix;
  }
}
