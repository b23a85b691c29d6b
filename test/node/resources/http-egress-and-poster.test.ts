import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import t from "tap";
import { TextBudget } from "../../../node/functions/text-budget.js";
import { HttpClient } from "../../../node/resources/http-client.js";
import { httpEgressProvider } from "../../../node/resources/http-egress/http-egress-provider.js";
import {
  decodeHttpResponse,
  encodeHttpRequest,
  HTTP_METHODS,
  type HttpRequest,
  type HttpResponse,
} from "../../../node/resources/http-message.js";
import { httpPosterProvider } from "../../../node/resources/http-poster/http-poster-provider.js";
import { nextHop } from "../../../node/resources/http-redirect.js";
import { systemClock } from "../../../platform/system-clock.js";
import { eventFor, hostOf, started, until } from "../kit/resource-fixture.js";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

interface Teardown {
  teardown(handler: () => void): void;
}

type Handler = (seen: Seen, response: ServerResponse) => void;

/** A real web server that keeps what it was asked. */
async function webServer(t: Teardown, handler: Handler, tls?: { key: string; cert: string }) {
  const seen: Seen[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const { method = "", url = "", rawHeaders, headers } = request;
      const entry = { method, url, rawHeaders, headers, body: Buffer.concat(chunks) };
      seen.push(entry);
      handler(entry, response);
    });
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  t.teardown(close);
  return { host: `127.0.0.1:${port}`, seen, sockets, connections: () => connections, close };
}

function egress(
  options: { timeoutMs?: number; maxBodyBytes?: number; ca?: string; budget?: TextBudget } = {},
) {
  const limits = { clock: systemClock, timeoutMs: 5_000, maxBodyBytes: 1_000_000, ...options };
  const parts = hostOf([httpEgressProvider("http-egress-1", limits)], { mailboxCapacity: 1_000 });
  let streamId = 0n;
  /** The answer to a call with this text. */
  const ask = async (id: Awaited<ReturnType<typeof started>>, payload: string) => {
    const own = ++streamId;
    parts.host.deliver(eventFor(id, { type: "call", payload }, own));
    const find = () => parts.sent.find((event) => event.streamId === own);
    await until(`answer ${own}`, () => find() !== undefined);
    return find()?.data;
  };
  const exchange = async (request: Partial<HttpRequest>): Promise<HttpResponse | "err"> => {
    const id = await started(parts.host, "http-egress");
    const data = await ask(id, requestText(request));
    await parts.host.stop(id);
    return data?.type === "call-ret" ? decodeHttpResponse(data.payload) : "err";
  };
  return { ...parts, ask, exchange };
}

function requestText(request: Partial<HttpRequest>): string {
  return encodeHttpRequest({
    method: "Get",
    protocol: "HTTP",
    host: "",
    path: "/",
    body: undefined,
    headers: new Map(),
    ...request,
  });
}

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

t.test("given a request, when it is performed, then both sides see exactly what was sent", async (t) => {
  const web = await webServer(t, (_seen, response) => {
    response.writeHead(
      207,
      "Odd",
      [
        ["X-Reply", "Yes"],
        ["x-many", "1"],
        ["x-many", "2"],
        ["x-latin", "caf\u00e9"],
        ["content-encoding", "gzip"],
      ].flat(),
    );
    response.end(ALL_BYTES);
  });
  const { exchange, host } = egress();
  const reply = await exchange({
    method: "Post",
    protocol: "Unknown",
    host: web.host,
    path: "/a%20b?x=1&y=%C3%A9",
    body: ALL_BYTES,
    headers: new Map([
      ["Accept", "x/y"],
      ["host", "virtual.example"],
      ["content-length", "5"],
      ["transfer-encoding", "chunked"],
    ]),
  });
  const [seen] = web.seen;
  t.match(seen, { method: "POST", url: "/a%20b?x=1&y=%C3%A9", body: ALL_BYTES });
  t.match(seen?.headers, { accept: "x/y", host: "virtual.example", "content-length": "256" });
  t.equal(seen?.headers["transfer-encoding"], undefined, "the framing is the client's own");
  t.equal(seen?.headers["user-agent"], undefined, "nothing is added");
  if (reply === "err") throw new Error("no reply");
  t.equal(reply.status, 207);
  t.same(reply.body, new Uint8Array(ALL_BYTES), "the body is not decoded");
  t.equal(reply.headers.get("x-reply"), "Yes");
  t.equal(reply.headers.get("x-many"), "2");
  t.equal(reply.headers.has("x-latin"), false);
  await host.close();
});

