import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import fc from "fast-check";
import t from "tap";
import { parseEndpoint } from "../../../core/endpoint.js";
import type { Event, EventData } from "../../../core/event.js";
import { INSTANCE_NONE, type InstanceId } from "../../../core/instance-id.js";
import type { Uuid } from "../../../core/uuid.js";
import { HttpIngressProvider } from "../../../node/resources/http-ingress/http-ingress-provider.js";
import { matches, parseIngressRule } from "../../../node/resources/http-ingress/ingress-rule.js";
import {
  decodeHttpRequest,
  encodeHttpResponse,
  type HttpResponse,
} from "../../../node/resources/http-message.js";
import type { ResourceHost } from "../../../node/resources/resource-host.js";
import { systemClock } from "../../../platform/system-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { eventFor, hostOf, keepingLogger, PEER, started, until } from "../kit/resource-fixture.js";

t.setTimeout(120_000);

const OTHER: InstanceId = { ...PEER, functionId: "dddddddd-0000-4000-8000-000000000004" as Uuid };
const MAX_BODY = 100_000;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What the target of an ingress answers; undefined: nothing. */
type Target = (event: Event) => EventData | undefined | Promise<EventData | undefined>;

async function ingress(target: Target, options: { callTimeoutMs?: number; maxRequests?: number } = {}) {
  const provider = await HttpIngressProvider.open({
    providerId: "http-ingress-1",
    url: "http://127.0.0.1:0",
    maxBodyBytes: MAX_BODY,
    maxRequests: options.maxRequests ?? 100,
    clock: systemClock,
    random: seededRandom(11),
    logger: keepingLogger(),
  });
  const events: Event[] = [];
  const parts = hostOf([provider], {
    callTimeoutMs: options.callTimeoutMs ?? 5_000,
    send: (event) => {
      events.push(event);
      void Promise.resolve(target(event)).then((data) => {
        if (data === undefined) return;
        parts.host.deliver({
          ...eventFor(event.source, data),
          streamId: event.streamId,
          source: event.target,
        });
      });
    },
  });
  return { ...parts, provider, events, send: sender(provider.url) };
}

function sender(url: string, agent?: Agent) {
  return (
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string | string[]> = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(url, { method, path, headers, ...(agent ? { agent } : {}) }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      });
      request.on("error", reject);
      request.end(body);
    });
}

/** Sends bytes as they are and gives all that comes back until the connection ends. */
function raw(url: string, text: string): Promise<string> {
  const { host, port } = parseEndpoint(url, "url");
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, host, () => socket.write(text));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
  });
}

const answer = (response: Partial<HttpResponse>): EventData => ({
  type: "call-ret",
  payload: encodeHttpResponse({ status: 200, body: undefined, headers: new Map(), ...response }),
});

async function wired(
  host: ResourceHost,
  configuration: Record<string, string> = {},
  target: InstanceId = PEER,
  workflowId = "",
): Promise<InstanceId> {
  const id = await started(host, "http-ingress", configuration, workflowId);
  host.patch({ source: id.functionId, outputs: new Map([["new_request", target]]) });
  return id;
}

const configured = (entries: Record<string, string>) => new Map(Object.entries(entries));

t.test("given configurations, when they are read, then the methods are checked", async (t) => {
  const methods = (entries: Record<string, string>) => parseIngressRule(configured(entries), "").methods;
  t.same(methods({}), []);
  t.same(methods({ method: "" }), []);
  t.same(methods({ method: "GET,POST" }), ["Get", "Post"]);
  t.same(methods({ methods: "HEAD,PUT,DELETE,PATCH" }), ["Head", "Put", "Delete", "Patch"]);
  t.same(methods({ method: "GET", methods: "GET" }), ["Get"]);
  for (const list of ["get", "GET, POST", "GET,", "OPTIONS", "GET;POST"])
    t.throws(() => methods({ method: list }), { code: "EDGELESS_BAD_RESOURCE_CONFIG" }, list);
  t.throws(() => methods({ method: "GET", methods: "PUT" }), { message: /disagree/ });
});

