import { TextBuilder } from "./text-builder";

/** How deep `skip` follows nested values. */
const MAX_DEPTH = 128;
/** So many digits are a number of 32 bits. */
const SMALL_DIGITS: usize = 9;
const LEAST: i64 = i64.MIN_VALUE;

/**
 * Reads JSON (RFC 8259) from left to right, one value at a time. An unexpected byte makes `ok` false for good, and
 * from then on every reader returns an empty value, so that the check can wait for the end:
 *
 *     const json = new JsonReader(text);
 *     if (json.beginObject()) while (json.nextKey()) {
 *       if (json.key == "count") count = json.integer();
 *       else json.skip();
 *     }
 *     if (!json.finished()) …
 */
export class JsonReader {
  /** The member that `nextKey` found. */
  key: string = "";
  /** False once something unexpected was met. */
  ok: boolean = true;
  private text: string;
  private at: i32 = 0;
  private first: boolean = false;

  constructor(text: string) {
    this.text = text;
  }

  /** True when all was read and nothing follows. */
  finished(): boolean {
    return this.ok && this.peek() < 0;
  }

  /** The first character of the next value, empty at the end: `{`, `[`, `"`, `t`, `f`, `n`, or that of a number. */
  peekKind(): string {
    return this.peek() < 0 ? "" : this.text.charAt(this.at);
  }

  /** True when the next value is `null`, which is then read. */
  nothing(): boolean {
    if (this.peek() != 0x6e) return false;
    this.word("null");
    return true;
  }

  /** Enters an object. */
  beginObject(): boolean {
    this.expect(0x7b);
    this.first = true;
    return this.ok;
  }

  /** Goes on to the next member; false at the end of the object, which is then left. */
  nextKey(): boolean {
    if (!this.more(0x7d)) return false;
    this.key = this.string();
    this.expect(0x3a);
    return this.ok;
  }

  /** Enters an array. */
  beginArray(): boolean {
    this.expect(0x5b);
    this.first = true;
    return this.ok;
  }

  /** True when another item follows; false at the end of the array, which is then left. */
  nextItem(): boolean {
    return this.more(0x5d);
  }

  /** A text, without its quotes and escapes; empty when it is something else. */
  string(): string {
    this.expect(0x22);
    if (!this.ok) return "";
    const start = this.at;
    for (let unit = this.unit(); unit >= 0x20; unit = this.unit()) {
      this.at++;
      if (unit == 0x22) return this.text.substring(start, this.at - 1);
      if (unit == 0x5c) {
        this.at = start;
        return this.escapedString();
      }
    }
    this.fail();
    return "";
  }

  /** A whole number of 64 bits; one with a fraction, an exponent or more bits is refused: 0, and `ok` is false. */
  integer(): i64 {
    const start = this.integerPart();
    const isNegative = this.at > start && load<u16>(this.place(start)) == 0x2d;
    let from = this.place(start) + (isNegative ? 2 : 0);
    const end = this.place(this.at);
    const unit = this.unit();
    let value: i64 = 0;
    if (end - from <= SMALL_DIGITS << 1) {
      // 64 bits are slow on targets without them.
      let small = 0;
      for (; from != end; from += 2) small = small * 10 + load<u16>(from) - 0x30;
      value = small;
    } else {
      for (; from != end; from += 2) {
        const digit = <i64>load<u16>(from) - 0x30;
        // Below zero there is one number more.
        if (value < LEAST / 10 || (value == LEAST / 10 && digit > (isNegative ? 8 : 7))) this.fail();
        value = value * 10 - digit;
      }
      value = -value;
    }
    if (unit == 0x2e || (unit | 0x20) == 0x65) this.fail();
    if (this.ok) return isNegative ? -value : value;
    this.at = start;
    return 0;
  }

  /** The text of a number, as it stands there, for `num` to read. */
  number(): string {
    const start = this.integerPart();
    if (this.unit() == 0x2e) {
      this.at++;
      this.digits();
    }
    if ((this.unit() | 0x20) == 0x65) {
      this.at++;
      if (this.unit() == 0x2b || this.unit() == 0x2d) this.at++;
      this.digits();
    }
    return this.text.substring(start, this.at);
  }

  /** `true` or `false`. */
  bool(): boolean {
    if (this.peek() == 0x74) {
      this.word("true");
      return this.ok;
    }
    this.word("false");
    return false;
  }

  /** Passes over one value of any kind, at most 128 levels deep. */
  skip(): void {
    this.skipNested(MAX_DEPTH);
  }

  private skipNested(depth: i32): void {
    if (!depth) this.fail();
    const unit = this.peek();
    if (unit == 0x7b) {
      this.beginObject();
      while (this.nextKey()) this.skipNested(depth - 1);
    } else if (unit == 0x5b) {
      this.beginArray();
      while (this.nextItem()) this.skipNested(depth - 1);
    } else if (unit == 0x22) this.string();
    else if (unit == 0x74 || unit == 0x66) this.bool();
    else if (!this.nothing()) this.number();
  }

  private escapedString(): string {
    const out = new TextBuilder();
    for (let unit = this.unit(); unit >= 0x20; unit = this.unit()) {
      this.at++;
      if (unit == 0x22) return out.toString();
      out.appendUnit(unit == 0x5c ? this.escape() : unit);
    }
    this.fail();
    return "";
  }

  private escape(): u32 {
    const unit = this.unit();
    this.at++;
    if (unit == 0x22 || unit == 0x5c || unit == 0x2f) return unit;
    if (unit == 0x6e) return 0x0a;
    if (unit == 0x74) return 0x09;
    if (unit == 0x72) return 0x0d;
    if (unit == 0x62) return 0x08;
    if (unit == 0x66) return 0x0c;
    let code: u32 = 0;
    if (unit != 0x75) this.fail();
    for (let i = 0; i < 4 && this.ok; i++) {
      const digit = this.unit();
      const letter = digit | 0x20;
      if (digit >= 0x30 && digit <= 0x39) code = (code << 4) | (digit - 0x30);
      else if (letter >= 0x61 && letter <= 0x66) code = (code << 4) | (letter - 0x57);
      else this.fail();
      this.at++;
    }
    return code;
  }

  /** Passes over the sign and the digits up to a point or an exponent, and returns where they start. */
  private integerPart(): i32 {
    this.peek();
    const start = this.at;
    if (this.unit() == 0x2d) this.at++;
    if (this.unit() == 0x30) this.at++;
    else this.digits();
    return start;
  }

  /** Address of a code unit. */
  private place(index: i32): usize {
    return changetype<usize>(this.text) + (<usize>index << 1);
  }

  private digits(): void {
    const start = this.at;
    while (this.unit() >= 0x30 && this.unit() <= 0x39) this.at++;
    if (this.at == start) this.fail();
  }

  private word(word: string): void {
    this.peek();
    if (this.text.substr(this.at, word.length) == word) this.at += word.length;
    else this.fail();
  }

  private more(close: i32): boolean {
    if (this.peek() == close) {
      this.at++;
      this.first = false;
      return false;
    }
    if (!this.first) this.expect(0x2c);
    this.first = false;
    return this.ok;
  }

  private expect(unit: i32): void {
    if (this.peek() == unit) this.at++;
    else this.fail();
  }

  /** The next code unit that is not a blank; -1 at the end. */
  private peek(): i32 {
    let unit = this.unit();
    while (unit == 0x20 || unit == 0x0a || unit == 0x0d || unit == 0x09) {
      this.at++;
      unit = this.unit();
    }
    return unit;
  }

  private unit(): i32 {
    return this.ok && this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  private fail(): void {
    this.ok = false;
  }
}