t.test("given the six methods, with and without a body, then each arrives as it is", async (t) => {
  const web = await webServer(t, (_seen, response) => response.writeHead(404).end("no"));
  const { exchange, host } = egress();
  for (const method of HTTP_METHODS) {
    for (const body of [undefined, Buffer.from("some")]) {
      const reply = await exchange({ method, host: web.host, body });
      t.match(reply, { status: 404 }, "an error status is an ordinary answer");
      const seen = web.seen.pop();
      t.equal(seen?.method, method.toUpperCase());
      t.equal(seen?.body.toString(), body === undefined ? "" : "some", `${method} ${body}`);
      const empty = ["Post", "Put", "Patch"].includes(method) ? "0" : undefined;
      t.equal(seen?.headers["content-length"], body === undefined ? empty : "4");
      t.equal(seen?.headers["transfer-encoding"], undefined);
    }
  }
  await host.close();
});

t.test(
  "given what cannot be performed, when it is called, then the answer is err and the log says why",
  async (t) => {
    const gone = await webServer(t, () => {});
    gone.close();
    const { ask, host, logger, telemetry } = egress();
    const id = await started(host, "http-egress");
    const bad = [
      "no JSON",
      '{"method":"Get"}',
      requestText({ host: gone.host }),
      requestText({ host: "no-such-host.invalid" }),
      requestText({ host: "a b" }),
      requestText({ host: gone.host, headers: new Map([["bad name", "x"]]) }),
      requestText({ host: gone.host, headers: new Map([["x", "a\r\ny: b"]]) }),
    ];
    for (const payload of bad) t.same(await ask(id, payload), { type: "err" }, payload);
    t.equal(telemetry.dropCounts["handler-failed"], bad.length);
    t.match(logger.lines, ["info resource started", /^warn a call failed: HTTP request is not JSON/]);
    host.deliver(eventFor(id, { type: "cast", payload: requestText({ host: gone.host }) }));
    await until("the cast", () => telemetry.executions.length === bad.length + 1);
    t.equal(telemetry.dropCounts["handler-failed"], bad.length, "casts are ignored");
    await host.close();
  },
);

t.test("given a server that hangs at any point, then the deadline ends the request", async (t) => {
  const web = await webServer(t, ({ url }, response) => {
    if (url === "/head") response.writeHead(200, { "content-length": "10" }).write("half");
    else if (url === "/drip") {
      const drip = setInterval(() => response.write("x"), 10);
      response.on("close", () => clearInterval(drip));
    } else if (url === "/loop") setTimeout(() => response.writeHead(302, { location: "/loop" }).end(), 60);
  });
  const { exchange, host } = egress({ timeoutMs: 150 });
  const start = performance.now();
  for (const path of ["/", "/head", "/drip", "/loop"])
    t.equal(await exchange({ host: web.host, path }), "err", path);
  t.ok(performance.now() - start < 3_000);
  t.ok(web.seen.length <= 7, "redirects do not renew the deadline");
  await host.close();
});

t.test("given a connection cut within the answer, or one too long, then the answer is err", async (t) => {
  const web = await webServer(t, ({ url }, response) => {
    if (url === "/long") response.end(Buffer.alloc(20_000));
    else if (url === "/fits") response.end(Buffer.alloc(10_000));
    else {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.socket?.destroy());
    }
  });
  const { exchange, host } = egress({ maxBodyBytes: 10_000 });
  t.equal(await exchange({ host: web.host, path: "/cut" }), "err");
  t.equal(await exchange({ host: web.host, path: "/long" }), "err");
  t.match(await exchange({ host: web.host, path: "/fits" }), { status: 200 });
  await host.close();
});

t.test(
  "given redirects, when they are followed, then method, body and credentials are as they should",
  async (t) => {
    const base = new URL("http://a.org/x/y?z");
    const request = {
      method: "Post",
      url: base,
      body: Buffer.from("b"),
      headers: new Map([
        ["Authorization", "secret"],
        ["Content-Type", "text/plain"],
        ["accept", "*"],
        ["Host", "virtual"],
      ]),
    } as const;
    const same = nextHop(request, 303, "../up?q");
    t.match(same, { method: "Get", url: { href: "http://a.org/up?q" }, body: undefined });
    t.same([...(same?.headers.keys() ?? [])], ["Authorization", "accept", "Host"]);
    const other = nextHop(request, 307, "//b.org/");
    t.match(other, { method: "Post", url: { href: "http://b.org/" }, body: request.body });
    t.same([...(other?.headers.keys() ?? [])], ["Content-Type", "accept"]);
    t.equal(nextHop({ ...request, method: "Head" }, 301, "/")?.method, "Head");
    t.equal(nextHop({ ...request, method: "Put" }, 308, "https://a.org/")?.method, "Put");
    for (const [status, location] of [
      [200, "/"],
      [304, "/"],
      [300, "/"],
      [302, undefined],
      [302, "http://[bad"],
    ] as const)
      t.equal(nextHop(request, status, location), undefined, `${status} ${location}`);
    t.throws(() => nextHop(request, 302, "file:///etc/passwd"), { code: "EDGELESS_REJECTED" });
  },
);

