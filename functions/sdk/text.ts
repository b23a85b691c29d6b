/** Bytes that the UTF-8 form of `text` needs at most. */
export function utf8Bound(text: string): usize {
  return <usize>text.length * 3;
}

/**
 * Writes `text` as UTF-8 to `ptr`, where `utf8Bound(text)` bytes are free. A surrogate without its partner is
 * written as U+FFFD, because a host ends an instance that sends invalid UTF-8.
 * @returns the number of bytes written
 */
export function writeUtf8(text: string, ptr: usize): usize {
  let from = changetype<usize>(text);
  const end = from + (<usize>text.length << 1);
  let to = ptr;
  // Most texts are ASCII: two code units at a time, as long as they are.
  while (end - from >= 4) {
    const pair = load<u32>(from);
    if (pair & 0xff80ff80) break;
    store<u16>(to, pair | (pair >>> 8));
    from += 4;
    to += 2;
  }
  while (from != end) {
    let code = <u32>load<u16>(from);
    from += 2;
    if (code < 0x80) {
      store<u8>(to++, code);
      continue;
    }
    if (code < 0x800) {
      store<u8>(to++, 0xc0 | (code >> 6));
    } else {
      if ((code & 0xf800) == 0xd800) {
        const next: u32 = from != end ? <u32>load<u16>(from) : 0;
        if (code < 0xdc00 && (next & 0xfc00) == 0xdc00) {
          from += 2;
          code = 0x10000 + ((code & 0x3ff) << 10) + (next & 0x3ff);
          store<u8>(to++, 0xf0 | (code >> 18));
          store<u8>(to++, 0x80 | ((code >> 12) & 0x3f));
          store<u8>(to++, 0x80 | ((code >> 6) & 0x3f));
          store<u8>(to++, 0x80 | (code & 0x3f));
          continue;
        }
        code = 0xfffd;
      }
      store<u8>(to++, 0xe0 | (code >> 12));
      store<u8>(to++, 0x80 | ((code >> 6) & 0x3f));
    }
    store<u8>(to++, 0x80 | (code & 0x3f));
  }
  return to - ptr;
}

/**
 * Copies UTF-8 bytes into a string. Hosts hand over valid UTF-8 with one exception (a reply of a function that
 * freed it too early), so invalid bytes give some text but never a trap.
 */
export function readUtf8(ptr: usize, len: usize): string {
  const end = ptr + len;
  // Most texts are ASCII: four bytes at a time, as long as they are.
  let other = ptr;
  while (end - other >= 4 && !(load<u32>(other) & 0x80808080)) other += 4;
  let units = other - ptr;
  for (let at = other; at != end; at++) {
    const byte = <u32>load<u8>(at);
    // A lead byte makes one code unit, or two when four bytes long; continuation bytes make none.
    if ((byte & 0xc0) != 0x80) units += byte < 0xf0 ? 1 : 2;
  }
  const text = changetype<string>(__new(units << 1, idof<string>()));
  let to = changetype<usize>(text);
  for (; ptr != other; ptr += 4) {
    const four = load<u32>(ptr);
    store<u32>(to, (four & 0xff) | ((four & 0xff00) << 8));
    store<u32>(to, ((four >>> 16) & 0xff) | ((four >>> 8) & 0xff0000), 4);
    to += 8;
  }
  while (ptr != end) {
    let code = <u32>load<u8>(ptr++);
    if (code >= 0x80) {
      if (code < 0xc0) continue;
      const long = code >= 0xf0;
      code &= long ? 7 : code >= 0xe0 ? 15 : 31;
      while (ptr != end && (load<u8>(ptr) & 0xc0) == 0x80) code = (code << 6) | (load<u8>(ptr++) & 0x3f);
      if (long) {
        code -= 0x10000;
        store<u16>(to, 0xd800 | ((code >> 10) & 0x3ff));
        to += 2;
        code = 0xdc00 | (code & 0x3ff);
      }
    }
    store<u16>(to, code);
    to += 2;
  }
  return text;
}

/** True when the bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
export function isUtf8(ptr: usize, len: usize): boolean {
  const end = ptr + len;
  while (ptr < end) {
    const lead = <u32>load<u8>(ptr++);
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const more: usize = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (ptr + more > end) return false;
    const second = <u32>load<u8>(ptr);
    if (lead == 0xe0 && second < 0xa0) return false;
    if (lead == 0xed && second > 0x9f) return false;
    if (lead == 0xf0 && second < 0x90) return false;
    if (lead == 0xf4 && second > 0x8f) return false;
    for (const last = ptr + more; ptr < last; ptr++) if ((load<u8>(ptr) & 0xc0) != 0x80) return false;
  }
  return true;
}
