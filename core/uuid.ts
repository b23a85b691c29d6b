import { EdgelessError } from "./errors.js";
import type { Random } from "./random.js";

/** A UUID in canonical text form: lower case, hyphenated (RFC 9562 section 4). */
export type Uuid = string & { readonly uuid: never };

/** Node id that stands for "no node" (EDGELESS 1.2). */
export const NODE_ID_NONE = "00000000-0000-0000-0000-fffe00000000" as Uuid;
/** Function or resource id that stands for "no instance" (EDGELESS 1.2). */
export const FUNCTION_ID_NONE = "00000000-0000-0000-0000-fffd00000000" as Uuid;
/** Workflow id that stands for "no workflow" (EDGELESS 1.2). */
export const WORKFLOW_ID_NONE = "00000000-0000-0000-0000-ffff00000000" as Uuid;
/** The nil UUID: what an ε-CON sends as node id in patches towards an ε-ORC. */
export const NIL_UUID = "00000000-0000-0000-0000-000000000000" as Uuid;

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Reads a UUID in any case and in the hyphenated, plain, braced or `urn:uuid:` form, as the Rust programs do.
 * @returns the canonical form, or undefined when `text` is not a UUID
 */
export function parseUuid(text: string): Uuid | undefined {
  if (CANONICAL.test(text)) return text as Uuid;
  let body = text.toLowerCase();
  if (body.slice(0, 9) === "urn:uuid:") body = body.slice(9);
  else if (body[0] === "{" && body[body.length - 1] === "}") body = body.slice(1, -1);
  if (CANONICAL.test(body)) return body as Uuid;
  return /^[0-9a-f]{32}$/.test(body) ? hyphenate(body) : undefined;
}

/**
 * Reads a UUID that must be there.
 * @param what names the field in the error
 * @throws EdgelessError EDGELESS_BAD_UUID
 */
export function requireUuid(text: string, what: string): Uuid {
  const uuid = parseUuid(text);
  if (uuid === undefined)
    throw new EdgelessError("EDGELESS_BAD_UUID", `${what} is not a UUID: "${text.slice(0, 60)}"`);
  return uuid;
}

/** Draws a random UUID, version 4 (RFC 9562 section 5.4). */
export function randomUuid(random: Random): Uuid {
  const bytes = random.fill(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return uuidFromBytes(bytes);
}

/** Reads 16 bytes in text order (big-endian) as a UUID. */
export function uuidFromBytes(bytes: Uint8Array): Uuid {
  let hex = "";
  for (let i = 0; i < 16; i++) hex += ((bytes[i] as number) + 0x100).toString(16).slice(1);
  return hyphenate(hex);
}

/** Writes a UUID as 16 bytes in text order (big-endian). */
export function uuidToBytes(uuid: Uuid): Uint8Array {
  const hex = uuid.split("-").join("");
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function hyphenate(hex: string): Uuid {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-") as Uuid;
}
