import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { StringMap } from "../../core/specification.js";

/** HTTP methods that resources handle, in the spelling of their JSON (crate `edgeless_http`). */
export const HTTP_METHODS = ["Get", "Head", "Post", "Put", "Delete", "Patch"] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** How a request travels; `Unknown` counts as HTTP. */
export const HTTP_PROTOCOLS = ["Unknown", "HTTP", "HTTPS"] as const;
export type HttpProtocol = (typeof HTTP_PROTOCOLS)[number];

/** An HTTP request as resources and functions exchange it, in JSON. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly protocol: HttpProtocol;
  /** Host and, when it is not the default, port. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  readonly body: Uint8Array | undefined;
  /** http-ingress writes the names in lower case. */
  readonly headers: StringMap;
}

/** An HTTP response as resources and functions exchange it, in JSON. */
export interface HttpResponse {
  /** 0 to 65535; not every value can be sent. */
  readonly status: number;
  readonly body: Uint8Array | undefined;
  readonly headers: StringMap;
}

/** Writes a request with the field order of the EDGELESS programs. */
export function encodeHttpRequest(request: HttpRequest): string {
  const { method, protocol, host, path, body, headers } = request;
  return `{"method":"${method}","protocol":"${protocol}","host":${JSON.stringify(host)},"path":${JSON.stringify(path)},"body":${encodeBody(body)},"headers":${encodeHeaders(headers)}}`;
}

/**
 * Reads a request; unknown fields are ignored.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE naming the field
 */
export function decodeHttpRequest(text: string): HttpRequest {
  const what = "HTTP request";
  const fields = parseObject(text, what);
  return {
    method: readChoice(fields, "method", HTTP_METHODS, what),
    protocol: readChoice(fields, "protocol", HTTP_PROTOCOLS, what),
    host: readText(fields, "host", what),
    path: readText(fields, "path", what),
    body: readBody(fields, what),
    headers: readHeaders(fields, what),
  };
}

/** Writes a response with the field order of the EDGELESS programs. */
export function encodeHttpResponse(response: HttpResponse): string {
  const { body, status, headers } = response;
  return `{"body":${encodeBody(body)},"status":${status},"headers":${encodeHeaders(headers)}}`;
}

/**
 * Reads a response; unknown fields are ignored.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE naming the field
 */
export function decodeHttpResponse(text: string): HttpResponse {
  const what = "HTTP response";
  const fields = parseObject(text, what);
  const status = fields.get("status");
  if (typeof status !== "number" || !Number.isInteger(status) || status < 0 || status > 65535)
    throw fault(what, "status", "an integer from 0 to 65535", status);
  return { status, body: readBody(fields, what), headers: readHeaders(fields, what) };
}

const ZERO = 0x30;
const COMMA = 0x2c;

function encodeBody(body: Uint8Array | undefined): string {
  if (body === undefined) return "null";
  // Written digit by digit: joining numbers takes ten times as long, and bodies may be megabytes.
  const text = Buffer.allocUnsafe(body.length * 4 + 2);
  let end = text.write("[", "latin1");
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] as number;
    if (i > 0) text[end++] = COMMA;
    if (byte >= 100) text[end++] = ZERO + Math.floor(byte / 100);
    if (byte >= 10) text[end++] = ZERO + (Math.floor(byte / 10) % 10);
    text[end++] = ZERO + (byte % 10);
  }
  end += text.write("]", end, "latin1");
  return text.toString("latin1", 0, end);
}

function encodeHeaders(headers: StringMap): string {
  return JSON.stringify(Object.fromEntries(headers));
}

type Fields = ReadonlyMap<string, unknown>;

function parseObject(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_MESSAGE", `${what} is not JSON: ${reasonOf(error)}`, error);
  }
  if (!isObject(value)) throw new EdgelessError("EDGELESS_BAD_MESSAGE", `${what} is not a JSON object`);
  return new Map(Object.entries(value));
}

function readChoice<T extends string>(fields: Fields, name: string, choices: readonly T[], what: string): T {
  const value = fields.get(name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw fault(what, name, `one of ${choices.join(", ")}`, value);
  return choice;
}

function readText(fields: Fields, name: string, what: string): string {
  const value = fields.get(name);
  if (typeof value !== "string") throw fault(what, name, "a text", value);
  return value;
}

function readBody(fields: Fields, what: string): Uint8Array | undefined {
  const value = fields.get("body");
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw fault(what, "body", "an array of bytes or null", value);
  const items: readonly unknown[] = value;
  const body = new Uint8Array(items.length);
  for (let i = 0; i < items.length; i++) {
    const byte = items[i];
    if (typeof byte !== "number" || !Number.isInteger(byte) || byte < 0 || byte > 255)
      throw fault(what, `body[${i}]`, "an integer from 0 to 255", byte);
    body[i] = byte;
  }
  return body;
}

function readHeaders(fields: Fields, what: string): StringMap {
  const value = fields.get("headers");
  if (!isObject(value)) throw fault(what, "headers", "an object of texts", value);
  const headers = new Map<string, string>();
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") throw fault(what, `headers.${name}`, "a text", text);
    headers.set(name, text);
  }
  return headers;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(what: string, field: string, expected: string, found: unknown): EdgelessError {
  const shown = found === undefined ? "nothing" : (JSON.stringify(found) ?? typeof found).slice(0, 60);
  return new EdgelessError(
    "EDGELESS_BAD_MESSAGE",
    `${what}: field ${field} must be ${expected}, not ${shown}`,
  );
}
