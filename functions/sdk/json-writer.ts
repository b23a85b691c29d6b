import { num } from "./num";
import { TextBuilder } from "./text-builder";

/**
 * Writes JSON without blanks; commas come by themselves.
 * `new JsonWriter().beginObject().key("a").integer(1).end().toString()` gives `{"a":1}`.
 */
export class JsonWriter {
  private out: TextBuilder = new TextBuilder();
  /** The brackets still to close, outermost first. */
  private closing: string = "";
  private separate: boolean = false;

  /** Opens an object. */
  beginObject(): JsonWriter {
    return this.open("{", "}");
  }

  /** Opens an array. */
  beginArray(): JsonWriter {
    return this.open("[", "]");
  }

  /** Closes the innermost object or array. */
  end(): JsonWriter {
    const last = this.closing.length - 1;
    this.out.append(this.closing.substring(last));
    this.closing = this.closing.substring(0, last);
    this.separate = true;
    return this;
  }

  /** Names the member that the next value belongs to. */
  key(name: string): JsonWriter {
    this.string(name);
    this.out.append(":");
    this.separate = false;
    return this;
  }

  /** A text value, escaped where needed. */
  string(value: string): JsonWriter {
    this.begin();
    this.out.append('"');
    let plain = 0;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) continue;
      this.out.append(value.substring(plain, i));
      this.escape(unit);
      plain = i + 1;
    }
    this.out.append(value.substring(plain));
    this.out.append('"');
    return this;
  }

  /** An integer value. */
  integer(value: i64): JsonWriter {
    return this.raw(value.toString());
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
    if (this.separate) this.out.append(",");
    this.separate = true;
  }

  private open(bracket: string, close: string): JsonWriter {
    this.begin();
    this.out.append(bracket);
    this.closing += close;
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
