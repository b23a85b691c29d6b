import {
  ARRAY,
  BYTES,
  CborReader,
  NEGATIVE,
  SIMPLE,
  TAG,
  TEXT,
  UNSIGNED,
} from "../../coap-api/cbor/cbor-reader.js";

/** Any CBOR item (RFC 8949), as tests look at it. */
export type CborValue =
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly value: Uint8Array; readonly chunks?: readonly CborValue[] }
  | { readonly kind: "text"; readonly value: string; readonly chunks?: readonly CborValue[] }
  | { readonly kind: "array"; readonly items: readonly CborValue[]; readonly indefinite: boolean }
  | {
      readonly kind: "map";
      readonly pairs: readonly (readonly [CborValue, CborValue])[];
      readonly indefinite: boolean;
    }
  | { readonly kind: "tag"; readonly tag: bigint; readonly item: CborValue }
  | { readonly kind: "simple"; readonly value: number }
  | { readonly kind: "float"; readonly value: number; readonly bytes: number };

/** Reads one item of any kind that fills the input; the reader of `coap-api` decides what is well-formed. */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  reader.skip();
  reader.end();
  reader.position = 0;
  return read(reader);
}

function read(reader: CborReader): CborValue {
  const major = reader.peek();
  const low = (reader.bytes[reader.position] ?? 0) & 0x1f;
  if (major === SIMPLE) return readSimple(reader, low);
  reader.position++;
  if (low === 31) return readIndefinite(reader, major);
  const argument = readArgument(reader, low);
  const count = Number(argument);
  if (major === UNSIGNED) return { kind: "integer", value: argument };
  if (major === NEGATIVE) return { kind: "integer", value: -1n - argument };
  if (major === TAG) return { kind: "tag", tag: argument, item: read(reader) };
  if (major === BYTES || major === TEXT) {
    const value = reader.bytes.slice(reader.position, reader.position + count);
    reader.position += count;
    return major === BYTES
      ? { kind: "bytes", value }
      : { kind: "text", value: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value) };
  }
  if (major === ARRAY)
    return { kind: "array", items: Array.from({ length: count }, () => read(reader)), indefinite: false };
  return {
    kind: "map",
    pairs: Array.from({ length: count }, () => [read(reader), read(reader)] as const),
    indefinite: false,
  };
}

function readArgument(reader: CborReader, low: number): bigint {
  if (low < 24) return BigInt(low);
  let value = 0n;
  for (let left = 1 << (low - 24); left > 0; left--)
    value = value * 256n + BigInt(reader.bytes[reader.position++] ?? 0);
  return value;
}

function readSimple(reader: CborReader, low: number): CborValue {
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.position + 1);
  reader.skip();
  if (low < 24) return { kind: "simple", value: low };
  if (low === 24) return { kind: "simple", value: view.getUint8(0) };
  if (low === 25) return { kind: "float", value: half(view.getUint16(0)), bytes: 2 };
  if (low === 26) return { kind: "float", value: view.getFloat32(0), bytes: 4 };
  return { kind: "float", value: view.getFloat64(0), bytes: 8 };
}

/** A number of 16 bits (RFC 8949 appendix D). */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function readIndefinite(reader: CborReader, major: number): CborValue {
  const items: CborValue[] = [];
  while (reader.bytes[reader.position] !== 0xff) items.push(read(reader));
  reader.position++;
  if (major === BYTES) {
    const value = Buffer.concat(
      items.map((item) => (item.kind === "bytes" ? item.value : new Uint8Array(0))),
    );
    return { kind: "bytes", value, chunks: items };
  }
  if (major === TEXT) {
    return {
      kind: "text",
      value: items.map((item) => (item.kind === "text" ? item.value : "")).join(""),
      chunks: items,
    };
  }
  if (major === ARRAY) return { kind: "array", items, indefinite: true };
  const pairs = items.flatMap((key, i) => {
    const value = items[i + 1];
    return i % 2 === 0 && value !== undefined ? [[key, value] as const] : [];
  });
  return { kind: "map", pairs, indefinite: true };
}

/** Diagnostic notation (RFC 8949 section 8). */
export function diagnose(value: CborValue): string {
  switch (value.kind) {
    case "integer":
      return value.value.toString();
    case "bytes":
      if (value.chunks !== undefined) return `(_ ${value.chunks.map(diagnose).join(", ")})`;
      return `h'${Buffer.from(value.value).toString("hex")}'`;
    case "text":
      if (value.chunks !== undefined) return `(_ ${value.chunks.map(diagnose).join(", ")})`;
      return JSON.stringify(value.value);
    case "array":
      return `[${value.indefinite ? "_ " : ""}${value.items.map(diagnose).join(", ")}]`;
    case "map":
      return `{${value.indefinite ? "_ " : ""}${value.pairs.map(([key, item]) => `${diagnose(key)}: ${diagnose(item)}`).join(", ")}}`;
    case "tag":
      return diagnoseTag(value.tag, value.item);
    case "simple":
      return ["false", "true", "null", "undefined"][value.value - 20] ?? `simple(${value.value})`;
    default:
      return diagnoseFloat(value.value);
  }
}

function diagnoseTag(tag: bigint, item: CborValue): string {
  if ((tag === 2n || tag === 3n) && item.kind === "bytes") {
    const number = BigInt(`0x${Buffer.from(item.value).toString("hex") || "0"}`);
    return (tag === 2n ? number : -1n - number).toString();
  }
  return `${tag}(${diagnose(item)})`;
}

function diagnoseFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (Object.is(value, -0)) return "-0.0";
  const text = value.toString();
  if (text.includes("e")) return text.replace("e+", "e+").replace(/^(-?\d+)e/, "$1.0e");
  return text.includes(".") ? text : `${text}.0`;
}
