import type { ServerResponse } from "node:http";
import fc from "fast-check";
import t from "tap";
import type { InstanceId } from "../../../core/instance-id.js";
import { decodeChat, keepNewest } from "../../../node/resources/ollama/chat.js";
import { ollamaProvider } from "../../../node/resources/ollama/ollama-provider.js";
import type { ResourceProviderHost } from "../../../node/resources/resource-provider.js";
import { serverlessProvider } from "../../../node/resources/serverless/serverless-provider.js";
import { systemClock } from "../../../platform/system-clock.js";
import { HttpAnswers, type ReceivedRequest } from "../../kit/http-answers.js";
import { ollamaAnswer } from "../../kit/ollama-server.js";
import { eventFor, hostOf, METADATA, PEER, started, until } from "../kit/resource-fixture.js";

t.setTimeout(120_000);

const WAIT_MS = 20_000;
const ERRORS: InstanceId = {
  ...PEER,
  functionId: "dddddddd-0000-4000-8000-000000000004" as InstanceId["functionId"],
};
const client = { clock: systemClock, timeoutMs: 700, maxBodyBytes: 100_000 };

/** An instance with its channels wired, and what it casts as `<channel>: <text>`. */
async function wired(
  provider: ResourceProviderHost,
  configuration = {},
  channels: Record<string, InstanceId> = { out: PEER, err: ERRORS },
) {
  const parts = hostOf([provider]);
  const id = await started(parts.host, provider.resourceClass.classType, configuration);
  parts.host.patch({ source: id.functionId, outputs: new Map(Object.entries(channels)) });
  const texts = () =>
    parts.sent.map(({ target, data }) => {
      const channel = target.functionId === ERRORS.functionId ? "err" : "out";
      return `${channel}: ${"payload" in data ? data.payload : data.type}`;
    });
  const cast = (payload: string) =>
    parts.host.deliver({ ...eventFor(id, { type: "cast", payload }), metadata: METADATA });
  const casts = async (...payloads: string[]) => {
    const count = parts.telemetry.executions.length + payloads.length;
    for (const payload of payloads) cast(payload);
    await until("the executions", () => parts.telemetry.executions.length === count, WAIT_MS);
  };
  return { ...parts, id, texts, cast, casts };
}

function double(url: string): ResourceProviderHost {
  return serverlessProvider({
    providerId: "double-1",
    classType: "double",
    version: "0.1",
    functionUrl: new URL(url),
    client,
  });
}

/** Answers as a function of OpenFaaS does: the body is the result. */
function doubling({ body }: ReceivedRequest, response: ServerResponse): void {
  if (body === "hang") return;
  if (body === "fail") response.writeHead(500).end("no");
  else if (body === "accepted") response.writeHead(202).end();
  else if (body === "cut") response.socket?.destroy();
  else if (body === "huge") response.writeHead(200).end("x".repeat(200_000));
  else response.writeHead(200).end(String(2 * Number(body)));
}

t.test("given a function behind a URL, when messages are cast, then answers go to out", async (t) => {
  const server = await HttpAnswers.start(doubling);
  t.teardown(() => server.kill());
  const { host, casts, texts, sent, id } = await wired(double(`${server.url}/function/double`));
  await casts("21", "4");
  t.same(texts(), ["out: 42", "out: 8"]);
  t.match(server.seen[0], { method: "POST", url: "/function/double", body: "21" });
  t.same(sent[0]?.metadata, METADATA, "the trace goes on");
  t.same(sent[0]?.source, id);
  host.deliver(eventFor(id, { type: "call", payload: "1" }, 5n));
  await until("the answer", () => sent.length === 3);
  t.match(sent[2], { data: { type: "err" }, streamId: 5n });
  t.equal(server.seen.length, 2, "a call is not posted");
  host.patch({ source: id.functionId, outputs: new Map() });
  await casts("1", "fail");
  t.equal(sent.length, 3, "channels can be unmapped");
  await host.close();
});

t.test("given a function that fails in many ways, then err and the counters say so", async (t) => {
  const server = await HttpAnswers.start(doubling);
  const { host, casts, texts, telemetry, logger } = await wired(
    double(`${server.url.replace("//", "//user:secret@")}/f?token=secret`),
  );
  await casts("fail", "accepted", "cut", "hang", "huge");
  await server.kill();
  await casts("1");
  const [failed = "", accepted, cut, hang, huge, gone] = texts();
  const start = `err: error when calling serverless function at ${server.url}/f by InstanceId`;
  for (const text of texts()) t.ok(text.startsWith(start), text);
  t.match(failed, /the status was 500$/);
  t.match(accepted, /the status was 202$/);
  t.match(cut, /socket hang up$/);
  t.match(hang, /no answer in 700 ms$/);
  t.match(huge, /longer than 100000 bytes$/);
  t.match(gone, /ECONNREFUSED/);
  t.equal(telemetry.dropCounts["handler-failed"], 6);
  await server.run();
  t.teardown(() => server.kill());
  await casts("3");
  t.equal(texts().at(-1), "out: 6", "delivery resumes");
  t.notMatch([...logger.lines, ...texts()].join("\n"), /secret/);
  await host.close();
});

