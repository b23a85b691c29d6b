import { createServer, type Socket } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { INSTANCE_NONE } from "../../../core/instance-id.js";
import { errorAnswer } from "../../../grpc-api/data-plane/error-answer.js";
import { connectGuestHost } from "../../../grpc-api/index.js";
import { parseContainerCode } from "../../../node/containers/container-code.js";
import { eventually } from "../../kit/eventually.js";
import { freePorts } from "../../kit/free-ports.js";
import { event, instance } from "../kit/events.js";
import { FunctionProcess } from "./kit/function-process.js";
import { ContainerFixture, NODE, OUTSIDE, requestOf } from "./kit/runtime-fixture.js";

t.setTimeout(240_000);

async function withFunction(
  settings: Parameters<typeof ContainerFixture.create>[0],
  work: (fixture: ContainerFixture, process: FunctionProcess, code: string) => Promise<void>,
): Promise<void> {
  const process = await FunctionProcess.probe();
  const fixture = await ContainerFixture.create(settings);
  try {
    await work(fixture, process, `grpc:${process.url}/`);
  } finally {
    await fixture.close();
    await process.kill();
  }
}

t.test(
  "given a function that is a server, when it is started, used and stopped, then casts, calls and logs go both ways",
  async (t) => {
    await withFunction({}, async (fixture, _process, code) => {
      const { telemetry } = fixture;
      const id = fixture.start(1, code, { payload: "hello" });
      await fixture.until(id, "running");
      fixture.cast(id, "one");
      fixture.cast(id, "ümläut €");
      fixture.cast(id, "back to you");
      fixture.cast(id, "later on");
      fixture.cast(id, "log look here");
      t.same(await fixture.call(id, "question"), { type: "call-ret", payload: "hello|none|question" });
      t.same(await fixture.call(id, "silent"), { type: "call-no-ret" });
      t.same(await fixture.call(id, "refuse"), { type: "err" });
      await eventually("delayed cast", () => fixture.casts.includes("on"));
      t.same(fixture.casts, ["hello|none", "one", "ümläut €", "to you", "on"]);
      for (const { source, target } of fixture.sent) t.same([source, target], [id, OUTSIDE]);
      t.equal(fixture.status(id)?.restarts, 0);
      const stopped = fixture.runtime.stop(id.functionId);
      await stopped;
      t.equal(fixture.casts.at(-1), "stopped", "the stop handler ran");
      t.same(fixture.runtime.statuses(), []);
      t.same(telemetry.seen, [
        ...["instantiated", "initialised"],
        ...Array.from({ length: 4 }, () => "executed cast"),
        ...["logged warn look here", "executed cast"],
        ...["executed call", "executed call", "executed call"],
        ...["stopped", "exited ok"],
      ]);
      await fixture.runtime.stop(id.functionId);
      const again = fixture.start(2, code, { payload: "again" });
      t.same(await fixture.call(again, "?"), { type: "call-ret", payload: "again|none|?" });
    });
  },
);

t.test(
  "given a function that is not wired yet, when it casts, delays a cast and calls, then all follow once it is",
  async (t) => {
    await withFunction({}, async (fixture, _process, code) => {
      const id = fixture.start(1, code, { payload: "hello", outputs: null });
      await fixture.until(id, "running");
      for (const message of ["one", "later two", "ask three"]) fixture.cast(id, message);
      await eventually("the delayed cast is held", () =>
        fixture.telemetry.seen.filter((line) => line === "executed cast").length === 2 ? true : undefined,
      );
      t.same(fixture.casts, []);
      const outputs = { early: OUTSIDE, output: OUTSIDE, next: OUTSIDE };
      fixture.runtime.patch(id.functionId, new Map(Object.entries(outputs)));
      await eventually("all of them leave", () => fixture.sent.length === 4);
      t.same([...fixture.casts].sort(), ["hello|none", "one", "two"]);
      t.ok(fixture.sent.some(({ data }) => data.type === "call" && data.payload === "three"));
    });
  },
);

