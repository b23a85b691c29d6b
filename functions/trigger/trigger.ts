import { Args, args, EdgeFunction, Event, Lcg, Output, self, telemetry } from "edgeless";
import { encodeBase64 } from "edgeless/base64";
import { Arrival } from "./arrival";

const out = new Output("out");
const err = new Output("err");

const CONSTANT = "constant";
const COUNTER = "counter";
const VECTOR = "rand_vec";

/**
 * Generates events. Init payload: `out_type` (`constant` with `value`, `counter`, or `rand_vec` with `size`),
 * `arrival` (see `Arrival`), `seed` (0), `use_base64` (false), `log` (false).
 */
@edgeFunction
class Trigger extends EdgeFunction {
  private kind: string = "";
  private value: string = "";
  private vector: ArrayBuffer | null = null;
  private logging: boolean = false;
  private counter: u64 = 0;
  private readonly random: Lcg = new Lcg(0);
  private arrival: Arrival | null = null;

  onInit(payload: string, state: string): void {
    const settings = args(payload);
    this.random.seed(settings.u32("seed", 0));
    const problem = this.configureOutput(settings);
    if (problem.length) {
      err.cast("Invalid output config: " + problem);
      return;
    }
    const arrival = Arrival.parse(settings.text("arrival", ""));
    if (arrival === null) {
      err.cast("Invalid inter-arrival config: expected c(PERIOD), u(MIN;MAX) or e(MEAN)");
      return;
    }
    this.arrival = arrival;
    self.cast("");
  }

  onCast(event: Event): void {
    const arrival = this.arrival;
    if (arrival === null) throw new Error("not configured");
    if (!event.isEmpty) {
      if (this.logging) telemetry(5, "tend", event.text);
      return;
    }
    const vector = this.vector;
    if (vector !== null) out.castBytes(changetype<usize>(vector), vector.byteLength);
    else if (this.kind == COUNTER) this.count();
    else out.cast(this.value);
    self.delayedCast(arrival.next(this.random), "");
  }

  private count(): void {
    const text = this.counter.toString();
    this.counter++;
    out.cast(text);
    if (this.logging) telemetry(5, "tbegin", text);
  }

  /** Says what is wrong; empty when nothing is. */
  private configureOutput(settings: Args): string {
    this.kind = settings.text("out_type", "");
    if (this.kind == CONSTANT) {
      this.value = settings.text("value", "");
      return settings.has("value") ? "" : "value is missing";
    }
    if (this.kind == COUNTER) {
      this.logging = settings.bool("log");
      return "";
    }
    if (this.kind != VECTOR) return "unknown out_type '" + this.kind + "'";
    const size = settings.u32("size", u32.MAX_VALUE);
    if (size == u32.MAX_VALUE) return "size is missing or no number";
    const vector = this.draw(size);
    if (settings.bool("use_base64")) this.value = encodeBase64(changetype<usize>(vector), vector.byteLength);
    else this.vector = vector;
    return "";
  }

  /** Random numbers as big-endian f32. */
  private draw(size: u32): ArrayBuffer {
    const vector = new ArrayBuffer(<i32>(size << 2));
    for (let i: u32 = 0; i < size; i++) {
      const bits = reinterpret<u32>(this.random.next());
      store<u32>(changetype<usize>(vector) + <usize>(i << 2), bswap<u32>(bits));
    }
    return vector;
  }
}
