import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import {
  readContainer,
  readCreated,
  readImage,
  readList,
  readRefusal,
} from "../../../node/containers/engine/engine-answers.js";
import { EngineClient } from "../../../node/containers/engine/engine-client.js";
import { LONGEST_LINE, LogFrames } from "../../../node/containers/engine/log-frames.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { logFrame, type Misbehaviour, ScriptedEngine } from "./kit/scripted-engine.js";

t.setTimeout(120_000);

const REQUEST = {
  name: "edgeless-x",
  image: "i:t",
  labels: { a: "b" },
  ports: [7101],
  devices: [],
  hosts: [],
};

function clientOf(socketPath: string, timeoutMs = 5_000): EngineClient {
  return new EngineClient({ socketPath, timeoutMs, clock: systemClock, random: systemRandom });
}

async function withEngine(
  work: (engine: ScriptedEngine, client: EngineClient) => Promise<void>,
  timeoutMs?: number,
): Promise<void> {
  const engine = new ScriptedEngine();
  await engine.start();
  const client = clientOf(engine.path, timeoutMs);
  try {
    await work(engine, client);
  } finally {
    client.close();
    await engine.close();
  }
}

function answering(status: number, body: string): Misbehaviour {
  return (_request, response) => {
    response.writeHead(status).end(body);
    return true;
  };
}

/** Every operation of the client. */
const OPERATIONS: Readonly<Record<string, (client: EngineClient) => Promise<unknown>>> = {
  image: (client) => client.image("i:t"),
  create: (client) => client.create(REQUEST),
  start: (client) => client.start("c1"),
  inspect: (client) => client.inspect("c1"),
  stop: (client) => client.stop("c1", 0),
  remove: (client) => client.remove("c1"),
  labelled: (client) => client.labelled("a", "b"),
  logs: (client) => client.followLogs("c1", true, () => undefined, new AbortController().signal),
};

