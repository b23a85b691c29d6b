import { WireFault } from "./wire-fault.js";

// Most texts are ASCII. An interpreter on a board reads the text of a loop anew in each turn, so the loops for ASCII are short.

/** Length in bytes of a text in UTF-8; a lone surrogate counts as the replacement character. */
export function utf8Length(text: string): number {
  let plain = 0;
  while (plain < text.length && text.charCodeAt(plain) < 0x80) plain++;
  return plain === text.length ? plain : plain + wideLength(text, plain);
}

/** Bytes of a text from some character on. */
function wideLength(text: string, from: number): number {
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (isPair(text, i)) {
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}

/** Writes a text as UTF-8 at `at` and returns the position behind it; the caller made room. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  let plain = 0;
  while (plain < text.length && text.charCodeAt(plain) < 0x80) target[at++] = text.charCodeAt(plain++);
  return plain === text.length ? at : writeWide(text, plain, target, at);
}

/** Writes a text from some character on. */
function writeWide(text: string, from: number, target: Uint8Array, at: number): number {
  for (let i = from; i < text.length; i++) {
    let unit = text.charCodeAt(i);
    if (unit < 0x80) target[at++] = unit;
    else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6);
      target[at++] = 0x80 | (unit & 0x3f);
    } else if (isPair(text, i)) {
      unit = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      target[at++] = 0xf0 | (unit >> 18);
      target[at++] = 0x80 | ((unit >> 12) & 0x3f);
      target[at++] = 0x80 | ((unit >> 6) & 0x3f);
      target[at++] = 0x80 | (unit & 0x3f);
    } else {
      if (unit >= 0xd800 && unit < 0xe000) unit = 0xfffd;
      target[at++] = 0xe0 | (unit >> 12);
      target[at++] = 0x80 | ((unit >> 6) & 0x3f);
      target[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

/** A text as UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(text, bytes, 0);
  return bytes;
}

/**
 * Reads UTF-8 (RFC 3629), refusing overlong forms, surrogates and anything above U+10FFFF.
 * @throws WireFault "not UTF-8"
 */
export function readUtf8(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  let at = from;
  while (at < to && (bytes[at] as number) < 0x80) text += String.fromCharCode(bytes[at++] as number);
  return at < to ? text + readWide(bytes, at, to) : text;
}

/** @throws WireFault "not UTF-8" */
function readWide(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  let at = from;
  while (at < to) {
    const first = bytes[at] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      at++;
      continue;
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || at + more >= to) throw new WireFault("not UTF-8", at);
    let point = first & (0x3f >> more);
    for (let i = 1; i <= more; i++) {
      const next = bytes[at + i] as number;
      if ((next & 0xc0) !== 0x80) throw new WireFault("not UTF-8", at + i);
      point = (point << 6) | (next & 0x3f);
    }
    if (point < (more === 3 ? 0x10000 : more === 2 ? 0x800 : 0x80)) throw new WireFault("not UTF-8", at);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw new WireFault("not UTF-8", at);
    if (point >= 0x10000) {
      point -= 0x10000;
      text += String.fromCharCode(0xd800 | (point >> 10), 0xdc00 | (point & 0x3ff));
    } else text += String.fromCharCode(point);
    at += more + 1;
  }
  return text;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high >= 0xdc00 || at + 1 >= text.length) return false;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low < 0xe000;
}