t.test(
  "given a function that waits in a call, when another one of the node calls, then neither waits for the other",
  async (t) => {
    const [first, second] = await Promise.all([FunctionProcess.probe(), FunctionProcess.probe()]);
    const fixture = await ContainerFixture.create({ callTimeoutMs: 3_000 });
    try {
      const b = fixture.start(2, `grpc:${second.url}`);
      const a = fixture.start(1, `grpc:${first.url}`, { outputs: { next: b, output: OUTSIDE } });
      const relayed = fixture.call(a, "relay relay deep");
      const inner = await eventually("the call of b", () =>
        fixture.sent.find(({ data, source }) => data.type === "call" && source.functionId === b.functionId),
      );
      t.same(inner.data, { type: "call", payload: "deep" });
      fixture.runtime.deliver(
        event(inner.target, inner.source, { type: "call-ret", payload: "bottom" }, inner.streamId),
      );
      t.same(await relayed, { type: "call-ret", payload: "bottom" }, "a and b were both in a call");
      // Nobody answers this one: it fails after the call timeout, and the function goes on.
      fixture.cast(a, "ask");
      fixture.cast(b, "ask anybody");
      fixture.cast(b, "x");
      await eventually("time-out", () => fixture.casts.includes("failed"));
      await eventually("next event", () => fixture.casts.includes("x"));
      const last = fixture.sent.findLast(({ data }) => data.type === "call");
      if (last === undefined) throw new Error("no call");
      const late = { type: "call-ret", payload: "late" } as const;
      fixture.runtime.deliver(event(last.target, last.source, late, last.streamId));
      t.equal(fixture.status(b)?.state, "running", "a late answer is noise");
    } finally {
      await fixture.close();
      await Promise.all([first.kill(), second.kill()]);
    }
  },
);

t.test(
  "given a function with a state, when its process dies and is started again, then it gets state and waiting casts",
  async (t) => {
    await withFunction({ startTimeoutMs: 1_000 }, async (fixture, process, code) => {
      const id = fixture.start(1, code, { payload: "p" });
      fixture.cast(id, "sync seven");
      t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "p|none|?" });
      await process.kill();
      const crashed = await fixture.until(id, "crashed");
      t.match(crashed.reason, /EDGELESS_FUNCTION_TRAPPED: nothing listens at http/);
      t.same(await fixture.call(id, "?"), { type: "err" }, "calls fail at once");
      fixture.cast(id, "patience");
      const unreachable = await fixture.until(id, "crashed", 1);
      t.match(unreachable.reason, /EDGELESS_TIMEOUT: the function does not boot within 1000 ms: /);
      const second = await FunctionProcess.probe(process.port);
      try {
        await fixture.until(id, "running", 1);
        t.equal(fixture.status(id)?.reason, "");
        await eventually("the cast that waited", () => fixture.casts.includes("patience"));
        t.same(await fixture.call(id, "?"), { type: "call-ret", payload: "p|seven|?" });
      } finally {
        await second.kill();
      }
    });
  },
);

t.test(
  "given handlers that fail or never end, when they are called, then callers learn and the function starts again",
  async (t) => {
    await withFunction({ maxRunTimeMs: 1_500 }, async (fixture, _process, code) => {
      const id = fixture.start(1, code);
      t.same(await fixture.call(id, "throw"), { type: "err" });
      t.match((await fixture.until(id, "crashed")).reason, /EDGELESS_FUNCTION_TRAPPED: .*thrown on request/);
      await fixture.until(id, "running", 1);
      t.same(await fixture.call(id, "hang"), { type: "err" });
      const late = await fixture.until(id, "crashed", 1);
      t.match(late.reason, /EDGELESS_FUNCTION_OUT_OF_TIME: a handler did not end within 1500 ms/);
      await fixture.until(id, "running", 2);
      t.same(await fixture.call(id, "ok"), { type: "call-ret", payload: "|none|ok" });
      t.same(fixture.telemetry.dropCounts, { "handler-failed": 2 });
      const refused = fixture.start(2, code, { payload: "refuse" });
      t.match((await fixture.until(refused, "crashed")).reason, /no init today/);
      await fixture.runtime.stop(refused.functionId);
      t.equal(fixture.status(refused), undefined, "it can be stopped between two lives");
    });
  },
);

