/** Bytes before the values. */
const HEADER = 8;

/** What elements send each other: transaction and source as u32, then f32 values, all big-endian. */
export class Message {
  readonly transaction: u32;
  readonly source: u32;
  /** The values as they travel. */
  private values: ArrayBuffer;

  constructor(transaction: u32, source: u32, values: ArrayBuffer) {
    this.transaction = transaction;
    this.source = source;
    this.values = values;
  }

  /** Reads a message; null when the bytes are too short. Bytes that make no whole value are left out. */
  static read(bytes: ArrayBuffer): Message | null {
    if (bytes.byteLength < HEADER) return null;
    const ptr = changetype<usize>(bytes);
    const end = HEADER + ((bytes.byteLength - HEADER) & ~3);
    return new Message(bswap<u32>(load<u32>(ptr)), bswap<u32>(load<u32>(ptr + 4)), bytes.slice(HEADER, end));
  }

  /** The message as sent by `source`. */
  write(source: u32): ArrayBuffer {
    const size = this.values.byteLength;
    const bytes = new ArrayBuffer(HEADER + size);
    const ptr = changetype<usize>(bytes);
    store<u32>(ptr, bswap<u32>(this.transaction));
    store<u32>(ptr + 4, bswap<u32>(source));
    memory.copy(ptr + HEADER, changetype<usize>(this.values), size);
    return bytes;
  }

  /** Adds the values of another message, as far as both have some. */
  add(other: Message): void {
    const common = min(this.values.byteLength, other.values.byteLength);
    for (let offset = 0; offset < common; offset += 4) {
      const at = changetype<usize>(this.values) + <usize>offset;
      const sum = valueAt(at) + valueAt(changetype<usize>(other.values) + <usize>offset);
      store<u32>(at, bswap<u32>(reinterpret<u32>(sum)));
    }
  }
}

function valueAt(ptr: usize): f32 {
  return reinterpret<f32>(bswap<u32>(load<u32>(ptr)));
}
