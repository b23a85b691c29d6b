/*
 * Measures CoAP servers side by side: ours, npm `coap`, and libcoap's where it is installed. Each runs in a process of its
 * own; one lean client sends confirmable PUTs of 64 bytes that are echoed, 16 at a time, to one server after the other, in
 * several rounds. Then ours goes on until it has seen a million exchanges, and its memory is watched.
 */
import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import coap from "coap";
import { CHANGED, PUT } from "../coap-api/coap/codes.js";
import { createMessage, encodeMessage } from "../coap-api/coap/message.js";
import { Endpoint } from "../coap-api/endpoint/endpoint.js";
import { DEVICE_SETTINGS } from "../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../coap-api/endpoint/small-peer-table.js";
import { NumberedTimers } from "../platform/numbered-timers.js";
import { systemClock } from "../platform/system-clock.js";
import { systemRandom } from "../platform/system-random.js";
import { openUdpSocket } from "../platform/udp-socket.js";

const LOOPBACK = "127.0.0.1";
const ROUNDS = 4;
const ROUND_MS = 1200;
const WINDOW = 16;
const EXCHANGES = 1_000_000;
const MOST_MS = 90_000;
const PATH = "example_data";
const PAYLOAD = new Uint8Array(64).fill(0x61);
/** A request that is not answered for so long is counted as lost. */
const LOST_MS = 1000;

/** What one round with one server gave. */
interface Round {
  readonly exchanges: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly lost: number;
  readonly cpuMicroseconds: number;
}

/** A server in a process of its own. */
interface Server {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly rounds: Round[];
}

/** Runs one of the servers in this process and tells the parent its port. */
async function serve(kind: string): Promise<void> {
  if (kind === "ours") {
    const socket = await openUdpSocket(LOOPBACK, 0, "bench");
    const settings = { ...DEVICE_SETTINGS, duplicatesPerPeer: 64, maxPeers: 64 };
    const timers = new NumberedTimers(systemClock);
    const peers = new SmallPeerTable(settings.maxPeers);
    const endpoint = new Endpoint(socket, timers, (target) => systemRandom.fill(target), settings, peers);
    endpoint.onRequest((request, reply) => reply(CHANGED, request.payload));
    process.send?.(socket.port);
  } else {
    const server = coap.createServer({ type: "udp4" }, (request, response) => {
      response.code = "2.04";
      response.end(request.payload);
    });
    server.on("error", () => {});
    const port = await freePort();
    server.listen(port, LOOPBACK, () => process.send?.(port));
  }
  process.on("disconnect", () => process.exit());
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, LOOPBACK);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

async function start(name: string): Promise<Server | undefined> {
  if (name === "libcoap") {
    if (spawnSync("coap-client-notls", ["-v", "0"]).error !== undefined) {
      process.stdout.write("libcoap is not installed (apt-get install libcoap3-bin): left out\n");
      return undefined;
    }
    const port = await freePort();
    const child = spawn("coap-server-notls", ["-e", "-A", LOOPBACK, "-p", String(port)], { stdio: "ignore" });
    await delay(300);
    return { name, port, process: child, rounds: [] };
  }
  const child = fork(fileURLToPath(import.meta.url), ["serve", name === "ours" ? "ours" : "npm"]);
  const [port] = await once(child, "message");
  return { name, port: Number(port), process: child, rounds: [] };
}

/** Resident memory of a process, MiB. */
function residentMib({ pid }: ChildProcess): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** CPU time of a process, microseconds, in steps of 10,000. */
function cpuMicroseconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

let nextExchange = 0;

/** Keeps `WINDOW` requests under way for a while; a prepared datagram gets a new message id and token each time. */
function drive(
  socket: Socket,
  port: number,
  untilMs: number,
  most: number,
): Promise<{ took: number[]; lost: number }> {
  const message = createMessage(0, PUT, 0, new Uint8Array(4));
  message.path = PATH;
  message.payload = PAYLOAD;
  const template = encodeMessage(message);
  const started = new Map<number, number>();
  const took: number[] = [];
  let lost = 0;
  return new Promise((resolve) => {
    const send = () => {
      const number = nextExchange++;
      const datagram = Buffer.from(template);
      datagram.writeUInt16BE(number & 0xffff, 2);
      datagram.writeUInt32BE(number >>> 0, 4);
      started.set(number >>> 0, performance.now());
      socket.send(datagram, port, LOOPBACK);
    };
    const onMessage = (datagram: Buffer) => {
      const number = datagram.length < 8 ? -1 : datagram.readUInt32BE(4);
      const startMs = started.get(number);
      if (startMs === undefined) return;
      started.delete(number);
      took.push(performance.now() - startMs);
      if (performance.now() < untilMs && took.length < most) send();
      else if (started.size === 0) finish();
    };
    const watch = setInterval(() => {
      const nowMs = performance.now();
      for (const [number, startMs] of started) {
        if (nowMs - startMs < LOST_MS) continue;
        started.delete(number);
        lost++;
        if (nowMs < untilMs) send();
      }
      if (started.size === 0) finish();
    }, 100);
    const finish = () => {
      clearInterval(watch);
      socket.off("message", onMessage);
      resolve({ took, lost });
    };
    socket.on("message", onMessage);
    for (let i = 0; i < WINDOW; i++) send();
  });
}

