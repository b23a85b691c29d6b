import { connect, createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import t from "tap";
import type { WorkflowApi } from "../../core/api.js";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import { INSTANCE_NONE } from "../../core/instance-id.js";
import { NIL_UUID } from "../../core/uuid.js";
import {
  connectInvocation,
  connectWorkflow,
  invocationService,
  type RunningServer,
  startServer,
  workflowService,
} from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { FakeClock } from "../kit/fake-clock.js";

const OPTIONS = { deadlineMs: 10_000 };
const LOOPBACK = "http://127.0.0.1:0";

/** A controller that knows the nil workflow; `list` can be made to hang. */
function controller(list: () => Promise<readonly (typeof NIL_UUID)[]> = async () => [NIL_UUID]): WorkflowApi {
  return {
    start: async (workflow) => {
      const size = workflow.functions[0]?.functionClass.binary?.length ?? 0;
      return { ok: false, error: { summary: `${size} bytes`, detail: "x".repeat(size) } };
    },
    stop: async () => {},
    list,
    inspect: async () => {
      throw new Error("unused");
    },
    domains: async () => new Map(),
    migrate: async () => ({ ok: false, error: { summary: "unused" } }),
  };
}

const serve = (url = LOOPBACK, api = controller()) => startServer(url, [workflowService(api)]);
const never = () => new Promise<never>(() => {});

t.test("given a name, an IPv6 address or port 0, when served, then the URL leads there", async (t) => {
  const hosts = ["localhost", "127.0.0.1", "0.0.0.0"];
  const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === "::1"),
  );
  if (hasIpv6) hosts.push("[::1]");
  else t.comment("this machine has no IPv6 loopback address");
  for (const host of hosts) {
    const server = await serve(`http://${host}:0/ignored`);
    t.match(server.url, /^http:\/\/.+:[1-9][0-9]*$/);
    t.ok(server.url.startsWith(`http://${host}:`));
    const client = connectWorkflow(server.url, OPTIONS);
    t.strictSame(await client.list(), [NIL_UUID], host);
    client.close();
    await server.close();
  }
});

t.test("given an address that is taken or is not ours, when served, then it fails loudly", async (t) => {
  const server = await serve();
  await t.rejects(serve(server.url), {
    code: "EDGELESS_PORT_IN_USE",
    message: `cannot listen on ${server.url}: the port is already in use`,
  });
  await server.close();
  const again = await serve(server.url);
  await again.close();
  await t.rejects(serve("http://203.0.113.1:0"), {
    code: "EDGELESS_CANNOT_BIND",
    message: /^cannot listen on http:\/\/203\.0\.113\.1:0: listen EADDRNOTAVAIL/,
  });
  await t.rejects(serve(`http://${"a".repeat(300)}:0`), { code: "EDGELESS_CANNOT_BIND" });
  await t.rejects(serve("http://127.0.0.1"), { code: "EDGELESS_BAD_URL" });
});

t.test("given an unusable URL, when connecting, then it is refused at once", async (t) => {
  t.throws(() => connectWorkflow("coap://127.0.0.1:5683", OPTIONS), { code: "EDGELESS_BAD_URL" });
  t.throws(() => connectWorkflow("127.0.0.1:7001", OPTIONS), { code: "EDGELESS_BAD_URL" });
  t.throws(() => connectWorkflow("https://127.0.0.1:7001", OPTIONS), {
    code: "EDGELESS_BAD_CONFIG",
    message: /client_ca_path/,
  });
});

t.test("given 10 MB of function code, when sent and answered, then it passes", async (t) => {
  const server = await serve();
  const client = connectWorkflow(server.url, { deadlineMs: 60_000 });
  const binary = new Uint8Array(10_000_000).fill(7);
  const functionClass = { id: "f", functionType: "RUST_WASM", version: "1", binary, outputs: [] };
  const result = await client.start({
    functions: [{ name: "f", functionClass, outputMapping: new Map(), annotations: new Map() }],
    resources: [],
    annotations: new Map(),
  });
  t.equal(result.ok, false);
  if (!result.ok)
    t.strictSame([result.error.summary, result.error.detail?.length], ["10000000 bytes", 10_000_000]);
  client.close();
  await server.close();
});

