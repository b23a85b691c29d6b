import { allocate } from "./memory";

/** Puts a payload together in a fixed block of memory, without strings. Writing past its end traps. */
export class ByteWriter {
  /** Address of the first byte. */
  readonly ptr: usize;
  /** Number of bytes written. */
  len: usize = 0;
  private capacity: usize;

  constructor(capacity: usize) {
    this.ptr = allocate(capacity);
    this.capacity = capacity;
  }

  /** Forgets what was written. */
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
    let end = this.len + 1;
    for (let rest = value / 10; rest; rest /= 10) end++;
    if (end > this.capacity) unreachable();
    this.len = end;
    let to = this.ptr + end;
    do {
      to--;
      store<u8>(to, 0x30 + (value % 10));
      value /= 10;
    } while (value);
    return this;
  }

  /** Appends a number as decimal text. */
  i32(value: i32): ByteWriter {
    if (value < 0) {
      this.byte(0x2d);
      value = -value;
    }
    return this.u32(<u32>value);
  }
}
