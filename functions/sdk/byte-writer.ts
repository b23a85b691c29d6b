import { allocate } from "./memory";

/** Puts a payload together in a fixed block of memory, without strings. Writing past its end traps. */
export class ByteWriter {
  /** Address of the first byte. */
  readonly ptr: usize;
  /** Number of bytes written. */
  len: usize = 0;
  private capacity: usize;

  /** @param capacity bytes of the block, which is never given back: make one at the top of the file */
  constructor(capacity: usize) {
    this.ptr = allocate(capacity);
    this.capacity = capacity;
  }

  /** Forgets what was written; the block stays. */
  clear(): ByteWriter {
    this.len = 0;
    return this;
  }

  /** Appends a byte: an ASCII character, or a part of a longer one. */
  byte(value: u32): ByteWriter {
    if (this.len == this.capacity) unreachable();
    store<u8>(this.ptr + this.len, value);
    this.len++;
    return this;
  }

  /** Appends `len` bytes from `ptr`. */
  bytes(ptr: usize, len: usize): ByteWriter {
    for (let i: usize = 0; i < len; i++) this.byte(load<u8>(ptr + i));
    return this;
  }

  /** Appends a number as decimal text. */
  u32(value: u32): ByteWriter {
    this.len = digitsAfter(this.ptr, this.len, this.capacity, value);
    return this;
  }

  /** Appends a number as decimal text. */
  i32(value: i32): ByteWriter {
    const from = this.len;
    const negative = value < 0;
    this.len = digitsAfter(this.ptr, from + (negative ? 1 : 0), this.capacity, <u32>(negative ? -value : value));
    if (negative) store<u8>(this.ptr + from, 0x2d);
    return this;
  }
}

/** Writes a number behind `from` bytes, and returns how many bytes there are then. Each field is read once, which is slow on small targets. */
function digitsAfter(ptr: usize, from: usize, capacity: usize, value: u32): usize {
  let end = from + 1;
  for (let rest = value / 10; rest; rest /= 10) end++;
  if (end > capacity) unreachable();
  let to = ptr + end;
  do {
    to--;
    store<u8>(to, 0x30 + (value % 10));
    value /= 10;
  } while (value);
  return end;
}
