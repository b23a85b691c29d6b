// Base64 with the standard alphabet and padding (RFC 4648 section 4): how functions send bytes, because payloads
// are text.

/** Encodes `len` bytes at `ptr`, with padding. */
export function encodeBase64(ptr: usize, len: usize): string {
  const size = ((len + 2) / 3) << 2;
  const text = changetype<string>(__new(size << 1, idof<string>()));
  const out = changetype<usize>(text);
  let to = out;
  for (let at: usize = 0; at < len; at += 3) {
    const left = len - at;
    let group = <u32>load<u8>(ptr + at) << 16;
    if (left > 1) group |= <u32>load<u8>(ptr + at + 1) << 8;
    if (left > 2) group |= <u32>load<u8>(ptr + at + 2);
    store<u16>(to, letter(group >>> 18));
    store<u16>(to, letter((group >>> 12) & 63), 2);
    store<u16>(to, left > 1 ? letter((group >>> 6) & 63) : 0x3d, 4);
    store<u16>(to, left > 2 ? letter(group & 63) : 0x3d, 6);
    to += 8;
  }
  return text;
}

/** Decodes strictly: padding must be there, bits that encode nothing must be zero. Null when malformed. */
export function decodeBase64(text: string): ArrayBuffer | null {
  const length = text.length;
  if ((length & 3) != 0) return null;
  let padding = 0;
  while (padding < 2 && padding < length && text.charCodeAt(length - 1 - padding) == 0x3d) padding++;
  const bytes = new ArrayBuffer((length >> 2) * 3 - padding);
  let to = changetype<usize>(bytes);
  const end = to + <usize>bytes.byteLength;
  let group: u32 = 0;
  for (let i = 0; i < length; i++) {
    const value = i < length - padding ? valueOf(text.charCodeAt(i)) : 0;
    if (value < 0) return null;
    group = (group << 6) | value;
    if ((i & 3) != 3) continue;
    for (let shift = 16; shift >= 0; shift -= 8) {
      const byte = (group >>> shift) & 0xff;
      if (to < end) store<u8>(to++, byte);
      else if (byte) return null;
    }
    group = 0;
  }
  return bytes;
}

function letter(value: u32): u32 {
  if (value < 26) return 0x41 + value;
  if (value < 52) return 0x61 - 26 + value;
  if (value < 62) return 0x30 - 52 + value;
  return value == 62 ? 0x2b : 0x2f;
}

function valueOf(unit: i32): i32 {
  if (unit >= 0x41 && unit <= 0x5a) return unit - 0x41;
  if (unit >= 0x61 && unit <= 0x7a) return unit - 0x61 + 26;
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30 + 52;
  return unit == 0x2b ? 62 : unit == 0x2f ? 63 : -1;
}
