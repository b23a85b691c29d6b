import type { DataSegment } from "./static-parts.js";

/** Zero bytes in a row that are left out, because the memory begins as zeros. */
const GAP = 8;

/** Most bytes of a piece: the interpreter makes a string of it, of its own variables, before it is in memory. */
const MAX_PIECE = 240;

/** A piece of static data: its address, an expression for its characters, and how far apart they are. */
export interface DataPiece {
  readonly address: number;
  readonly literal: string;
  readonly step: 1 | 2;
}

/** The pieces of the segments that are in memory from the start, as string literals or base64; UTF-16 goes without its zeros. */
export function dataPieces(segments: readonly DataSegment[]): DataPiece[] {
  return segments.flatMap(({ offset, bytes }) =>
    offset === undefined ? [] : filledRanges(bytes).map(([from, to]) => piece(bytes, offset, from, to)),
  );
}

function filledRanges(bytes: Uint8Array): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const [at, byte] of bytes.entries()) {
    if (byte === 0) {
      continue;
    }
    const last = ranges[ranges.length - 1];
    if (last !== undefined && at - last[1] < GAP && at - last[0] < MAX_PIECE) {
      last[1] = at + 1;
    } else {
      ranges.push([at, at + 1]);
    }
  }
  return ranges;
}

function piece(bytes: Uint8Array, offset: number, from: number, to: number): DataPiece {
  const part = bytes.subarray(from, to);
  const isWide = part.length > 2 && part.every((byte, at) => at % 2 === 0 || byte === 0);
  const kept = isWide ? part.filter((_, at) => at % 2 === 0) : part;
  const [plain, base64] = [stringLiteral(kept), `atob("${Buffer.from(kept).toString("base64")}")`];
  const literal = base64.length < plain.length ? base64 : plain;
  return { address: offset + from, literal, step: isWide ? 2 : 1 };
}

/** A string literal with one character for each byte, in ASCII. */
function stringLiteral(bytes: Uint8Array): string {
  let text = '"';
  for (const [at, byte] of bytes.entries()) {
    const next = bytes[at + 1] ?? 0;
    if (byte === 0 && (next < 0x30 || next > 0x39)) {
      text += "\\0";
    } else if (byte === 0x22 || byte === 0x5c) {
      text += `\\${String.fromCharCode(byte)}`;
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += String.fromCharCode(byte);
    } else {
      text += `\\x${byte.toString(16).padStart(2, "0")}`;
    }
  }
  return `${text}"`;
}
