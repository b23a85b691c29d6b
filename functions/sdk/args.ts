import { log } from "./log";
import { num } from "./num";

/**
 * An init payload of the form `key=value,key=value`. A value ends at the next `=` or `,`; nothing is trimmed and
 * nothing can be escaped; of two equal keys the later one counts; a token without `=` is logged and skipped.
 */
export class Args {
  private payload: string;
  private valueStart: i32 = 0;
  private valueEnd: i32 = 0;

  constructor(payload: string) {
    this.payload = payload;
    if (payload.length) this.find("", true);
  }

  /** True when the key is there, even with an empty value. */
  has(key: string): boolean {
    return this.find(key, false);
  }

  /** The value as text; `missing` when the key is not there. */
  text(key: string, missing: string): string {
    return this.find(key, false) ? this.payload.substring(this.valueStart, this.valueEnd) : missing;
  }

  /** True when the value is `true` in any case; false for everything else, and without the key. */
  bool(key: string): boolean {
    if (!this.find(key, false) || this.valueEnd - this.valueStart != 4) return false;
    for (let i = 0; i < 4; i++) {
      if ((this.payload.charCodeAt(this.valueStart + i) | 0x20) != "true".charCodeAt(i)) return false;
    }
    return true;
  }

  /** The value as i32; `missing` also when it is no such number. */
  i32(key: string, missing: i32): i32 {
    const value = num.parseI32(this.text(key, ""));
    return num.ok() ? value : missing;
  }

  /** The value as u32; `missing` also when it is no such number. */
  u32(key: string, missing: u32): u32 {
    const value = num.parseU32(this.text(key, ""));
    return num.ok() ? value : missing;
  }

  /** The value as u64; `missing` also when it is no such number. */
  u64(key: string, missing: u64): u64 {
    const value = num.parseU64(this.text(key, ""));
    return num.ok() ? value : missing;
  }

  /** The value as f32; `missing` also when it is no such number. */
  f32(key: string, missing: f32): f32 {
    const value = num.parseF32(this.text(key, ""));
    return num.ok() ? value : missing;
  }

  /** The value as f64; `missing` also when it is no such number. */
  f64(key: string, missing: f64): f64 {
    const value = num.parseF64(this.text(key, ""));
    return num.ok() ? value : missing;
  }

  /** The items of a list of u32; items that are no such number are dropped, a missing key gives no items. */
  listU32(key: string, separator: string): u32[] {
    const items: u32[] = [];
    if (!this.has(key)) return items;
    const parts = this.text(key, "").split(separator);
    for (let i = 0; i < parts.length; i++) {
      const value = num.parseU32(parts[i]);
      if (num.ok()) items.push(value);
    }
    return items;
  }

  private find(key: string, complain: boolean): boolean {
    const payload = this.payload;
    let found = false;
    let start = 0;
    while (start <= payload.length) {
      const end = indexOrEnd(payload, ",", start, payload.length);
      const keyEnd = indexOrEnd(payload, "=", start, end);
      if (keyEnd == end) {
        if (complain) log.error("invalid initialization token: " + payload.substring(start, end));
      } else if (!complain && payload.substring(start, keyEnd) == key) {
        found = true;
        this.valueStart = keyEnd + 1;
        this.valueEnd = indexOrEnd(payload, "=", keyEnd + 1, end);
      }
      start = end + 1;
    }
    return found;
  }
}

/** Reads an init payload of the form `key=value,key=value`. */
export function args(payload: string): Args {
  return new Args(payload);
}

function indexOrEnd(text: string, mark: string, start: i32, end: i32): i32 {
  const at = text.indexOf(mark, start);
  return at < 0 || at > end ? end : at;
}
