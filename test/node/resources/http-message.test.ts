import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { decodeBase64 } from "../../../node/resources/base64.js";
import {
  decodeHttpRequest,
  decodeHttpResponse,
  encodeHttpRequest,
  encodeHttpResponse,
  HTTP_METHODS,
  HTTP_PROTOCOLS,
} from "../../../node/resources/http-message.js";

t.setTimeout(120_000);

const REQUEST =
  '{"method":"Post","protocol":"Unknown","host":"demo.edgeless.com","path":"/a/b?x=1","body":[104,105],"headers":{"content-type":"text/plain"}}';
const RESPONSE = '{"body":[79,75],"status":200,"headers":{}}';

const body = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined });
const headers = fc
  .array(fc.tuple(fc.string(), fc.string()))
  .map((entries) => new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))));

function faultOf(read: () => unknown): EdgelessError {
  try {
    read();
  } catch (error) {
    if (error instanceof EdgelessError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

t.test("given the golden texts, when they are read and written, then not a byte changes", async (t) => {
  const request = decodeHttpRequest(REQUEST);
  t.same(request, {
    method: "Post",
    protocol: "Unknown",
    host: "demo.edgeless.com",
    path: "/a/b?x=1",
    body: new Uint8Array([104, 105]),
    headers: new Map([["content-type", "text/plain"]]),
  });
  t.equal(encodeHttpRequest(request), REQUEST);
  t.equal(encodeHttpResponse(decodeHttpResponse(RESPONSE)), RESPONSE);
});

t.test("given a body that is null, absent or empty, then no body and an empty one differ", async (t) => {
  const without = decodeHttpResponse('{"status":204,"headers":{}}');
  t.equal(without.body, undefined);
  t.equal(encodeHttpResponse(without), '{"body":null,"status":204,"headers":{}}');
  t.equal(decodeHttpResponse('{"body":null,"status":204,"headers":{}}').body, undefined);
  t.same(decodeHttpResponse('{"body":[],"status":204,"headers":{}}').body, new Uint8Array());
});

t.test("given unknown fields, when a message is read, then they are ignored", async (t) => {
  t.equal(decodeHttpResponse('{"version":2,"status":7,"headers":{},"x":[{}]}').status, 7);
});

t.test("given any message, when it is written and read, then it is the same", async () => {
  const request = fc.record({
    method: fc.constantFrom(...HTTP_METHODS),
    protocol: fc.constantFrom(...HTTP_PROTOCOLS),
    host: fc.string({ unit: "binary" }),
    path: fc.string({ unit: "binary" }),
    body,
    headers,
  });
  fc.assert(
    fc.property(request, (message) => {
      const read = decodeHttpRequest(encodeHttpRequest(message));
      return (
        encodeHttpRequest(read) === encodeHttpRequest(message) &&
        read.host === message.host &&
        read.headers.size === message.headers.size &&
        Buffer.compare(read.body ?? Buffer.of(1), message.body ?? Buffer.of(1)) === 0
      );
    }),
  );
  fc.assert(
    fc.property(fc.record({ status: fc.nat(65535), body, headers }), (message) => {
      const read = decodeHttpResponse(encodeHttpResponse(message));
      return read.status === message.status && encodeHttpResponse(read) === encodeHttpResponse(message);
    }),
  );
});

t.test("given malformed messages, when they are read, then the fault names the field", async (t) => {
  const requests: [string, unknown, string][] = [
    ["method", "POST", "field method"],
    ["method", undefined, "field method"],
    ["protocol", "FTP", "field protocol"],
    ["host", 5, "field host"],
    ["path", null, "field path"],
    ["body", "hi", "field body"],
    ["body", [1, 256], "field body[1]"],
    ["body", [1.5], "field body[0]"],
    ["body", ["1"], "field body[0]"],
    ["headers", [], "field headers"],
    ["headers", { a: 1 }, "field headers.a"],
  ];
  for (const [field, value, expected] of requests) {
    const text = JSON.stringify({ ...JSON.parse(REQUEST), [field]: value });
    const fault = faultOf(() => decodeHttpRequest(text));
    t.equal(fault.code, "EDGELESS_BAD_MESSAGE");
    t.match(fault.message, expected);
  }
  for (const status of ["-1", "65536", "1.5", '"200"', "null"]) {
    const fault = faultOf(() => decodeHttpResponse(`{"status":${status},"headers":{}}`));
    t.match(fault.message, "field status");
  }
  for (const text of ["", "{", "[]", "null", "7", "[".repeat(100_000)])
    t.equal(faultOf(() => decodeHttpRequest(text)).code, "EDGELESS_BAD_MESSAGE", text.slice(0, 10));
});

t.test("given any text or JSON, when it is read, then it is a message or a typed fault", async () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        { status: fc.jsonValue(), body: fc.jsonValue(), headers: fc.jsonValue(), method: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      for (const read of [decodeHttpRequest, decodeHttpResponse]) {
        try {
          read(text);
        } catch (error) {
          if (!(error instanceof EdgelessError) || error.code !== "EDGELESS_BAD_MESSAGE") return false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

t.test("given header names with a meaning in JavaScript, then they are plain texts", async (t) => {
  const text = '{"body":null,"status":1,"headers":{"__proto__":"a","constructor":"b"}}';
  t.equal(encodeHttpResponse(decodeHttpResponse(text)), text);
});

t.test("given base64, when it is read, then only the standard form with padding is", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const read = decodeBase64(Buffer.from(bytes).toString("base64"));
      return read !== undefined && Buffer.compare(read, bytes) === 0;
    }),
  );
  for (const text of ["a", "aGk", "aGk=\n", "a-k=", "aG=k", "aGl=", "====", "é"])
    t.equal(decodeBase64(text), undefined, text);
});