t.test("given rules, when a request comes, then host, method and workflow decide", async (t) => {
  const request = { method: "Get", host: "a.org:80", path: "/x?a=1&wf_id=W%31&wf_id=W1" } as const;
  const fits = (entries: Record<string, string>, workflowId = "") =>
    matches(parseIngressRule(configured(entries), workflowId), request);
  t.ok(fits({}));
  t.ok(fits({ host: "a.org:80" }));
  t.notOk(fits({ host: "a.org" }));
  t.notOk(fits({ host: "A.org:80" }));
  t.ok(fits({ method: "POST,GET" }));
  t.notOk(fits({ methods: "POST" }));
  t.ok(fits({ wf_id: "TRUE" }, "W%31"), "the first of that name, not decoded");
  t.notOk(fits({ wf_id: "true" }, "W1"));
  t.ok(fits({ wf_id: "yes" }, "other"), "only true switches it on");
  const items = fc.array(fc.constantFrom("wf_id=W", "wf_id=V", "wf_id", "a=wf_id=W", "", "wf_id=W=", "x=1"));
  fc.assert(
    fc.property(items, (query) => {
      const rule = parseIngressRule(configured({ wf_id: "true" }), "W");
      const expected = query.find((item) => item.startsWith("wf_id=")) === "wf_id=W";
      return matches(rule, { ...request, path: `/wf_id=W?${query.join("&")}` }) === expected;
    }),
  );
});

t.test("given a call, when the target answers, then the request and its answer are exact", async (t) => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const { host, provider, events, send } = await ingress(() =>
    answer({ status: 418, body: bytes, headers: new Map([["x-tea", "pot"]]) }),
  );
  const id = await wired(host);
  const reply = await send("POST", "/a%20b?x=1&y=%C3%A9", bytes, {
    Host: "my.host",
    "X-Mixed": "Value",
    "x-many": ["1", "2"],
    "x-latin": "caf\u00e9",
  });
  t.equal(reply.status, 418);
  t.equal(reply.headers["x-tea"], "pot");
  t.equal(reply.headers["content-length"], "256");
  t.same(reply.body, bytes);
  const [event] = events;
  t.match(event, { source: id, target: PEER, data: { type: "call" }, metadata: { spanId: "0".repeat(16) } });
  const payload = event?.data.type === "call" ? event.data.payload : "";
  t.match(
    payload,
    /^\{"method":"Post","protocol":"Unknown","host":"my.host","path":"\/a%20b\?x=1&y=%C3%A9","body":\[0,1,2,/,
  );
  const request = decodeHttpRequest(payload);
  t.same(request.body, new Uint8Array(bytes));
  t.equal(request.headers.get("x-mixed"), "Value");
  t.equal(request.headers.get("x-many"), "2");
  t.equal(request.headers.has("x-latin"), false, "values beyond visible ASCII are left out");
  t.equal(request.headers.get("host"), "my.host");
  t.match(provider.url, /^http:\/\/127\.0\.0\.1:[1-9]/);
  await host.close();
});

t.test("given the six methods, when they are used, then the target sees them; others get 405", async (t) => {
  const { host, events, send } = await ingress(() => answer({ body: Buffer.from("body") }));
  await wired(host);
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]) {
    const reply = await send(method, "/");
    t.equal(reply.status, 200, method);
    t.equal(reply.body.toString(), method === "HEAD" ? "" : "body");
  }
  const seen = events.map(({ data }) => decodeHttpRequest("payload" in data ? data.payload : "").method);
  t.same(seen, ["Get", "Head", "Post", "Put", "Delete", "Patch"]);
  const first = events[0]?.data;
  t.match("payload" in (first ?? {}) ? first : {}, { payload: /"body":\[\],/ }, "no body is an empty array");
  for (const method of ["OPTIONS", "TRACE"])
    t.match(await send(method, "/"), {
      status: 405,
      headers: { allow: "GET, HEAD, POST, PUT, DELETE, PATCH" },
    });
  await host.close();
});

t.test("given no instance that fits or can answer, then the answer is 404", async (t) => {
  let data: EventData = { type: "err" };
  const { host, send } = await ingress(() => data);
  const notFound = async (why: string) => {
    const reply = await send("GET", "/");
    t.same([reply.status, reply.body.toString()], [404, "Not Found"], why);
  };
  await notFound("nothing runs");
  const id = await started(host, "http-ingress");
  await notFound("it was never patched");
  const patch = (outputs: Map<string, InstanceId>) => host.patch({ source: id.functionId, outputs });
  patch(new Map([["new_request", PEER]]));
  await notFound("the target answers err");
  data = { type: "call-no-ret" };
  await notFound("the target answers nothing");
  data = answer({});
  t.equal((await send("GET", "/")).status, 200);
  patch(new Map([["new_request", INSTANCE_NONE]]));
  await notFound("the target is none");
  patch(new Map([["new_request", PEER]]));
  t.throws(() => patch(new Map([["out", PEER]])), { code: "EDGELESS_REJECTED" });
  await notFound("the patch left the channel out");
  patch(new Map([["new_request", PEER]]));
  await host.stop(id);
  await notFound("it was stopped");
  await host.close();
});

