import type { Clock } from "../core/clock.js";
import {
  DATA_READY,
  READ_MEASUREMENT,
  type Scd30Measurement,
  START_CONTINUOUS,
  scd30Check,
} from "../embedded/drivers/scd30.js";
import type { I2cDevice } from "./emulated-i2c-bus.js";
import type { MeasurementSource } from "./measurements.js";

/** An SCD30 on an emulated I2C bus: answers the commands that the driver uses, with their check bytes. */
export class EmulatedScd30 implements I2cDevice {
  /** Measures this instead of what the source says, when set. */
  override: Scd30Measurement | undefined;
  readonly #source: MeasurementSource;
  readonly #clock: Clock;
  readonly #startMs: number;
  #command = 0;
  #measuring = false;

  constructor(source: MeasurementSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** What it measures now. */
  get measurement(): Scd30Measurement {
    return this.override ?? this.#source.at(this.#clock.monotonicMs() - this.#startMs);
  }

  write(bytes: Uint8Array): void {
    this.#command = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    if (this.#command === START_CONTINUOUS) this.#measuring = true;
  }

  read(count: number): Uint8Array {
    const { co2, temperature, humidity } = this.measurement;
    const data = new DataView(new ArrayBuffer(12));
    if (this.#command === DATA_READY) data.setUint16(0, this.#measuring ? 1 : 0);
    if (this.#command === READ_MEASUREMENT)
      for (const [index, value] of [co2, temperature, humidity].entries()) data.setFloat32(index * 4, value);
    const answer = new Uint8Array(count);
    for (let i = 0; i < count; i += 3) {
      const at = (i / 3) * 2;
      const high = data.getUint8(at);
      const low = data.getUint8(at + 1);
      answer.set([high, low, scd30Check(high, low)].slice(0, count - i), i);
    }
    return answer;
  }
}