t.test("given chains of redirects, when they are followed, then ten are and eleven are not", async (t) => {
  const web = await webServer(t, ({ url }, response) => {
    const left = Number(url.slice(1));
    if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end("moved");
    else response.end("there");
  });
  const { exchange, host } = egress();
  const reply = await exchange({ method: "Put", host: web.host, path: "/10", body: ALL_BYTES });
  t.match(reply, { status: 200, body: new Uint8Array(Buffer.from("there")) });
  t.same(
    web.seen.map(({ body }) => body.length),
    new Array(11).fill(256),
  );
  t.equal(await exchange({ host: web.host, path: "/11" }), "err");
  await host.close();
});

t.test(
  "given many calls at once, when they are performed, then they run in parallel, within a bound",
  async (t) => {
    const waiting: ServerResponse[] = [];
    const web = await webServer(t, (_seen, response) => {
      waiting.push(response);
    });
    const { host, sent } = egress();
    const id = await started(host, "http-egress");
    for (let i = 1; i <= 100; i++)
      host.deliver(eventFor(id, { type: "call", payload: requestText({ host: web.host }) }, BigInt(i)));
    await until("64 requests", () => waiting.length === 64);
    t.equal(sent.length, 0);
    for (const response of waiting.splice(0)) response.end();
    await until("the other requests", () => waiting.length === 36);
    for (const response of waiting.splice(0)) response.end();
    await until("all answers", () => sent.length === 100);
    t.ok(web.connections() <= 64, `${web.connections()} connections`);
    await host.close();
  },
);

t.test(
  "given a kept connection that the server closed, when it is used, then the request still arrives",
  async (t) => {
    const web = await webServer(t, (_seen, response) => response.end("ok"));
    const { ask, host } = egress();
    const id = await started(host, "http-egress");
    const get = requestText({ host: web.host });
    t.match(await ask(id, get), { type: "call-ret" });
    t.match(await ask(id, get), { type: "call-ret" });
    t.equal(web.connections(), 1, "the connection is used again");
    for (const socket of web.sockets) socket.destroy();
    t.match(await ask(id, get), { type: "call-ret" });
    await host.close();
  },
);

t.test("given requests under way, when the instance stops, then they end and are answered err", async (t) => {
  const web = await webServer(t, () => {});
  const { host, sent } = egress({ timeoutMs: 60_000 });
  const id = await started(host, "http-egress");
  host.deliver(eventFor(id, { type: "call", payload: requestText({ host: web.host }) }, 1n));
  await until("the request", () => web.seen.length === 1);
  await host.stop(id);
  t.match(sent, [{ streamId: 1n, data: { type: "err" } }]);
  await until("the end of the connection", () => web.sockets.size === 0);
});

const hasOpenSsl = spawnSync("openssl", ["version"]).status === 0;

t.test(
  "given HTTPS, when a request is performed, then the certificate must be trusted",
  { skip: hasOpenSsl ? false : "needs openssl to make a certificate" },
  async (t) => {
    const folder = t.testdir();
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", [...make, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
    const web = await webServer(t, (_seen, response) => response.end("secret"), tls);
    const host = web.host.replace("127.0.0.1", "localhost");
    const stranger = egress();
    t.equal(await stranger.exchange({ protocol: "HTTPS", host }), "err");
    t.equal(web.seen.length, 0, "nothing was sent to it");
    const friend = egress({ ca: tls.cert });
    t.match(await friend.exchange({ protocol: "HTTPS", host }), { status: 200 });
    const headers = new Map([["host", "other.example"]]);
    t.match(await friend.exchange({ protocol: "HTTPS", host, headers }), { status: 200 });
    t.equal(web.seen[1]?.headers.host, "other.example");
    t.equal(await friend.exchange({ protocol: "HTTPS", host: web.host }), "err", "the name must fit");
    await stranger.host.close();
    await friend.host.close();
  },
);