t.test(
  "given a function in a handler, when more events come than its mailbox holds, then the rest is counted and calls fail",
  async (t) => {
    await withFunction({ mailboxCapacity: 2 }, async (fixture, _process, code) => {
      const id = fixture.start(1, code);
      await fixture.until(id, "running");
      fixture.cast(id, "ask slow");
      const open = await eventually("its call", () => fixture.sent.find(({ data }) => data.type === "call"));
      for (const text of ["a", "b", "c", "d"]) fixture.cast(id, text);
      t.same(await fixture.call(id, "?"), { type: "err" });
      t.same(fixture.telemetry.dropCounts, { "mailbox-full": 3 });
      const answer = errorAnswer(open);
      if (answer !== undefined) fixture.runtime.deliver(answer);
      await eventually("the rest", () => fixture.casts.includes("b"));
      t.same(fixture.casts, ["|none", "failed", "a", "b"]);
      const wired = fixture.casts.length;
      fixture.runtime.patch(id.functionId, new Map());
      fixture.cast(id, "nowhere");
      fixture.cast(id, "later nowhere");
      await eventually("drops", () => fixture.telemetry.dropCounts["unmapped-output"] === 2);
      t.equal(fixture.casts.length, wired);
      fixture.runtime.patch(id.functionId, new Map([["output", OUTSIDE]]));
      fixture.cast(id, "hang");
      await eventually("the handler", () => fixture.casts.includes("hanging"));
      const closing = Date.now();
      await fixture.runtime.close();
      t.ok(Date.now() - closing < 10_000, "a handler that hangs does not keep the node from closing");
    });
  },
);

t.test(
  "given requests of strangers and of bad form, when the guest API gets them, then only they are refused",
  async (t) => {
    await withFunction({}, async (fixture, _process, code) => {
      const id = fixture.start(1, code);
      await fixture.until(id, "running");
      const host = connectGuestHost(fixture.hostUrl, { deadlineMs: 5_000 });
      const raw = new Client(new URL(fixture.hostUrl).host, credentials.createInsecure());
      try {
        for (const originator of [instance(NODE, 9), instance(7, 1)]) {
          await host.cast({ originator, channel: "output", payload: "x" });
          await host.castRaw({ originator, target: OUTSIDE, payload: "x" });
          await host.sync({ originator, state: Buffer.from("x") });
          await host.telemetryLog({ originator, level: "info", target: "x", message: "x" });
          t.same(await host.call({ originator, channel: "output", payload: "x" }), { type: "err" });
          t.same(await host.callRaw({ originator, target: OUTSIDE, payload: "x" }), { type: "err" });
        }
        t.same(fixture.casts, ["|none"], "a stranger has no effect");
        t.equal(fixture.log.filter((line) => line.includes("is not one of this node's")).length, 2);
        t.same(await host.slf(), INSTANCE_NONE);
        t.same(await host.call({ originator: id, channel: "unknown", payload: "x" }), { type: "err" });
        await host.cast({ originator: id, channel: "unknown", payload: "x" });
        await t.rejects(host.sync({ originator: id, state: Uint8Array.of(0xff, 0xfe) }), {
          code: "EDGELESS_REJECTED",
          message: /not valid UTF-8; the former state is kept/,
        });
        const send = (method: string, bytes: Uint8Array) =>
          new Promise<string>((resolve) => {
            raw.makeUnaryRequest(
              `/edgeless_api.GuestAPIHost/${method}`,
              (value: Uint8Array) => Buffer.from(value),
              (value: Buffer) => value,
              bytes,
              { deadline: Date.now() + 5_000 },
              (error) => resolve(error?.details ?? "ok"),
            );
          });
        const text = (number: number, value: Uint8Array) => [(number << 3) | 2, value.length, ...value];
        const self = Uint8Array.from([
          ...text(1, Buffer.from(id.nodeId)),
          ...text(2, Buffer.from(id.functionId)),
        ]);
        const output = [...text(1, self), ...text(2, Buffer.from("output"))];
        t.equal(
          await send("Cast", Uint8Array.from([...output, ...text(3, Uint8Array.of(0x61, 0xff))])),
          "ok",
        );
        t.equal(fixture.casts.at(-1), "a\ufffd", "text that is not UTF-8 is mended");
        t.not(await send("Cast", Uint8Array.of(0x0a, 0xff)), "ok", "a cut message");
        t.match(await send("DelayedCast", Uint8Array.from(output)), /metadata/);
        t.match(await send("Cast", new Uint8Array()), /originator/);
        t.same(await fixture.call(id, "alive"), { type: "call-ret", payload: "|none|alive" });
      } finally {
        host.close();
        raw.close();
      }
    });
  },
);

