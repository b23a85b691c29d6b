import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import coap from "coap";
import t from "tap";
import {
  CHANGED,
  CONTENT,
  CREATED,
  DELETE,
  DELETED,
  GET,
  METHOD_NOT_ALLOWED,
  NOT_FOUND,
  POST,
  PUT,
} from "../../coap-api/coap/codes.js";
import type { Message } from "../../coap-api/coap/message.js";
import { Endpoint } from "../../coap-api/endpoint/endpoint.js";
import type { OutgoingRequest } from "../../coap-api/endpoint/exchange.js";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../../coap-api/endpoint/small-peer-table.js";
import { utf8Bytes } from "../../coap-api/utf8.js";
import { NumberedTimers } from "../../platform/numbered-timers.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { openUdpSocket } from "../../platform/udp-socket.js";
import { eventually } from "../kit/eventually.js";

const run = promisify(execFile);
const NOTHING = new Uint8Array(0);
const LOOPBACK = "127.0.0.1";
const LINKS = "</.well-known/core>,</store>;ct=42,</obs>;obs";

// The npm library opens two sockets when it is loaded.
for (const agent of [coap.globalAgent, coap.globalAgentIPv6]) agent.close();
// And it keeps timers for EXCHANGE_LIFETIME, 247 seconds unless told otherwise, and with them the process.
coap.updateTiming({
  ackTimeout: 0.5,
  ackRandomFactor: 1,
  maxRetransmit: 1,
  maxLatency: 0.25,
  piggybackReplyMs: 50,
});

const hasLibcoap = spawnSync("coap-client-notls", ["-v", "0"]).error === undefined;
const LIBCOAP = { skip: hasLibcoap ? false : "libcoap is not installed (apt-get install libcoap3-bin)" };

/** A body of which each part is another one. */
function body(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

interface Opened {
  readonly endpoint: Endpoint;
  readonly port: number;
  /** What is stored at `store`. */
  content: Uint8Array;
  close(): Promise<void>;
}

/** An endpoint on a real socket. */
async function open(settings: Partial<EndpointSettings> = {}): Promise<Opened> {
  const socket = await openUdpSocket(LOOPBACK, 0, "test");
  const timers = new NumberedTimers(systemClock);
  const all = {
    ...DEVICE_SETTINGS,
    maxPeers: 64,
    maxBodyBytes: 100_000,
    maxHeldBytes: 1_000_000,
    ...settings,
  };
  const endpoint = new Endpoint(
    socket,
    timers,
    (target) => systemRandom.fill(target),
    all,
    new SmallPeerTable(64),
  );
  const opened: Opened = {
    endpoint,
    port: socket.port,
    content: NOTHING,
    close: async () => {
      endpoint.close();
      await socket.close();
    },
  };
  endpoint.onRequest(({ code, path, payload, query }, reply) => {
    if (path === ".well-known/core") reply(CONTENT, utf8Bytes(LINKS), { contentFormat: 40 });
    else if (path === "obs" && code === GET)
      reply(CONTENT, utf8Bytes("0"), { contentFormat: 0, observable: true });
    else if (path === "late") timers.set(400, () => reply(CONTENT, utf8Bytes("late")));
    else if (path !== "store") reply(NOT_FOUND, NOTHING);
    else if (code === GET) reply(CONTENT, opened.content, { contentFormat: 42 });
    else if (code === PUT || code === POST) {
      opened.content = new Uint8Array(payload);
      if (code === PUT) reply(CHANGED, NOTHING);
      else reply(CREATED, utf8Bytes(query), { locationPath: "store/1" });
    } else if (code === DELETE) {
      opened.content = NOTHING;
      reply(DELETED, NOTHING);
    } else reply(METHOD_NOT_ALLOWED, NOTHING);
  });
  return opened;
}

function request(from: Opened, port: number, outgoing: OutgoingRequest): Promise<Message> {
  return new Promise((resolve, reject) => {
    from.endpoint.request(LOOPBACK, port, outgoing, (response, failure) => {
      if (response === undefined) reject(new Error(failure));
      else resolve(response);
    });
  });
}

/** Runs libcoap's client and returns what it printed. */
async function libcoapClient(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run("coap-client-notls", ["-B", "20", ...args], { timeout: 30_000 });
  return stdout + stderr;
}

t.test(
  "given libcoap's client, when it discovers, reads, writes, creates and deletes, then it gets what there is",
  LIBCOAP,
  async (t) => {
    const server = await open();
    t.teardown(() => server.close());
    const url = `coap://${LOOPBACK}:${server.port}`;
    t.match(await libcoapClient("-m", "get", `${url}/.well-known/core`), LINKS);
    t.match(await libcoapClient("-m", "put", "-e", "hello", `${url}/store`), /^\s*$/);
    t.same(server.content, utf8Bytes("hello"));
    t.match(await libcoapClient("-m", "get", `${url}/store`), /hello/);
    t.match(await libcoapClient("-m", "get", "-N", `${url}/store`), /hello/, "non-confirmable");
    t.match(await libcoapClient("-m", "post", "-e", "more", `${url}/store?a=1&b=2`), /a=1&b=2/);
    t.match(await libcoapClient("-m", "get", `${url}/late`), /late/, "a separate response");
    await libcoapClient("-m", "delete", `${url}/store`);
    t.equal(server.content.length, 0);
    t.match(await libcoapClient("-m", "get", `${url}/nothing`), /4\.04/);
    t.match(
      await libcoapClient("-m", "get", "-O", "9,x", `${url}/store`),
      /4\.02/,
      "an unknown critical option",
    );
  },
);

t.test(
  "given libcoap's client, when bodies go both ways in blocks of 16 to 1024 bytes, then they arrive whole",
  LIBCOAP,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-coap-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    for (const [exponent, size] of [16, 32, 64, 128, 256, 512, 1024].entries()) {
      for (const blockExponent of new Set([exponent, 4])) {
        const server = await open({ blockExponent });
        const whole = body(3000 + size + exponent);
        writeFileSync(join(folder, "up"), whole);
        const url = `coap://${LOOPBACK}:${server.port}/store`;
        await libcoapClient("-m", "put", "-b", String(size), "-f", join(folder, "up"), url);
        t.ok(
          Buffer.from(server.content).equals(whole),
          `up, ${size} bytes, the server wants ${16 << blockExponent}`,
        );
        await libcoapClient("-m", "get", "-b", String(size), "-o", join(folder, "down"), url);
        t.ok(
          readFileSync(join(folder, "down")).equals(whole),
          `down, ${size} bytes, the server wants ${16 << blockExponent}`,
        );
        await server.close();
      }
    }
  },
);