t.test(
  "given answers that HTTP cannot carry, then the answer is 502 and the next request works",
  async (t) => {
    const payloads = ["", "{}", "no JSON", '{"status":99,"headers":{}}', '{"status":100,"headers":{}}'];
    payloads.push('{"status":1000,"headers":{}}', '{"status":70000,"headers":{}}');
    let payload = "";
    const { host, send, provider } = await ingress(() => ({ type: "call-ret", payload }));
    await wired(host);
    for (payload of payloads) t.equal((await send("GET", "/")).status, 502, payload);
    payload =
      '{"body":[104,105],"status":200,"headers":{"b\\u0000d":"x","bad value":"x","x":"a\\r\\ny: b","ok":"1","content-length":"9999","transfer-encoding":"chunked","connection":"upgrade"}}';
    const reply = await send("GET", "/");
    t.equal(reply.body.toString(), "hi");
    t.equal(reply.headers.ok, "1");
    t.equal(reply.headers["content-length"], "2");
    for (const name of ["x", "y", "bad value", "b\u0000d", "transfer-encoding"])
      t.equal(reply.headers[name], undefined, name);
    for (payload of ['{"body":[1],"status":204,"headers":{}}', '{"body":[1],"status":304,"headers":{}}'])
      t.equal((await send("GET", "/")).body.length, 0);
    payload = '{"body":null,"status":999,"headers":{}}';
    t.equal((await send("GET", "/")).status, 999);
    t.ok(provider.url);
    await host.close();
  },
);

t.test(
  "given an asynchronous instance, then the body is cast as text or base64 and 200 answered",
  async (t) => {
    const { host, events, send } = await ingress(() => undefined);
    await wired(host, { async: "true", host: "text" });
    await wired(host, { async: "True", encode_base64: "TRUE", host: "base64" }, OTHER);
    const text = await send("POST", "/", "\uFEFFgrüße", { host: "text" });
    t.same([text.status, text.body.toString()], [200, "OK"]);
    const binary = await send("PUT", "/", Buffer.from([0xff, 0xfe, 0]), { host: "base64" });
    t.same([binary.status, binary.body.toString()], [200, "OK"]);
    const refused = await send("POST", "/", Buffer.from([0xff, 0xfe, 0]), { host: "text" });
    t.equal(refused.status, 400);
    t.match(events, [
      { target: PEER, streamId: 0n, data: { type: "cast", payload: "\uFEFFgrüße" } },
      { target: OTHER, streamId: 0n, data: { type: "cast", payload: "//4A" } },
    ]);
    t.equal(events.length, 2);
    await host.close();
  },
);

t.test("given several instances that match, when requests come, then each gets some", async (t) => {
  const { host, events, send } = await ingress(() => answer({}));
  const first = await wired(host);
  const second = await wired(host, {}, OTHER);
  await wired(host, {}, INSTANCE_NONE);
  await started(host, "http-ingress");
  for (let i = 0; i < 40; i++) t.equal((await send("GET", "/")).status, 200);
  const from = (id: InstanceId) => events.filter(({ source }) => source.functionId === id.functionId).length;
  t.ok(from(first) > 5 && from(second) > 5, `${from(first)} and ${from(second)} of 40`);
  t.equal(from(first) + from(second), 40, "events carry the id of the instance that matched");
  await host.close();
});

t.test(
  "given a slow target, when others are asked, then they answer at once and it ends in 504",
  async (t) => {
    let release = (_data: EventData) => {};
    const slow = new Promise<EventData>((resolve) => {
      release = resolve;
    });
    const { host, events, send } = await ingress(({ target }) => (target === PEER ? slow : answer({})), {
      callTimeoutMs: 300,
    });
    await wired(host, { host: "slow" });
    await wired(host, { host: "quick" }, OTHER);
    const waiting = send("GET", "/", undefined, { host: "slow" });
    await until("the slow call", () => events.length === 1);
    t.equal((await send("GET", "/", undefined, { host: "quick" })).status, 200);
    t.equal((await waiting).status, 504);
    release(answer({}));
    t.equal(
      (await send("GET", "/", undefined, { host: "quick" })).status,
      200,
      "the late answer does no harm",
    );
    await host.close();
  },
);

