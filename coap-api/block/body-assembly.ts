import { BAD_REQUEST, CONTINUE, REQUEST_ENTITY_INCOMPLETE, REQUEST_ENTITY_TOO_LARGE } from "../coap/codes.js";
import { blockBytes, blockExponent, blockMore, blockNumber, LARGEST_EXPONENT } from "./block-option.js";

/** Code of {@link takeBlock} when the body is complete. */
export const COMPLETE = 0;

/** A request body that arrives block by block (RFC 7959 section 2.5). The token plays no part in it. */
export interface BodyAssembly {
  code: number;
  path: string;
  query: string;
  parts: Uint8Array[];
  /** Bytes so far; blocks are placed by it, so a peer may change to a smaller size. */
  receivedBytes: number;
  expiresMs: number;
}

/** Starts an assembly. */
export function createAssembly(code: number, path: string, query: string): BodyAssembly {
  return { code, path, query, parts: [], receivedBytes: 0, expiresMs: 0 };
}

/** True when a block belongs to the request that is being assembled. */
export function continues(assembly: BodyAssembly, code: number, path: string, query: string): boolean {
  return assembly.code === code && assembly.path === path && assembly.query === query;
}

/**
 * Takes one block.
 * @returns {@link COMPLETE}, 2.31 when more blocks are wanted, or the error to answer with
 */
export function takeBlock(
  assembly: BodyAssembly,
  block1: number,
  payload: Uint8Array,
  maxBytes: number,
): number {
  const exponent = blockExponent(block1);
  if (exponent > LARGEST_EXPONENT) return BAD_REQUEST;
  const size = blockBytes(exponent);
  const from = blockNumber(block1) * size;
  const more = blockMore(block1);
  if (more ? payload.length !== size : payload.length > size) return BAD_REQUEST;
  if (from === 0) {
    assembly.parts = [];
    assembly.receivedBytes = 0;
  }
  if (from !== assembly.receivedBytes) {
    const last = assembly.parts.length - 1;
    if (last < 0 || from !== assembly.receivedBytes - (assembly.parts[last] as Uint8Array).length) {
      return REQUEST_ENTITY_INCOMPLETE;
    }
    assembly.receivedBytes = from;
    assembly.parts.pop();
  }
  if (from + payload.length > maxBytes) return REQUEST_ENTITY_TOO_LARGE;
  assembly.parts.push(payload.slice());
  assembly.receivedBytes = from + payload.length;
  return more ? CONTINUE : COMPLETE;
}

/** Puts blocks together. */
export function joinParts(parts: readonly Uint8Array[], length: number): Uint8Array {
  const body = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Uint8Array;
    body.set(part, at);
    at += part.length;
  }
  return body;
}