t.test(
  "given libcoap's client that loses datagrams, when it stores and reads, then everything arrives",
  LIBCOAP,
  async (t) => {
    const server = await open();
    t.teardown(() => server.close());
    const folder = mkdtempSync(join(tmpdir(), "edgeless-coap-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "up"), body(1000));
    await libcoapClient(
      "-m",
      "put",
      "-l",
      "2",
      "-b",
      "256",
      "-f",
      join(folder, "up"),
      `coap://${LOOPBACK}:${server.port}/store`,
    );
    t.same(server.content, body(1000));
  },
);

t.test(
  "given libcoap's client, when it observes, then it is told of changes until it ends",
  LIBCOAP,
  async (t) => {
    const server = await open();
    t.teardown(() => server.close());
    const client = spawn("coap-client-notls", [
      "-w",
      "-s",
      "2",
      "-m",
      "get",
      `coap://${LOOPBACK}:${server.port}/obs`,
    ]);
    t.teardown(() => client.kill());
    let text = "";
    client.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await eventually("the observation", () => server.endpoint.observerCount() === 1);
    for (const value of ["1", "2", "3"]) {
      server.endpoint.notify("obs", CONTENT, utf8Bytes(value), { contentFormat: 0 });
      await eventually(`notification ${value}`, () => text.includes(value));
    }
    await eventually("its end", () => server.endpoint.observerCount() === 0);
  },
);

t.test(
  "given libcoap's server, when our endpoint discovers, reads, writes and deletes in all block sizes, then it works",
  LIBCOAP,
  async (t) => {
    const port = await freeUdpPort();
    const server = spawn("coap-server-notls", ["-A", LOOPBACK, "-p", String(port), "-d", "10"]);
    t.teardown(() => end(server));
    const patient = await open({ ackTimeoutMs: 100 });
    await eventually("libcoap's server", () =>
      request(patient, port, { code: GET, path: ".well-known/core" }),
    );
    await patient.close();
    for (let blockExponent = 0; blockExponent <= 6; blockExponent++) {
      const client = await open({ blockExponent });
      t.match((await request(client, port, { code: GET, path: ".well-known/core" })).contentFormat, 40);
      const whole = body(2100 + blockExponent);
      const put = await request(client, port, { code: PUT, path: "example_data", payload: whole });
      t.ok([CHANGED, CREATED].includes(put.code), `${put.code}`);
      const got = await request(client, port, { code: GET, path: "example_data" });
      t.ok(Buffer.from(got.payload).equals(whole), `blocks of ${16 << blockExponent}`);
      await client.close();
    }
    const client = await open();
    t.teardown(() => client.close());
    t.equal((await request(client, port, { code: PUT, path: "new", payload: utf8Bytes("x") })).code, CREATED);
    t.equal((await request(client, port, { code: DELETE, path: "new" })).code, DELETED);
    t.equal((await request(client, port, { code: GET, path: "new" })).code, NOT_FOUND);
    const late = await request(client, port, { code: GET, path: "async", query: "1" });
    t.equal(late.code, CONTENT, "a separate response");
    t.match(await request(client, port, { code: GET, path: "time", nonConfirmable: true }), {
      code: CONTENT,
    });
    t.equal(client.endpoint.counters.unexpected, 0);
  },
);

async function freeUdpPort(): Promise<number> {
  const socket = await openUdpSocket(LOOPBACK, 0, "test");
  const { port } = socket;
  await socket.close();
  return port;
}

function end(process: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    process.once("exit", () => resolve());
    process.kill();
  });
}