t.test(
  "given code that is no container function, when it is started, then it is refused with the reason",
  async (t) => {
    const fixture = await ContainerFixture.create({ maxInstances: 1, startTimeoutMs: 500 });
    const cases: readonly (readonly [string | undefined, RegExp])[] = [
      [undefined, /missing/],
      ["", /missing/],
      ["image:tag", /neither container: nor grpc:/],
      ["./function.wasm", /neither/],
      ["container:", /not the name of an image/],
      ["container:../secrets", /not the name/],
      ["container:a b", /not the name/],
      ["container:a?force=1", /not the name/],
      ["grpc:127.0.0.1:7101", /scheme/],
      ["grpc:coap://127.0.0.1:1", /http or https/],
      ["grpc:http://127.0.0.1/", /port/],
    ];
    for (const [code, message] of cases)
      t.throws(() => fixture.runtime.start(OUTSIDE.functionId, requestOf(code)), {
        code: "EDGELESS_CONTAINER_CODE",
        message,
      });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `container:${rest}`),
        ),
        (text) => {
          try {
            const code = parseContainerCode(text);
            if (code.type === "server") return true;
            const path = `/images/${code.image}/json`;
            return new URL(path, "http://engine").pathname === path;
          } catch (error) {
            return error instanceof EdgelessError && error.code === "EDGELESS_CONTAINER_CODE";
          }
        },
      ),
    );
    t.same(parseContainerCode("container:h:5000/a/b:1.0"), { type: "image", image: "h:5000/a/b:1.0" });
    t.same(parseContainerCode("grpc:http://h:1/x"), { type: "server", url: "http://h:1/x" });
    const [port] = await freePorts(1);
    const id = fixture.start(1, `grpc:http://127.0.0.1:${port}`);
    t.throws(() => fixture.start(1, "grpc:http://127.0.0.1:1"), { code: "EDGELESS_REJECTED" });
    t.throws(() => fixture.start(2, "grpc:http://127.0.0.1:1"), { code: "EDGELESS_REJECTED", message: /1 / });
    fixture.cast(id, "waits");
    t.match(
      (await fixture.until(id, "crashed")).reason,
      /EDGELESS_TIMEOUT: the function does not boot within/,
    );
    await fixture.close();
    t.same(fixture.telemetry.dropCounts, { "instance-stopped": 1 });
    t.throws(() => fixture.start(3, "grpc:http://127.0.0.1:1"), { message: /closing/ });
  },
);

t.test(
  "given a server that takes connections and never answers, when it is started, then it is given up in time",
  async (t) => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const address = mute.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const fixture = await ContainerFixture.create({ startTimeoutMs: 800 });
    const id = fixture.start(1, `grpc:http://127.0.0.1:${port}`);
    t.match((await fixture.until(id, "crashed")).reason, /EDGELESS_TIMEOUT/);
    await fixture.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  },
);
