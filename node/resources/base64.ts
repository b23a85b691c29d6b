/**
 * Reads standard base64 with its padding (RFC 4648 section 4).
 * @returns undefined when `text` is anything else
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  // The decoder skips what it does not know, so only the way back tells.
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