t.test(
  "given an engine, when a container goes through its life, then each step is what the API describes",
  async (t) => {
    await withEngine(async (engine, client) => {
      engine.images.set("registry:5000/a/b:t", ["9000/tcp", "53/udp", "7101/tcp"]);
      const image = "registry:5000/a/b:t";
      t.same(await client.image(image), { tcpPorts: [7101, 9000] });
      const devices = ["/dev/isgx"];
      const id = await client.create({ ...REQUEST, image, devices, hosts: ["h:host-gateway"] });
      t.same(engine.containers.get(id)?.request, {
        Image: image,
        Labels: { a: "b" },
        HostConfig: {
          PortBindings: { "7101/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
          Devices: [{ PathOnHost: "/dev/isgx", PathInContainer: "/dev/isgx", CgroupPermissions: "rwm" }],
          ExtraHosts: ["h:host-gateway"],
        },
      });
      engine.port = 32_768;
      t.equal((await client.inspect(id))?.running, false);
      await client.start(id);
      const info = await client.inspect(id);
      t.same([info?.running, [...(info?.published ?? [])]], [true, [[7101, 32_768]]]);
      t.same(await client.labelled("a", "b"), [id]);
      t.same(await client.labelled("a", "c"), []);
      const lines: string[] = [];
      const following = client.followLogs(
        id,
        true,
        ({ text }) => void lines.push(text),
        new AbortController().signal,
      );
      await client.stop("edgeless-x", 1);
      await following;
      t.same(lines, ["function starts"]);
      await client.remove(id);
      t.equal(await client.inspect(id), undefined);
      await client.remove(id);
      await client.stop(id, 1);
    });
  },
);

t.test(
  "given the errors that the API documents, when they come, then each is a clear error or none",
  async (t) => {
    await withEngine(async (engine, client) => {
      const expectations: readonly (readonly [string, number, string, string | undefined, RegExp])[] = [
        [
          "image",
          404,
          '{"message":"No such image: i:t"}',
          "EDGELESS_CONTAINER_IMAGE",
          /no image i:t: No such image/,
        ],
        ["create", 404, '{"message":"No such image: i:t"}', "EDGELESS_CONTAINER_IMAGE", /no image i:t/],
        [
          "create",
          400,
          '{"message":"bad parameter"}',
          "EDGELESS_CONTAINER_ENGINE",
          /answered 400: bad parameter/,
        ],
        [
          "create",
          409,
          '{"message":"name in use"}',
          "EDGELESS_CONTAINER_ENGINE",
          /answered 409: name in use/,
        ],
        ["create", 500, '{"message":"disk full"}', "EDGELESS_CONTAINER_ENGINE", /answered 500: disk full/],
        ["start", 304, "", undefined, /./],
        [
          "start",
          404,
          '{"message":"No such container"}',
          "EDGELESS_CONTAINER_ENGINE",
          /404: No such container/,
        ],
        ["start", 500, '{"message":"port taken"}', "EDGELESS_CONTAINER_ENGINE", /answered 500: port taken/],
        ["inspect", 404, '{"message":"No such container"}', undefined, /./],
        ["inspect", 500, "oops", "EDGELESS_CONTAINER_ENGINE", /answered 500: oops/],
        ["stop", 304, "", undefined, /./],
        ["stop", 404, "", undefined, /./],
        ["stop", 500, "", "EDGELESS_CONTAINER_ENGINE", /answered 500: no reason given/],
        ["remove", 404, "", undefined, /./],
        ["remove", 400, '{"message":"bad"}', "EDGELESS_CONTAINER_ENGINE", /400: bad/],
        ["remove", 409, '{"message":"removal of container x is already in progress"}', undefined, /./],
        [
          "remove",
          409,
          '{"message":"you cannot remove a running container"}',
          "EDGELESS_CONTAINER_ENGINE",
          /409/,
        ],
        ["labelled", 400, '{"message":"bad filter"}', "EDGELESS_CONTAINER_ENGINE", /400: bad filter/],
        [
          "logs",
          404,
          '{"message":"x"}',
          "EDGELESS_CONTAINER_ENGINE",
          /log of a container: the engine answered 404/,
        ],
        ["image", 403, "<html>forbidden</html>", "EDGELESS_CONTAINER_ENGINE", /403: <html>/],
      ];
      for (const [operation, status, body, code, message] of expectations) {
        engine.misbehave = answering(status, body);
        const run = OPERATIONS[operation]?.(client) ?? Promise.reject(new Error(operation));
        if (code === undefined) await t.resolves(run, `${operation} ${status}`);
        else await t.rejects(run, { code, message }, `${operation} ${status}`);
      }
      engine.misbehave = answering(500, "");
      engine.requests.length = 0;
      await t.rejects(client.create(REQUEST));
      t.equal(engine.requests.length, 1, "a creation is not repeated");
      await t.rejects(client.inspect("c1"));
      t.equal(engine.requests.length, 5, "a question is, three times");
      let left = 2;
      engine.misbehave = (_request, response) => {
        if (left-- <= 0) return false;
        response.socket?.destroy();
        return true;
      };
      t.equal(await client.inspect("c1"), undefined, "a cut connection is made again");
    });
  },
);

t.test(
  "given an engine that is malformed, slow, cut off or not there, when it is asked, then it is an error in time",
  async (t) => {
    await withEngine(async (engine, client) => {
      for (const body of [
        "",
        "null",
        "[]",
        "{",
        '{"Id":7}',
        '{"Config":7}',
        '{"State":{}}',
        '[{"Id":"../x"}]',
      ]) {
        for (const [operation, status] of [
          ["image", 200],
          ["create", 201],
          ["inspect", 200],
          ["labelled", 200],
        ] as const) {
          if (operation === "labelled" && body === "[]") continue;
          // An image without a configuration is one that exposes nothing.
          if (operation === "image" && /"(Id|State)"/.test(body)) continue;
          engine.misbehave = answering(status, body);
          await t.rejects(
            OPERATIONS[operation]?.(client) ?? Promise.resolve(),
            { code: "EDGELESS_BAD_MESSAGE", message: /cannot be read/ },
            `${operation} ${body}`,
          );
        }
      }
      engine.misbehave = (_request, response) => {
        response.socket?.end("this is not HTTP\r\n\r\n");
        return true;
      };
      await t.rejects(client.create(REQUEST), { code: "EDGELESS_CONTAINER_ENGINE" });
      engine.misbehave = (_request, response) => {
        response.writeHead(200, { "content-length": 100 }).write("{");
        setImmediate(() => response.socket?.destroy());
        return true;
      };
      await t.rejects(client.image("i:t"), { code: "EDGELESS_CONTAINER_ENGINE" }, "cut within the body");
      engine.misbehave = answering(200, "this is no frame at all");
      await t.rejects(OPERATIONS.logs?.(client) ?? Promise.resolve(), {
        code: "EDGELESS_BAD_MESSAGE",
        message: /frames/,
      });
    });
    await withEngine(async (engine, client) => {
      engine.misbehave = () => true;
      for (const [name, operation] of Object.entries(OPERATIONS))
        await t.rejects(
          operation(client),
          { code: "EDGELESS_TIMEOUT", message: /no answer in 150 ms/ },
          name,
        );
      const pending = client.image("i:t");
      client.close();
      await t.rejects(pending, { code: "EDGELESS_CONTAINER_ENGINE" });
      await t.rejects(client.image("i:t"), { message: /closed/ });
    }, 150);
    const folder = mkdtempSync(join(tmpdir(), "edgeless-no-engine-"));
    const nowhere = clientOf(join(folder, "docker.sock"));
    const noSocket = {
      code: "EDGELESS_CONTAINER_ENGINE",
      message: /no such socket; is Docker or Podman running/,
    };
    for (const [name, operation] of Object.entries(OPERATIONS))
      await t.rejects(operation(nowhere), noSocket, name);
    writeFileSync(join(folder, "file"), "");
    chmodSync(join(folder, "file"), 0o600);
    await t.rejects(clientOf(join(folder, "file")).create(REQUEST), { code: "EDGELESS_CONTAINER_ENGINE" });
    rmSync(folder, { recursive: true, force: true });
  },
);

t.test(
  "given a user without rights on the socket, when the engine is asked, then the error says so",
  { skip: process.getuid?.() === 0 ? false : "needs root" },
  async (t) => {
    await withEngine(async (_engine, client) => {
      process.seteuid?.(65_534);
      const refused = client.image("i:t");
      await refused.catch(() => {});
      process.seteuid?.(0);
      await t.rejects(refused, {
        code: "EDGELESS_CONTAINER_ENGINE",
        message: /this user may not use the socket/,
      });
    });
  },
);

t.test("given the log of a container, when it comes in any pieces, then its lines are whole", async (t) => {
  const frames = new LogFrames();
  const bytes = Buffer.concat([
    logFrame(1, "one\ntw"),
    logFrame(2, "error\r\n"),
    logFrame(1, ""),
    logFrame(1, "o\n\nünd"),
    logFrame(0, " end"),
  ]);
  t.same(frames.push(bytes), [
    { stream: "stdout", text: "one" },
    { stream: "stderr", text: "error" },
    { stream: "stdout", text: "two" },
    { stream: "stdout", text: "" },
  ]);
  t.same(frames.finish(), [{ stream: "stdout", text: "ünd end" }]);
  t.throws(() => new LogFrames().push(Buffer.from([3, 0, 0, 0, 0, 0, 0, 1])), {
    code: "EDGELESS_BAD_MESSAGE",
  });
  t.throws(() => new LogFrames().push(Buffer.from([1, 0, 1, 0, 0, 0, 0, 1])), {
    code: "EDGELESS_BAD_MESSAGE",
  });
  const long = new LogFrames().push(logFrame(1, `${"x".repeat(LONGEST_LINE * 2 + 1)}\n`));
  t.same(
    long.map(({ text }) => text.length),
    [LONGEST_LINE, LONGEST_LINE, 1],
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.string({ unit: "binary", maxLength: 40 })),
      ),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (texts, sizes) => {
        const all = Buffer.concat(texts.map(([stream, text]) => logFrame(stream, text)));
        const whole = new LogFrames();
        const pieces = new LogFrames();
        const expected = [...whole.push(all), ...whole.finish()];
        const got = [];
        for (let at = 0, turn = 0; at < all.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          got.push(...pieces.push(all.subarray(at, at + size)));
          at += size;
        }
        got.push(...pieces.finish());
        t.strictSame(
          got.map(({ stream, text }) => `${stream} ${text}`).sort(),
          expected.map(({ stream, text }) => `${stream} ${text}`).sort(),
        );
      },
    ),
    { numRuns: 50 },
  );
});