t.test("given bodies up to the limit and beyond, then the limit decides between 200 and 413", async (t) => {
  const { host, events, send, provider } = await ingress(({ data }) => {
    const { body } = decodeHttpRequest("payload" in data ? data.payload : "");
    return answer({ body });
  });
  await wired(host);
  const largest = Buffer.alloc(MAX_BODY, 0xa5);
  t.same((await send("POST", "/", largest)).body, largest);
  t.equal((await send("POST", "/", Buffer.alloc(MAX_BODY + 1))).status, 413);
  t.equal((await send("POST", "/", Buffer.alloc(2 * MAX_BODY))).status, 413);
  const head = "POST / HTTP/1.1\r\nHost: a\r\n";
  const declared = await raw(provider.url, `${head}Content-Length: 1000000000\r\n\r\n`);
  t.match(declared, /^HTTP\/1\.1 413 /, "it is refused before it is sent");
  t.match(declared, /connection: close/i);
  const chunk = `${(60_000).toString(16)}\r\n${"x".repeat(60_000)}\r\n`;
  const tail = "0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const streamed = await raw(
    provider.url,
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}${tail}`,
  );
  t.match(streamed, /^HTTP\/1\.1 413 [\s\S]*HTTP\/1\.1 200 /, "the connection is good for the next request");
  t.equal(events.length, 2);
  t.equal((await send("GET", "/")).status, 200);
  await host.close();
});

t.test("given unusual requests, when they come, then the server stays up", async (t) => {
  const { host, events, send, provider } = await ingress(() => answer({}));
  await wired(host);
  const oldest = await raw(provider.url, "GET /old HTTP/1.0\r\n\r\n");
  t.match(oldest, /^HTTP\/1\.1 200 /);
  const withoutHost = decodeHttpRequest(events[0]?.data.type === "call" ? events[0].data.payload : "");
  t.equal(`http://${withoutHost.host}`, provider.url, "without Host the listen address stands in");
  const current = await raw(provider.url, "GET /new HTTP/1.1\r\nConnection: close\r\n\r\n");
  t.match(current, /^HTTP\/1\.1 200 /);
  await raw(provider.url, "GET http://other.org/p?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const absolute = decodeHttpRequest(events[2]?.data.type === "call" ? events[2].data.payload : "");
  t.same([absolute.host, absolute.path], ["h", "/p?q"]);
  t.match(await raw(provider.url, "no HTTP at all\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`;
  t.match(await raw(provider.url, long), /^HTTP\/1\.1 431 /);
  const trailers = "5\r\nchunk\r\n1;ext=1\r\ns\r\n0\r\nX-Trailer: t\r\n\r\n";
  const chunked = `POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${trailers}`;
  await raw(provider.url, `${chunked}HEAD /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const last = events.slice(-2).map(({ data }) => decodeHttpRequest("payload" in data ? data.payload : ""));
  t.equal(Buffer.from(last[0]?.body ?? []).toString(), "chunks");
  t.notOk(last[0]?.headers.has("x-trailer"));
  t.equal(last[1]?.method, "Head", "the request behind the trailers is read");
  const both =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  t.match(await raw(provider.url, both), /^HTTP\/1\.1 400 /, "two lengths are a smuggled request");
  await raw(provider.url, "CONNECT a.org:80 HTTP/1.1\r\nHost: a\r\n\r\n");
  const { host: address, port } = parseEndpoint(provider.url, "url");
  for (let i = 0; i < 5; i++) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, address, () => {
        socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
        setImmediate(() => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
  }
  t.equal((await send("GET", "/")).status, 200);
  await host.close();
});

t.test(
  "given a thousand clients at once, when each asks twice, then each gets its own answers",
  async (t) => {
    const { host, send, provider, telemetry } = await ingress(
      ({ data }) =>
        answer({ body: Buffer.from(decodeHttpRequest("payload" in data ? data.payload : "").path) }),
      { maxRequests: 1_000, callTimeoutMs: 60_000 },
    );
    await wired(host);
    const head = (path: string, rest: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n${rest}\r\n`;
    const texts = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        raw(provider.url, head(`/${i}a`, "") + head(`/${i}b`, "Connection: close\r\n")),
      ),
    );
    const wrong = texts.filter(
      (text, i) => !new RegExp(`^HTTP/1.1 200 [^]*/${i}aHTTP/1.1 200 [^]*/${i}b$`).test(text),
    );
    t.same(wrong, []);
    t.same(telemetry.dropCounts, {});
    t.equal((await send("GET", "/")).status, 200);
    await host.close();
  },
);

t.test("given too many requests at a time, then the excess gets 503", async (t) => {
  const { host, events, send } = await ingress(() => undefined, { maxRequests: 2, callTimeoutMs: 250 });
  await wired(host);
  const waiting = [send("GET", "/"), send("GET", "/")];
  await until("both calls", () => events.length === 2);
  t.equal((await send("GET", "/")).status, 503);
  t.same(
    (await Promise.all(waiting)).map(({ status }) => status),
    [504, 504],
  );
  t.equal((await send("GET", "/")).status, 504, "later requests are served again");
  await host.close();
});

t.test("given more bodies than memory is meant for, then the excess gets 503", async (t) => {
  const { host, events, send } = await ingress(() => undefined, { callTimeoutMs: 600 });
  await wired(host);
  const body = Buffer.alloc(MAX_BODY);
  const waiting = Array.from({ length: 32 }, () => send("POST", "/", body));
  await until("the calls", () => events.length === 32);
  t.equal((await send("POST", "/", "x")).status, 503);
  t.ok((await Promise.all(waiting)).every(({ status }) => status === 504));
  const later = send("POST", "/", "x");
  await until("the next call", () => events.length === 33);
  await host.reset();
  t.equal((await later).status, 404, "the memory is free again");
  await host.close();
});

t.test(
  "given requests under way, when their instance stops, then they end; events to it do too",
  async (t) => {
    const { host, events, send } = await ingress(() => undefined);
    const id = await wired(host);
    const waiting = send("GET", "/");
    await until("the call", () => events.length === 1);
    host.deliver(eventFor(id, { type: "call", payload: "x" }, 9n));
    await until("the answer", () => events.length === 2);
    t.match(events[1], { target: PEER, streamId: 9n, data: { type: "err" } });
    await host.stop(id);
    t.equal((await waiting).status, 404);
    await host.close();
  },
);

t.test("given kept connections and a running request, when the node closes, then all end soon", async (t) => {
  const { host, events, provider } = await ingress(() => undefined);
  await wired(host);
  const agent = new Agent({ keepAlive: true });
  const send = sender(provider.url, agent);
  for (const method of ["OPTIONS", "TRACE"])
    t.match(await send(method, "/"), {
      status: 405,
      headers: { allow: "GET, HEAD, POST, PUT, DELETE, PATCH" },
    });
  t.equal(Object.keys(agent.freeSockets).length, 1, "the connection is kept");
  const waiting = send("GET", "/");
  await until("the call", () => events.length === 1);
  const start = performance.now();
  await host.close();
  t.equal((await waiting).status, 404);
  t.ok(performance.now() - start < 3_000);
  await t.rejects(sender(provider.url)("GET", "/"), { code: "ECONNREFUSED" });
  agent.destroy();
});

t.test("given a port in use or a bad URL, when it opens, then the error has its code", async (t) => {
  const { host, provider } = await ingress(() => undefined);
  const open = (url: string) =>
    HttpIngressProvider.open({
      providerId: "x",
      url,
      maxBodyBytes: 1,
      maxRequests: 1,
      clock: systemClock,
      random: seededRandom(1),
      logger: keepingLogger(),
    });
  await t.rejects(open(provider.url), { code: "EDGELESS_PORT_IN_USE", message: /http_ingress_url/ });
  await t.rejects(open("http://192.0.2.1:0"), { code: "EDGELESS_CANNOT_BIND" });
  await t.rejects(open("http://no-such-host.invalid:0"), { code: "EDGELESS_CANNOT_BIND" });
  await t.rejects(open("https://127.0.0.1:0"), { code: "EDGELESS_BAD_URL" });
  await t.rejects(open("127.0.0.1"), { code: "EDGELESS_BAD_URL" });
  const named = await open("http://localhost:0");
  t.match(named.url, /^http:\/\/localhost:[1-9]/);
  await named.close();
  await host.close();
});
