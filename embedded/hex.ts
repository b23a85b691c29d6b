/** Reads pairs of hexadecimal digits, passing over hyphens; undefined when the text holds anything else. */
export function hexToBytes(text: string): Uint8Array | undefined {
  const digits = text.split("-").join("").toLowerCase();
  const bytes = new Uint8Array(digits.length >> 1);
  if (bytes.length * 2 !== digits.length) return undefined;
  for (let i = 0; i < digits.length; i++) {
    const value = "0123456789abcdef".indexOf(digits.charAt(i));
    if (value < 0) return undefined;
    bytes[i >> 1] = ((bytes[i >> 1] as number) << 4) | value;
  }
  return bytes;
}

/** Two hexadecimal digits a byte. */
export function bytesToHex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += ((bytes[i] as number) + 0x100).toString(16).slice(1);
  return text;
}
