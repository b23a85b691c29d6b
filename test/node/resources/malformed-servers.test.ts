import { connect, createServer, type Socket } from "node:net";
import t from "tap";
import { ddaProvider } from "../../../node/resources/dda/dda-provider.js";
import { guardData } from "../../../node/resources/guard-data.js";
import { kafkaEgressProvider } from "../../../node/resources/kafka-egress/kafka-egress-provider.js";
import { redisProvider } from "../../../node/resources/redis/redis-provider.js";
import type { ResourceProviderHost } from "../../../node/resources/resource-provider.js";
import { sqlxProvider } from "../../../node/resources/sqlx/sqlx-provider.js";
import { systemClock } from "../../../platform/system-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { hostOf } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(200_000);

/** What the drivers wrote to the console, which is not theirs. */
const written: unknown[] = [];
for (const method of ["log", "warn", "error"] as const)
  t.intercept(console, method, { value: (...values: unknown[]) => void written.push(values) });

const bytes = (...parts: readonly (string | Buffer | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));
/** A message of PostgreSQL: type, length, body. */
const pg = (type: string, body: readonly number[]) => bytes(type, [0, 0, 0, body.length + 4], body);
/** A packet of MySQL: length, number, body. */
const mysql = (number: number, body: Buffer) => bytes([body.length, 0, 0, number], [...body]);

/** What PostgreSQL says after a log-in, to a statement without rows, and to one with a row. */
const PG_TALK = Buffer.concat([
  ...[pg("R", [0, 0, 0, 0]), pg("K", [0, 0, 0, 1, 0, 0, 0, 2]), pg("Z", [0x49])],
  ...[pg("C", [...Buffer.from("CREATE\0")]), pg("Z", [0x49]), pg("1", []), pg("2", [])],
  pg("T", [0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]),
  ...[pg("D", [0, 1, 0, 0, 0, 1, 0x61]), pg("C", [...Buffer.from("SELECT 1\0")]), pg("Z", [0x49])],
]);
/** The greeting of MySQL (protocol 10), and the answer that all is well. */
const GREETING = mysql(
  0,
  bytes(
    [10],
    "8.0.0\0",
    [1, 0, 0, 0],
    "12345678\0",
    [255, 247, 33, 2, 0, 255, 129, 21],
    Buffer.alloc(10),
    "123456789012\0",
  ),
);
const MYSQL_OK = (number: number) => mysql(number, bytes([0, 0, 0, 2, 0, 0, 0]));

const TEMPLATES: readonly Buffer[] = [
  Buffer.alloc(300),
  Buffer.alloc(300, 255),
  bytes([0x7f, 255, 255, 255], Buffer.alloc(200, 65)),
  bytes("HTTP/1.1 400 Bad Request\r\n\r\n"),
  bytes("+OK\r\n$5\r\nhel", [0], "o\r\n*-1\r\n:x\r\n-ERR\r\n"),
  PG_TALK,
  Buffer.concat([GREETING, MYSQL_OK(2), MYSQL_OK(1), MYSQL_OK(1)]),
];

const random = seededRandom(11);
const below = (limit: number) =>
  random.fill(new Uint8Array(2)).reduce((sum, byte) => 256 * sum + byte, 0) % limit;

/** A template, cut or not, with some bytes changed. */
function mutated(): Buffer {
  const template = TEMPLATES[below(TEMPLATES.length)] ?? Buffer.alloc(0);
  const copy = Buffer.from(template.subarray(0, below(2) === 0 ? template.length : below(template.length)));
  for (let i = below(4); i > 0 && copy.length > 0; i--) copy[below(copy.length)] = below(256);
  return copy;
}

/** A server that speaks nothing sensible, at once and to whatever it hears. */
async function malformedServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (below(3) > 0) socket.write(mutated());
    socket.on("data", () => socket.write(mutated()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: typeof address === "object" ? address?.port : 0, close };
}

const common = { providerId: "p", clock: systemClock, random: seededRandom(5), patienceMs: 100 };

/** Starts a resource at a server and calls it. @returns the type of the answer, or `refused` at the start */
async function outcomeOf(
  provider: ResourceProviderHost,
  configuration: Record<string, string>,
  payload: string,
) {
  const { host, call } = talking(hostOf([provider]));
  const started = await host.start({
    classType: provider.resourceClass.classType,
    configuration: new Map(Object.entries(configuration)),
    workflowId: "wf",
  });
  const outcome = started.ok ? (await call(started.value, payload)).type : "refused";
  await host.close();
  return outcome;
}

for (const [name, provider, configurationAt, payload, runs] of [
  ["Kafka", kafkaEgressProvider(common), (place: string) => ({ brokers: place, topic: "t" }), "x", 40],
  [
    "PostgreSQL",
    sqlxProvider({ ...common, folder: "." }),
    (place: string) => ({ url: `postgres://u:p@${place}/d` }),
    "SELECT 1, 2",
    80,
  ],
  [
    "MySQL",
    sqlxProvider({ ...common, folder: "." }),
    (place: string) => ({ url: `mysql://u:p@${place}/d` }),
    "SELECT 1, 2",
    80,
  ],
  ["Redis", redisProvider(common), (place: string) => ({ url: `redis://${place}` }), "x", 20],
  [
    "DDA",
    ddaProvider(common),
    (place: string) => ({
      dda_url: `http://${place}`,
      dda_com_subscription_mapping: "[]",
      dda_com_publication_mapping: "[]",
    }),
    '{"StoreGet":"x"}',
    10,
  ],
] as const) {
  t.test(
    `given a malformed ${name}, when a resource talks to it, then nothing but the call fails`,
    async (t) => {
      const outcomes = await Promise.all(
        Array.from({ length: runs }, async () => {
          const { port, close } = await malformedServer();
          const outcome = await outcomeOf(provider, configurationAt(`127.0.0.1:${port}`), payload);
          close();
          return outcome;
        }),
      );
      t.equal(outcomes.length, runs);
      t.ok(outcomes.every((outcome) => ["err", "refused", "call-ret"].includes(outcome)));
      t.ok(outcomes.some((outcome) => outcome !== "call-ret"));
    },
  );
}

t.test("given a server whose answer does not end, when it is read, then the connection ends", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const pour = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(4_000))) {}
    };
    socket.on("drain", pour);
    socket.once("data", pour);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const socket = connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
  guardData(socket, 1_000_000);
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
  });
  const failure = new Promise<Error>((resolve) => socket.once("error", resolve));
  socket.write("a question");
  t.equal((await failure).message, "the answer is longer than 1000000 bytes");
  t.ok(received > 0 && received <= 1_000_000);
  server.close();
});

t.test(
  "given all these servers, when the drivers were done with them, then the console is empty",
  async (t) => {
    t.same(written, []);
  },
);