t.test("given a function that hangs, then other instances do not wait for it", async (t) => {
  const server = await HttpAnswers.start(doubling);
  t.teardown(() => server.kill());
  const provider = double(server.url);
  const { host, cast, sent, telemetry } = await wired(provider);
  cast("hang");
  const other = await started(host, "double");
  host.patch({ source: other.functionId, outputs: new Map([["out", PEER]]) });
  host.deliver(eventFor(other, { type: "cast", payload: "5" }));
  await until("the other's answer", () => sent.length === 1);
  t.equal(telemetry.executions.length, 1, "the first one still waits");
  await host.close();
});

function ollama(url: string, messagesNumberLimit = 30): ResourceProviderHost {
  return ollamaProvider({ providerId: "ollama-1", url: new URL(url), messagesNumberLimit, client });
}

t.test("given a chat, then each instance has its own history, of bounded length", async (t) => {
  const server = await HttpAnswers.start(ollamaAnswer);
  t.teardown(() => server.kill());
  const { host, casts, texts, sent, id } = await wired(ollama(server.url, 2), { model: "llama3" });
  await casts("one", "two", "three");
  t.same(texts(), ["out: llama3 heard 1: one", "out: llama3 heard 3: two", "out: llama3 heard 3: three"]);
  t.same(sent[0]?.metadata, METADATA);
  t.match(server.seen[2], { method: "POST", url: "/api/chat" });
  t.same(JSON.parse(server.seen[2]?.body ?? ""), {
    model: "llama3",
    messages: [
      { role: "user", content: "two" },
      { role: "assistant", content: "llama3 heard 3: two" },
      { role: "user", content: "three" },
    ],
    stream: false,
  });
  const other = await started(host, "ollama", { model: "other" });
  host.patch({ source: other.functionId, outputs: new Map([["out", PEER]]) });
  host.deliver(eventFor(other, { type: "cast", payload: "hi" }));
  await until("the other's answer", () => sent.length === 4);
  t.equal(texts().at(-1), "out: other heard 1: hi");
  await host.stop(id);
  await host.close();
});

t.test("given an Ollama that fails in many ways, then nothing is cast, failures are counted", async (t) => {
  const server = await HttpAnswers.start(ollamaAnswer);
  t.teardown(() => server.kill());
  const { host, casts, texts, telemetry } = await wired(ollama(server.url), { model: "llama3" });
  await casts("/missing", "/html", "/empty", "/shape", "/hang", "/cut");
  t.same(texts(), []);
  t.equal(telemetry.dropCounts["handler-failed"], 6);
  await casts("/parts");
  t.same(texts(), ["out: in parts"], "an answer in parts is put together");
  await casts("still there");
  t.equal(texts().at(-1), "out: llama3 heard 3: still there", "failures leave no trace in the history");
  await server.kill();
  await casts("gone");
  await server.run();
  await casts("back");
  t.equal(texts().at(-1), "out: llama3 heard 5: back");
  await host.close();
});

t.test("given no model, no target or a call, then it is refused", async (t) => {
  const server = await HttpAnswers.start(ollamaAnswer);
  t.teardown(() => server.kill());
  const parts = hostOf([ollama(server.url)]);
  const refused = await parts.host.start({ classType: "ollama", configuration: new Map(), workflowId: "" });
  t.match(refused, { ok: false, error: { detail: "Missing model name" } });
  const id = await started(parts.host, "ollama", { model: "m" });
  parts.host.deliver(eventFor(id, { type: "cast", payload: "early" }));
  await until("the drop", () => parts.telemetry.dropCounts["handler-failed"] === 1);
  t.throws(() => parts.host.patch({ source: id.functionId, outputs: new Map() }), {
    message: "Missing mapping of channel: out",
  });
  parts.host.deliver(eventFor(id, { type: "call", payload: "x" }, 4n));
  await until("the answer", () => parts.sent.length === 1);
  t.match(parts.sent, [{ data: { type: "err" } }]);
  t.equal(server.seen.length, 0);
  await parts.host.close();
});

t.test("given any answer, when it is decoded, then it is text or a typed fault", async (t) => {
  const json = fc.json().map((text) => Buffer.from(text));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), json), fc.constantFrom(200, 404), (body, status) => {
      try {
        return typeof decodeChat({ status, body, headers: new Map() }) === "string";
      } catch (error) {
        return error instanceof Error && error.name === "EdgelessError";
      }
    }),
  );
  t.same(keepNewest([], 0), []);
  t.same(keepNewest([{ role: "user", content: "a" }], 0), []);
});
