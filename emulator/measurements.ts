import { EdgelessError } from "../core/errors.js";
import { type Random, uniform } from "../core/random.js";
import type { Scd30Measurement } from "../embedded/drivers/scd30.js";

/** What an emulated sensor measures at a time. */
export interface MeasurementSource {
  /** @param atMs milliseconds since the sensor was made */
  at(atMs: number): Scd30Measurement;
}

const DAY_MS = 86_400_000;

/** A room over the day: carbon dioxide rises with people in it, temperature follows, a little noise on all three. */
export function roomModel(random: Random): MeasurementSource {
  const noise = (amplitude: number) => (uniform(random) - 0.5) * 2 * amplitude;
  return {
    at(atMs) {
      const day = Math.sin((2 * Math.PI * atMs) / DAY_MS);
      return {
        co2: 800 + 350 * day + noise(15),
        humidity: 50 - 8 * day + noise(0.5),
        temperature: 21 + 2.5 * day + noise(0.1),
      };
    },
  };
}

/** Always the same. */
export function constantMeasurement(measurement: Scd30Measurement): MeasurementSource {
  return { at: () => measurement };
}

/**
 * Rows of a CSV file, `seconds,co2,humidity,temperature` with an optional heading line: each holds from its time until the
 * next one's, and after the last row it starts again.
 * @throws EdgelessError EDGELESS_BAD_CONFIG with the line
 */
export function csvMeasurements(text: string, file: string): MeasurementSource {
  const rows = readRows(text, file);
  const last = rows[rows.length - 1];
  if (last === undefined) throw new EdgelessError("EDGELESS_BAD_CONFIG", `${file} holds no measurements`);
  // The last row lasts as long as the one before it.
  const lengthMs = last.atMs + Math.max(1000, last.atMs - (rows[rows.length - 2]?.atMs ?? 0));
  return {
    at(atMs) {
      const within = atMs % lengthMs;
      let current = rows[0] ?? last;
      for (const row of rows) if (row.atMs <= within) current = row;
      return current;
    },
  };
}

interface Row extends Scd30Measurement {
  readonly atMs: number;
}

function readRows(text: string, file: string): Row[] {
  const rows: Row[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [seconds = NaN, co2 = NaN, humidity = NaN, temperature = NaN, ...more] = line
      .split(",")
      .map((field) => (field.trim() === "" ? NaN : Number(field)));
    const wrong = [seconds, co2, humidity, temperature].some(Number.isNaN) || more.length > 0;
    if (wrong && index === 0) continue;
    if (wrong || seconds * 1000 < (rows[rows.length - 1]?.atMs ?? 0)) {
      throw new EdgelessError(
        "EDGELESS_BAD_CONFIG",
        `${file} line ${index + 1}: expected seconds,co2,humidity,temperature, in order of time`,
      );
    }
    rows.push({ atMs: seconds * 1000, co2, humidity, temperature });
  }
  return rows;
}