async function measure(socket: Socket, server: Server): Promise<void> {
  const cpuBefore = cpuMicroseconds(server.process);
  const startMs = performance.now();
  const { took, lost } = await drive(socket, server.port, startMs + ROUND_MS, Number.POSITIVE_INFINITY);
  const seconds = (performance.now() - startMs) / 1000;
  took.sort((a, b) => a - b);
  server.rounds.push({
    exchanges: took.length,
    perSecond: took.length / seconds,
    p99Ms: took[Math.floor(took.length * 0.99)] ?? Number.NaN,
    lost,
    cpuMicroseconds: (cpuMicroseconds(server.process) - cpuBefore) / Math.max(1, took.length),
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median over the rounds. */
function middle({ rounds }: Server, figure: keyof Round): number {
  return median(rounds.map((round) => round[figure]));
}

/** Goes on with our server until it has seen a million exchanges, and prints its memory on the way. */
async function million(socket: Socket, server: Server): Promise<void> {
  const endMs = performance.now() + MOST_MS;
  let exchanges = server.rounds.reduce((sum, round) => sum + round.exchanges, 0);
  const memory: string[] = [];
  while (exchanges < EXCHANGES && performance.now() < endMs) {
    const most = Math.min(100_000, EXCHANGES - exchanges);
    const { took } = await drive(socket, server.port, endMs, most);
    exchanges += took.length;
    memory.push(`${(exchanges / 1000).toFixed(0)}k: ${residentMib(server.process).toFixed(0)}`);
  }
  process.stdout.write(`memory of ours after so many exchanges, MiB: ${memory.join(", ")}\n`);
  if (exchanges < EXCHANGES)
    process.stdout.write(`stopped after ${MOST_MS / 1000} s with ${exchanges} exchanges\n`);
}

async function main(): Promise<void> {
  const servers: Server[] = [];
  for (const name of ["ours", "npm coap", "libcoap"]) {
    const server = await start(name);
    if (server !== undefined) servers.push(server);
  }
  const socket = createSocket("udp4").bind(0, LOOPBACK);
  await once(socket, "listening");
  for (const server of servers)
    await drive(socket, server.port, performance.now() + 400, Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) for (const server of servers) await measure(socket, server);
  process.stdout.write(
    `confirmable PUT of 64 bytes, echoed, ${WINDOW} at a time; medians of ${ROUNDS} interleaved rounds\n`,
  );
  process.stdout.write("server      requests/s   p99 ms   CPU us/request   memory MiB   lost\n");
  for (const server of servers) {
    const figures = [
      server.name.padEnd(10),
      middle(server, "perSecond").toFixed(0).padStart(12),
      middle(server, "p99Ms").toFixed(2).padStart(9),
      middle(server, "cpuMicroseconds").toFixed(1).padStart(17),
      residentMib(server.process).toFixed(0).padStart(13),
      String(server.rounds.reduce((sum, { lost }) => sum + lost, 0)).padStart(7),
    ];
    process.stdout.write(`${figures.join("")}\n`);
  }
  const [ours] = servers;
  if (ours === undefined) return;
  for (const other of servers.slice(1)) {
    const rate = middle(ours, "perSecond") / middle(other, "perSecond");
    const cpu = middle(other, "cpuMicroseconds") / middle(ours, "cpuMicroseconds");
    process.stdout.write(
      `ours : ${other.name} = ${rate.toFixed(2)} in requests/s, ${cpu.toFixed(2)} in requests per CPU second\n`,
    );
  }
  await million(socket, ours);
  socket.close();
  for (const server of servers) server.process.kill();
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "");
else {
  await main();
  process.exit();
}