/** Sends a request with the npm client. */
function npmRequest(
  agent: InstanceType<typeof coap.Agent>,
  port: number,
  method: "GET" | "PUT" | "POST" | "DELETE",
  pathname: string,
  payload?: Uint8Array,
  options: Record<string, Buffer> = {},
): Promise<{ code: string; payload: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = coap.request({ agent, hostname: LOOPBACK, port, method, pathname });
    for (const [name, value] of Object.entries(options)) outgoing.setOption(name, value);
    outgoing.on("response", (response) => resolve({ code: response.code, payload: response.payload }));
    outgoing.on("error", reject);
    outgoing.end(payload === undefined ? undefined : Buffer.from(payload));
  });
}

t.test(
  "given the npm client, when it reads, writes, creates, deletes and observes, then it works, large bodies included",
  async (t) => {
    const server = await open();
    const socket = createSocket("udp4");
    const agent = new coap.Agent({ type: "udp4", socket });
    t.teardown(async () => {
      socket.close();
      await server.close();
    });
    const { port } = server;
    t.match(await npmRequest(agent, port, "GET", "/.well-known/core"), {
      code: "2.05",
      payload: Buffer.from(LINKS),
    });
    t.match(await npmRequest(agent, port, "PUT", "/store", utf8Bytes("hello")), { code: "2.04" });
    t.match(await npmRequest(agent, port, "GET", "/store"), { payload: Buffer.from("hello") });
    t.match(await npmRequest(agent, port, "GET", "/late"), { payload: Buffer.from("late") });
    for (const exponent of [2, 4, 6]) {
      const whole = body(3000 + exponent);
      t.match(await npmRequest(agent, port, "PUT", "/store", whole, { Block1: Buffer.from([exponent]) }), {
        code: "2.04",
      });
      t.ok(Buffer.from(server.content).equals(whole), `up, ${16 << exponent} bytes`);
      const got = await npmRequest(agent, port, "GET", "/store", undefined, {
        Block2: Buffer.from([exponent]),
      });
      t.ok(got.payload.equals(whole), `down, ${16 << exponent} bytes`);
    }
    t.match(await npmRequest(agent, port, "POST", "/store", utf8Bytes("x")), { code: "2.01" });
    t.match(await npmRequest(agent, port, "DELETE", "/store"), { code: "2.02" });
    t.match(await npmRequest(agent, port, "GET", "/nothing"), { code: "4.04" });
    const told: string[] = [];
    const observation = coap.request({ agent, hostname: LOOPBACK, port, pathname: "/obs", observe: true });
    observation.on("response", (response) =>
      response.on("data", (chunk: Buffer) => told.push(chunk.toString())),
    );
    observation.end();
    await eventually("the first value", () => told.includes("0"));
    for (const value of ["1", "2"]) {
      server.endpoint.notify("obs", CONTENT, utf8Bytes(value), { contentFormat: 0 });
      await eventually(`notification ${value}`, () => told.includes(value));
    }
  },
);

t.test(
  "given the npm server, when our endpoint reads, writes, creates, deletes and fetches blocks, then it works",
  async (t) => {
    const whole = body(3000);
    const handled: string[] = [];
    const server = coap.createServer({ type: "udp4", reuseAddr: false }, (incoming, outgoing) => {
      handled.push(`${incoming.method} ${incoming.url} ${incoming.payload.toString()}`);
      if (incoming.url === "/large") outgoing.end(Buffer.from(whole));
      else if (incoming.url === "/late") setTimeout(() => outgoing.end("late"), 300);
      else {
        outgoing.code = incoming.method === "GET" ? "2.05" : incoming.method === "DELETE" ? "2.02" : "2.04";
        outgoing.end(incoming.method === "GET" ? "hello" : undefined);
      }
    });
    const port = await freeUdpPort();
    await new Promise<void>((resolve, reject) => {
      server.listen(port, LOOPBACK, (error) => (error == null ? resolve() : reject(error)));
    });
    t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const blockExponent of [2, 4, 6]) {
      const client = await open({ blockExponent });
      t.match(await request(client, port, { code: GET, path: "small" }), {
        code: CONTENT,
        payload: Buffer.from("hello"),
      });
      t.equal(
        (await request(client, port, { code: PUT, path: "small", payload: utf8Bytes("up") })).code,
        CHANGED,
      );
      t.equal(
        (await request(client, port, { code: POST, path: "small", query: "a=1", payload: utf8Bytes("up") }))
          .code,
        CHANGED,
      );
      t.equal((await request(client, port, { code: DELETE, path: "small" })).code, DELETED);
      t.match(await request(client, port, { code: GET, path: "late" }), { payload: Buffer.from("late") });
      const got = await request(client, port, { code: GET, path: "large" });
      t.ok(Buffer.from(got.payload).equals(whole), `blocks of ${16 << blockExponent}`);
      await client.close();
    }
    t.ok(handled.includes("POST /small?a=1 up"));
  },
);