t.test("given a handler that never answers, when called, then the deadline ends the call", async (t) => {
  const server = await serve(LOOPBACK, controller(never));
  const client = connectWorkflow(server.url, { deadlineMs: 100 });
  await t.rejects(client.list(), { code: "EDGELESS_TIMEOUT", message: server.url });
  client.close();
  await server.close();
});

t.test(
  "given a port that accepts but says nothing, when called, then the deadline ends the call",
  async (t) => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const client = connectWorkflow(`http://127.0.0.1:${address.port}`, { deadlineMs: 100 });
    await t.rejects(client.list(), { code: "EDGELESS_TIMEOUT" });
    client.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
  },
);

t.test("given a peer that goes and comes back, when called, then the client finds it again", async (t) => {
  const first = await serve();
  const client = connectWorkflow(first.url, OPTIONS);
  t.strictSame(await client.list(), [NIL_UUID]);
  await first.close();
  for (let i = 0; i < 5; i++)
    await t.rejects(client.list(), { code: "EDGELESS_UNREACHABLE", message: first.url });
  const second = await serve(first.url);
  const found = await eventually("the peer is found again", () => client.list(), 3000);
  t.strictSame(found, [NIL_UUID]);
  client.close();
  await second.close();
});

t.test(
  "given a peer that appears late, when called after a long silence, then the first call succeeds",
  async (t) => {
    const first = await serve();
    await first.close();
    const clock = new FakeClock();
    const client = connectWorkflow(first.url, { ...OPTIONS, clock });
    await t.rejects(client.list(), { code: "EDGELESS_UNREACHABLE" });
    const second = await serve(first.url);
    await clock.advance(60_000);
    t.strictSame(await client.list(), [NIL_UUID]);
    client.close();
    await second.close();
  },
);

t.test("given calls in progress, when the client closes, then they and later ones fail", async (t) => {
  const server = await serve(LOOPBACK, controller(never));
  const client = connectWorkflow(server.url, OPTIONS);
  const call = t.rejects(client.list(), { code: "EDGELESS_UNREACHABLE" });
  client.close();
  await call;
  await t.rejects(client.list(), { code: "EDGELESS_UNREACHABLE", message: /closed/ });
  client.close();
  await server.close();
});

t.test(
  "given a call in progress, when the server closes, then it waits a second and not longer",
  async (t) => {
    const clock = new FakeClock();
    let entered = false;
    const api = controller(() => {
      entered = true;
      return never();
    });
    const server: RunningServer = await startServer(LOOPBACK, [workflowService(api)], { clock });
    const client = connectWorkflow(server.url, OPTIONS);
    const call = t.rejects(client.list(), { code: "EDGELESS_UNREACHABLE" });
    await eventually("the call has arrived", () => entered);
    let closed = false;
    const closing = server.close().then(() => {
      closed = true;
    });
    await clock.advance(999);
    t.equal(closed, false);
    await clock.advance(1);
    await closing;
    await call;
    await server.close();
    client.close();
  },
);

t.test("given bytes that are no HTTP/2, when received, then the server goes on", async (t) => {
  const server = await serve();
  const { port } = new URL(server.url);
  for (const garbage of [
    "GET / HTTP/1.1\r\n\r\n",
    "\0\0\0\0",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff",
  ]) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    await new Promise<void>((resolve) => socket.end(garbage, "latin1", resolve));
    socket.destroy();
  }
  const client = connectWorkflow(server.url, OPTIONS);
  t.strictSame(await client.list(), [NIL_UUID]);
  client.close();
  await server.close();
});

t.test(
  "given a peer that restarts, when events go on, then only those of the outage are refused",
  async (t) => {
    const seen: bigint[] = [];
    const open = (url: string) =>
      startServer(url, [invocationService({ handle: (e) => void seen.push(e.streamId) })]);
    let server = await open(LOOPBACK);
    const peer = connectInvocation(server.url, OPTIONS);
    const send = (streamId: bigint) =>
      peer.handle({
        target: INSTANCE_NONE,
        source: INSTANCE_NONE,
        streamId,
        data: { type: "err" },
        created: TIMESTAMP_ZERO,
        metadata: METADATA_NONE,
      });
    await send(1n);
    await server.close();
    await t.rejects(send(2n), { code: "EDGELESS_UNREACHABLE" });
    server = await open(server.url);
    await eventually("events pass again", () => send(3n).then(() => true), 3000);
    t.strictSame(seen, [1n, 3n]);
    peer.close();
    await server.close();
  },
);
