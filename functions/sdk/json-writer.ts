import { num } from "./num";
import { TextBuilder } from "./text-builder";

const BITS: i32 = 32;

/**
 * Writes JSON without blanks; commas come by themselves.
 * `new JsonWriter().beginObject().key("a").integer(1).end().toString()` gives `{"a":1}`.
 */
export class JsonWriter {
  private out: TextBuilder = new TextBuilder();
  /** How many brackets are still to close. */
  private depth: i32 = 0;
  /** Which of the outer ones are those of arrays, a bit each, the innermost last. */
  private arrays: u32 = 0;
  /** What closes the others, outermost first. */
  private deeper: string = "";
  private separate: boolean = false;

  /** Opens an object. */
  beginObject(): JsonWriter {
    return this.open(false);
  }

  /** Opens an array. */
  beginArray(): JsonWriter {
    return this.open(true);
  }

  /** Closes the innermost object or array. */
  end(): JsonWriter {
    this.separate = true;
    if (!this.depth) return this;
    const depth = --this.depth;
    if (depth < BITS) {
      this.out.appendUnit(this.arrays & 1 ? 0x5d : 0x7d);
      this.arrays >>>= 1;
    } else {
      const last = depth - BITS;
      this.out.appendUnit(this.deeper.charCodeAt(last));
      this.deeper = this.deeper.substring(0, last);
    }
    return this;
  }

  /** Names the member that the next value belongs to. */
  key(name: string): JsonWriter {
    this.string(name);
    this.out.appendUnit(0x3a);
    this.separate = false;
    return this;
  }

  /** A text value, escaped where needed. */
  string(value: string): JsonWriter {
    this.begin();
    const out = this.out;
    out.appendUnit(0x22);
    const length = value.length;
    let plain = 0;
    for (let i = 0; i < length; i++) {
      const unit = <u32>load<u16>(changetype<usize>(value) + (<usize>i << 1));
      if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) continue;
      out.appendPart(value, plain, i);
      this.escape(unit);
      plain = i + 1;
    }
    out.appendPart(value, plain, length);
    out.appendUnit(0x22);
    return this;
  }

  /** An integer value. */
  integer(value: i64): JsonWriter {
    if (<u64>value > u32.MAX_VALUE) return this.raw(value.toString());
    return this.u32(<u32>value);
  }

  /** An integer value that is not negative and has at most 32 bits, which is faster on small targets. */
  u32(value: u32): JsonWriter {
    this.begin();
    this.out.appendU32(value);
    return this;
  }

  /** A number value; not finite ones become `null`, which JSON cannot say otherwise. */
  f64(value: f64): JsonWriter {
    return this.raw(isFinite(value) ? num.f64Text(value) : "null");
  }

  /** `true` or `false`. */
  bool(value: boolean): JsonWriter {
    return this.raw(value ? "true" : "false");
  }

  /** `null`. */
  nothing(): JsonWriter {
    return this.raw("null");
  }

  /** A value that is JSON text already. */
  raw(json: string): JsonWriter {
    this.begin();
    this.out.append(json);
    return this;
  }

  /** The text so far. */
  toString(): string {
    return this.out.toString();
  }

  private begin(): void {
    if (this.separate) this.out.appendUnit(0x2c);
    this.separate = true;
  }

  private open(isArray: boolean): JsonWriter {
    this.begin();
    this.out.appendUnit(isArray ? 0x5b : 0x7b);
    if (this.depth < BITS) this.arrays = (this.arrays << 1) | (isArray ? 1 : 0);
    else this.deeper += isArray ? "]" : "}";
    this.depth++;
    this.separate = false;
    return this;
  }

  private escape(unit: u32): void {
    this.out.appendUnit(0x5c);
    if (unit == 0x0a) this.out.appendUnit(0x6e);
    else if (unit == 0x0d) this.out.appendUnit(0x72);
    else if (unit == 0x09) this.out.appendUnit(0x74);
    else if (unit == 0x08) this.out.appendUnit(0x62);
    else if (unit == 0x0c) this.out.appendUnit(0x66);
    else if (unit >= 0x20) this.out.appendUnit(unit);
    else {
      this.out.append(unit < 16 ? "u000" : "u001");
      this.out.appendUnit((unit & 15) < 10 ? 0x30 + (unit & 15) : 0x57 + (unit & 15));
    }
  }
}