t.test("given any answer, when it is read, then it is a value or a typed fault", async (t) => {
  const readers = [readContainer, readCreated, readImage, readList];
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((text): Uint8Array => Buffer.from(text)),
    fc
      .record({
        Id: fc.oneof(fc.string(), fc.integer()),
        State: fc.record({ Running: fc.oneof(fc.boolean(), fc.string()), ExitCode: fc.integer() }),
        NetworkSettings: fc.record({
          Ports: fc.dictionary(fc.string(), fc.array(fc.record({ HostPort: fc.string() }))),
        }),
        Config: fc.record({ ExposedPorts: fc.dictionary(fc.string(), fc.anything()) }),
      })
      .map((value): Uint8Array => Buffer.from(JSON.stringify(value) ?? "")),
  );
  fc.assert(
    fc.property(bodies, fc.constantFrom(...readers), (body, read) => {
      try {
        read(body);
      } catch (error) {
        if (!(error instanceof EdgelessError) || error.code !== "EDGELESS_BAD_MESSAGE") throw error;
      }
      readRefusal(body);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const frames = new LogFrames();
      try {
        frames.push(bytes);
      } catch (error) {
        if (!(error instanceof EdgelessError)) throw error;
      }
      frames.finish();
    }),
  );
  t.pass("no other error");
});
