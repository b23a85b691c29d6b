/** The shortest decimal of a double without exponent, as Rust prints it. */
export function expandDecimal(value: number): string {
  if (Object.is(value, -0)) return "-0";
  const [mantissa = "", exponent] = String(Math.abs(value)).split("e");
  const sign = value < 0 ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent ?? 0);
  const digits = whole + fraction;
  const position = whole.length + shift;
  if (position <= 0) return `${sign}0.${"0".repeat(-position)}${digits}`;
  if (position >= digits.length) return sign + digits.padEnd(position, "0");
  return `${sign}${digits.slice(0, position)}.${digits.slice(position)}`;
}

/** The f32 nearest to a decimal, rounded once (halves to even), by exact arithmetic. */
export function nearestFloat32(text: string): number {
  const value = Number(text);
  const rounded = Math.fround(value);
  if (!Number.isFinite(value) || value === 0) return rounded;
  // Rounding twice goes wrong only when the double lies exactly between two floats; then the decimal decides.
  const exact = fraction(text);
  let best = rounded;
  for (const candidate of [below(rounded), above(rounded)]) {
    if (!Number.isFinite(candidate) || !Number.isFinite(best)) continue;
    const a = distance(exact, candidate);
    const b = distance(exact, best);
    if (a < b || (a === b && isEven(candidate))) best = candidate;
  }
  return best;
}

/** What reading an integer of a type gives: its text, or the Rust error. */
export function rustInteger(text: string, type: "i32" | "u32" | "i64" | "u64"): string {
  const bits = BigInt(type.slice(1));
  const signed = type.startsWith("i");
  const least = signed ? -(2n ** (bits - 1n)) : 0n;
  const most = signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  if (text === "") return "cannot parse integer from empty string";
  const negative = signed && text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "") return "invalid digit found in string";
  let value = 0n;
  for (const digit of body) {
    if (!/^[0-9]$/.test(digit)) return "invalid digit found in string";
    value = value * 10n + (negative ? -BigInt(digit) : BigInt(digit));
    if (value > most) return "number too large to fit in target type";
    if (value < least) return "number too small to fit in target type";
  }
  return String(value);
}

/** Powers of two big enough to make every float and every short decimal a whole number. */
const SCALE = 2n ** 200n;

function fraction(text: string): bigint {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", part = ""] = mantissa.replace("-", "").split(".");
  const power = Number(exponent) - part.length;
  const digits = BigInt(whole + part) * SCALE * 10n ** 400n;
  const scaled = power >= 0 ? digits * 10n ** BigInt(power) : digits / 10n ** BigInt(-power);
  return text.startsWith("-") ? -scaled : scaled;
}

function distance(exact: bigint, value: number): bigint {
  // A float is a whole number of 2^-149.
  const units = BigInt(value * 2 ** 100 * 2 ** 49);
  const scaled = units * 2n ** 51n * 10n ** 400n;
  return exact > scaled ? exact - scaled : scaled - exact;
}

function neighbour(value: number, step: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint32(0, view.getUint32(0) + step);
  return view.getFloat32(0);
}

function below(value: number): number {
  return value === 0 ? value : neighbour(value, -1);
}

function above(value: number): number {
  return neighbour(value, 1);
}

function isEven(value: number): boolean {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0) % 2 === 0;
}