t.test(
  "given many long answers at a time, when memory ends, then some are err, and later ones fit",
  async (t) => {
    const waiting: ServerResponse[] = [];
    const web = await webServer(t, ({ url }, response) => {
      response.write(Buffer.alloc(400));
      if (url === "/wait") waiting.push(response);
      else response.end();
    });
    const { exchange, host, logger } = egress({ budget: new TextBudget(1_000) });
    const held = [exchange({ host: web.host, path: "/wait" }), exchange({ host: web.host, path: "/wait" })];
    await until("both answers", () => waiting.length === 2);
    const third = async () => (await exchange({ host: web.host, path: "/" })) === "err";
    const end = performance.now() + 10_000;
    while (!(await third())) if (performance.now() > end) throw new Error("the budget has no effect");
    t.match(logger.lines.join("\n"), /too many long answers/);
    for (const response of waiting) response.end();
    for (const answer of await Promise.all(held)) t.not(answer, "err");
    t.not(await exchange({ host: web.host, path: "/" }), "err", "the memory is free again");
    await host.close();
  },
);

t.test("given a closed client, when it is asked to send, then it refuses", async (t) => {
  const web = await webServer(t, (_seen, response) => response.end());
  const client = new HttpClient({ clock: systemClock, timeoutMs: 1_000, maxBodyBytes: 1 });
  client.close();
  const url = new URL(`http://${web.host}/`);
  await t.rejects(client.send({ method: "Get", url, headers: new Map(), body: undefined }), {
    code: "EDGELESS_UNREACHABLE",
  });
});

function poster(timeoutMs = 5_000) {
  const limits = { clock: systemClock, timeoutMs, maxBodyBytes: 1_000 };
  return hostOf([httpPosterProvider("http-poster-1", limits)]);
}

t.test(
  "given casts, when they are posted, then bodies arrive in order, exact and without a type",
  async (t) => {
    const web = await webServer(t, (_seen, response) => response.end());
    const { host, telemetry } = poster();
    const plain = await started(host, "http-poster", { url: `http://${web.host}/in?x` });
    const decoding = await started(host, "http-poster", {
      url: `http://${web.host}/b`,
      decode_base64: "True",
    });
    for (const payload of ["grüße", "", "third"]) host.deliver(eventFor(plain, { type: "cast", payload }));
    await until("three posts", () => telemetry.executions.length === 3);
    host.deliver(eventFor(decoding, { type: "cast", payload: ALL_BYTES.toString("base64") }));
    await until("the decoded post", () => telemetry.executions.length === 4);
    t.same(
      web.seen.map(({ method, url, body }) => `${method} ${url} ${body.toString("latin1")}`),
      [
        `POST /in?x ${Buffer.from("grüße").toString("latin1")}`,
        "POST /in?x ",
        "POST /in?x third",
        `POST /b ${ALL_BYTES.toString("latin1")}`,
      ],
    );
    t.equal(web.seen[0]?.headers["content-type"], undefined);
    t.match(telemetry.executions[0], /^http-poster cast /);
    await host.close();
  },
);

t.test("given calls, bad base64, error answers and no server, then nothing is silent", async (t) => {
  const web = await webServer(t, (_seen, response) => response.writeHead(500).end());
  const { host, sent, telemetry, logger } = poster(200);
  const url = `http://${web.host}/`;
  const id = await started(host, "http-poster", { url, decode_base64: "true" });
  host.deliver(eventFor(id, { type: "call", payload: "aGk=" }, 5n));
  host.deliver(eventFor(id, { type: "cast", payload: "not base64!" }));
  host.deliver(eventFor(id, { type: "cast", payload: "aGk=" }));
  await until("all three", () => telemetry.executions.length === 3);
  t.match(sent, [{ streamId: 5n, data: { type: "err" } }]);
  t.same(
    web.seen.map(({ body }) => body.toString()),
    ["hi"],
    "calls and what is not base64 are not posted",
  );
  web.close();
  host.deliver(eventFor(id, { type: "cast", payload: "aGk=" }));
  await until("the failed post", () => telemetry.executions.length === 4);
  t.equal(telemetry.dropCounts["handler-failed"], 3);
  t.match(
    logger.lines.find((line) => line.startsWith("warn")),
    /not base64: nothing was posted/,
  );
  await host.close();
});

t.test("given a URL that cannot be posted to, when it starts, then the refusal says why", async (t) => {
  const { host } = poster();
  for (const [url, reason] of [
    ["", "Field 'url' missing"],
    ["no url", "url is not an http or https URL"],
    ["ftp://a.org/", "url is not an http or https URL"],
  ] as const) {
    const request = { classType: "http-poster", configuration: new Map([["url", url]]), workflowId: "" };
    const error = { summary: "Invalid resource configuration", detail: reason };
    t.same(await host.start(request), { ok: false, error });
  }
});
