import fc from "fast-check";
import t from "tap";
import { isAnswer } from "../../../core/event.js";
import { uuidToBytes } from "../../../core/uuid.js";
import { uuid } from "../kit/events.js";
import { HostFixture, NODE, PEER } from "./kit/host-fixture.js";
import type { Handler, ScriptedGuest } from "./kit/scripted-guest.js";

const OTHER = { nodeId: uuid(0xb), functionId: uuid(0xd) };

/** A cast handler that does one thing. */
function onCast(act: (guest: Parameters<Handler>[0], payload: string) => void): Handler {
  return (guest, _node, _component, pointer = 0, length = 0) => {
    act(guest, guest.text(pointer, length));
  };
}

t.test(
  "given a stop, when the instance is idle, then clear and the stop handler run and telemetry ends in order",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_init_asm(guest) {
        guest.log(3, "demo", "up");
      },
      handle_cast_asm: onCast((guest) => guest.log(9, "demo", "odd level")),
      handle_stop_asm(guest) {
        guest.log(1, "demo", "down");
      },
    });
    await fixture.cast(target, "x");
    await fixture.call(target, "y");
    fixture.guest.calls.length = 0;
    fixture.host.stop(target.functionId);
    await fixture.clock.advance(0);
    t.strictSame(fixture.guest.calls, ["clear()", "handle_stop()"]);
    t.strictSame(fixture.telemetry, [
      "instantiated",
      "logged info demo up",
      "initialised",
      "transferred",
      "logged error demo odd level",
      "executed cast",
      "transferred",
      "executed call",
      "sent",
      "logged error demo down",
      "stopped",
      "exited ok",
    ]);
    t.match(fixture.logged, ["warn a function logs at a level that does not exist"]);
    t.match(fixture.ends, [{ functionId: target.functionId, fault: undefined, unhandled: [] }]);
  },
);

t.test(
  "given an output that is not mapped, when the guest casts, then the cast is dropped and counted; self is always mapped",
  async (t) => {
    const fixture = new HostFixture();
    let handled = 0;
    const target = await fixture.start(
      1,
      {
        handle_cast_asm: onCast((guest, payload) => {
          handled++;
          if (payload === "go") {
            guest.cast("nowhere", "a");
            guest.cast("nowhere", "b");
            guest.cast("self", "again");
          }
        }),
      },
      // A patch cannot give self away.
      { self: PEER },
    );
    await fixture.cast(target, "go");
    t.equal(handled, 2);
    t.strictSame(fixture.sent, []);
    t.strictSame(
      fixture.telemetry.filter((line) => line.startsWith("dropped")),
      ["dropped unmapped-output 1", "dropped unmapped-output 1"],
    );
    t.equal(fixture.logged.length, 1);
  },
);

t.test(
  "given a new instance, when it casts before its first wiring, then the casts are sent with it, or lost when it comes late",
  async (t) => {
    const early = new HostFixture();
    const handlers = { handle_cast_asm: onCast((guest, payload) => guest.cast(payload, "early")) };
    const first = await early.start(1, handlers);
    for (const alias of ["a", "b"]) await early.cast(first, alias);
    t.strictSame(early.sent, []);
    early.host.patch(first.functionId, new Map([["a", PEER]]));
    t.match(early.sent, [{ target: PEER, data: { type: "cast", payload: "early" } }]);
    t.equal(early.sent.length, 1);
    t.strictSame(
      early.telemetry.filter((line) => line.startsWith("dropped")),
      ["dropped unmapped-output 1"],
      "b leads nowhere",
    );

    const late = new HostFixture();
    const second = await late.start(1, handlers);
    await late.cast(second, "a");
    await late.clock.advance(6000);
    late.host.patch(second.functionId, new Map([["a", PEER]]));
    t.strictSame(late.sent, []);
    t.strictSame(
      late.telemetry.filter((line) => line.startsWith("dropped")),
      ["dropped unmapped-output 1"],
    );
  },
);

t.test(
  "given a new instance, when it calls before its first wiring, then the call is made with it, once, after what it cast",
  async (t) => {
    const fixture = new HostFixture();
    let code: number | undefined;
    const target = await fixture.start(1, {
      *handle_init_asm(guest: ScriptedGuest) {
        guest.cast("a", "first");
        code = yield* guest.call("a", "question");
      },
      handle_cast_asm: onCast((guest, payload) => guest.cast("b", payload)),
    });
    await fixture.cast(target, "waits for init");
    await fixture.clock.advance(4000);
    t.strictSame(fixture.sent, []);
    fixture.host.patch(target.functionId, new Map([["a", PEER]]));
    t.strictSame(fixture.sentText, ["cast first", "call question"]);
    fixture.host.patch(
      target.functionId,
      new Map([
        ["a", OTHER],
        ["b", PEER],
      ]),
    );
    const streamId = fixture.sent[1]?.streamId ?? 0n;
    await fixture.clock.advance(10_000);
    await fixture.deliver(target, { type: "call-ret", payload: "answer" }, streamId);
    t.equal(code, 1);
    t.strictSame(fixture.sentText, ["cast first", "call question", "cast waits for init"]);
    t.equal(fixture.clock.pending, 0);
  },
);

t.test(
  "given a held call, when its output stays unmapped, no wiring comes or the instance stops, then it ends as any other",
  async (t) => {
    const script = {
      *handle_init_asm(guest: ScriptedGuest) {
        yield* guest.call("a", "question");
      },
    };
    const reason = { fault: { code: "EDGELESS_FUNCTION_TRAPPED", reason: 'the output "a" is not mapped' } };
    const other = new HostFixture();
    other.host.patch((await other.start(1, script)).functionId, new Map([["b", PEER]]));
    await other.clock.advance(0);
    t.match(other.ends, [reason]);

    const late = new HostFixture();
    await late.start(1, script);
    await late.clock.advance(4999);
    t.strictSame(late.ends, []);
    await late.clock.advance(1);
    t.match(late.ends, [reason]);
    t.equal(late.clock.pending, 0);

    const stopped = new HostFixture();
    const target = await stopped.start(1, script);
    stopped.host.stop(target.functionId);
    stopped.host.patch(target.functionId, new Map([["a", PEER]]));
    await stopped.clock.advance(0);
    t.match(stopped.ends, [{ fault: undefined }]);
    t.strictSame(stopped.sent, []);
    t.equal(stopped.clock.pending, 0);
  },
);

t.test(
  "given a new instance, when it delays casts before its first wiring, then each goes out once, when both have come",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_init_asm(guest) {
        guest.delayedCast(1000n, "a", "before the wiring");
        guest.delayedCast(3000n, "a", "after it");
        guest.delayedCast(0n, "b", "nowhere");
      },
    });
    await fixture.clock.advance(2000);
    t.strictSame(fixture.sent, []);
    fixture.host.patch(target.functionId, new Map([["a", PEER]]));
    t.strictSame(fixture.sentText, ["cast before the wiring"]);
    await fixture.clock.advance(1000);
    t.strictSame(fixture.sentText, ["cast before the wiring", "cast after it"]);
    await fixture.clock.advance(60_000);
    t.equal(fixture.sent.length, 2);
    t.strictSame(
      fixture.telemetry.filter((line) => line.startsWith("dropped")),
      ["dropped unmapped-output 1"],
    );
  },
);

t.test(
  "given more early casts than are kept, when the wiring comes, then the rest was dropped and counted",
  async (t) => {
    const fixture = new HostFixture({ maxWaitingText: 100 });
    const target = await fixture.start(1, {
      handle_init_asm(guest) {
        for (let number = 0; number < 3; number++) guest.cast("a", "x".repeat(40));
      },
    });
    fixture.host.patch(target.functionId, new Map([["a", PEER]]));
    t.equal(fixture.sent.length, 2);
    t.ok(fixture.telemetry.includes("dropped unmapped-output 1"));
  },
);

t.test(
  "given a patch, when it arrives, then it replaces the whole wiring; a delayed cast keeps the target it had",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(
      1,
      {
        handle_cast_asm: onCast((guest, payload) => {
          if (payload === "later") guest.delayedCast(1000n, "a", "delayed");
          else {
            guest.cast("a", "to a");
            guest.cast("b", "to b");
          }
        }),
      },
      { a: PEER },
    );
    await fixture.cast(target, "later");
    fixture.host.patch(target.functionId, new Map([["b", OTHER]]));
    await fixture.cast(target, "now");
    await fixture.clock.advance(999);
    t.strictSame(fixture.sentText, ["cast to b"]);
    await fixture.clock.advance(1);
    t.strictSame(fixture.sentText, ["cast to b", "cast delayed"]);
    t.strictSame(fixture.sent[1]?.target, PEER);
    t.strictSame(fixture.sent[1]?.created.seconds, 1_700_000_001);
  },
);

t.test(
  "given events in the mailbox of an instance that traps, when it ends, then calls get err and casts are handed back",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_cast_asm: onCast(() => {
        throw new Error("boom");
      }),
    });
    const first = fixture.cast(target, "boom");
    const second = fixture.call(target, "waits");
    const third = fixture.cast(target, "waits too");
    await Promise.all([first, second, third]);
    t.strictSame(fixture.sentText, ["err"]);
    t.match(fixture.ends[0]?.unhandled, [{ data: { payload: "waits too" } }]);
  },
);

t.test(
  "given a full mailbox, when more events come, then they are dropped and counted, calls with err",
  async (t) => {
    const fixture = new HostFixture({ mailboxCapacity: 2 });
    const script = {
      *handle_init_asm() {
        yield;
      },
    };
    const target = await fixture.start(1, script);
    for (let i = 0; i < 4; i++) await fixture.cast(target, "x");
    await fixture.call(target, "y");
    t.strictSame(
      fixture.telemetry.slice(1),
      Array.from({ length: 3 }, () => "dropped mailbox-full 1"),
    );
    t.strictSame(fixture.sentText, ["err"]);
  },
);

t.test(
  "given a call to somebody else, when the answer arrives, then the handler goes on with it and the mailbox waited",
  async (t) => {
    const fixture = new HostFixture();
    const seen: string[] = [];
    const target = await fixture.start(
      1,
      {
        *handle_cast_asm(guest, _node, _component, pointer = 0, length = 0) {
          const payload = guest.text(pointer, length);
          seen.push(payload);
          if (payload !== "ask") return;
          guest.write(516, Uint8Array.of(0xaa, 0xaa, 0xaa, 0xaa));
          guest.write(524, Uint8Array.of(0xaa, 0xaa, 0xaa, 0xaa));
          const code = yield* guest.call("out", "question");
          seen.push(`${code} ${code === 1 ? guest.reply : ""}`);
        },
      },
      { out: PEER },
    );
    await fixture.cast(target, "ask");
    await fixture.cast(target, "meanwhile");
    t.strictSame(seen, ["ask"]);
    const call = fixture.sent[0];
    t.ok((call?.streamId ?? 0n) > 1n << 32n);
    // Neither another stream, nor another source, nor a call with the right number is the answer.
    await fixture.deliver(target, { type: "call-ret", payload: "wrong stream" }, (call?.streamId ?? 0n) + 1n);
    await fixture.deliver(target, { type: "call-ret", payload: "wrong source" }, call?.streamId, OTHER);
    await fixture.deliver(target, { type: "call", payload: "no answer" }, call?.streamId);
    t.strictSame(seen, ["ask"]);
    fixture.guest.calls.length = 0;
    await fixture.answer({ type: "call-ret", payload: "antwört" });
    t.equal(fixture.guest.calls[0], "alloc(8)");
    t.strictSame(seen, ["ask", "1 antwört", "meanwhile"]);
    t.strictSame(fixture.guest.bytes(516, 4), new Uint8Array(4).fill(0xaa), "exactly four bytes are stored");
    t.strictSame(fixture.guest.bytes(524, 4), new Uint8Array(4).fill(0xaa), "exactly four bytes are stored");
    await fixture.answer({ type: "call-ret", payload: "late" });
    t.equal(seen.length, 3);
  },
);

t.test(
  "given the answers to a call, when they arrive, then the guest sees 0, 1 with an empty reply, or 2",
  async (t) => {
    const fixture = new HostFixture();
    const codes: number[] = [];
    const target = await fixture.start(
      1,
      {
        *handle_cast_asm(guest) {
          codes.push(yield* guest.call("out", ""));
        },
      },
      { out: PEER },
    );
    for (const data of [
      { type: "call-no-ret" },
      { type: "call-ret", payload: "" },
      { type: "err" },
    ] as const) {
      await fixture.cast(target, "x");
      await fixture.answer(data);
    }
    t.strictSame(codes, [0, 1, 2]);
  },
);

t.test(
  "given no answer, when the time is up, then the call fails with 2 and time spent waiting is no run time",
  async (t) => {
    const fixture = new HostFixture({ callTimeoutMs: 5000, maxRunTimeMs: 100 });
    const codes: number[] = [];
    const target = await fixture.start(
      1,
      {
        *handle_cast_asm(guest) {
          codes.push(yield* guest.call("out", ""));
        },
      },
      { out: PEER },
    );
    await fixture.cast(target, "x");
    await fixture.clock.advance(4999);
    t.strictSame(codes, []);
    await fixture.clock.advance(1);
    t.strictSame(codes, [2]);
    t.equal(fixture.clock.pending, 0);
  },
);

t.test(
  "given a function that calls itself, when nobody else can answer, then the call fails by time and is handled afterwards",
  async (t) => {
    const fixture = new HostFixture({ callTimeoutMs: 1000 });
    const seen: string[] = [];
    const target = await fixture.start(1, {
      *handle_cast_asm(guest) {
        seen.push(`code ${yield* guest.call("self", "me")}`);
      },
      handle_call_asm() {
        seen.push("called");
        return 0;
      },
    });
    await fixture.cast(target, "x");
    await fixture.clock.advance(1000);
    t.strictSame(seen, ["code 2", "called"]);
    t.strictSame(fixture.sent, []);
  },
);

t.test(
  "given two functions that call each other at once, when the time is up, then both go on and both are served",
  async (t) => {
    const fixture = new HostFixture({ callTimeoutMs: 1000 });
    const seen: string[] = [];
    const script = (name: string) => ({
      *handle_cast_asm(guest: Parameters<Handler>[0]) {
        seen.push(`${name} ${yield* guest.call("other", "")}`);
      },
      handle_call_asm() {
        seen.push(`${name} called`);
        return 0;
      },
    });
    const a = { nodeId: NODE, functionId: uuid(1) };
    const b = { nodeId: NODE, functionId: uuid(2) };
    await fixture.start(1, script("a"), { other: b });
    await fixture.start(2, script("b"), { other: a });
    const both = [fixture.cast(a, ""), fixture.cast(b, "")];
    await Promise.all(both);
    await fixture.clock.advance(1000);
    t.strictSame([...seen].sort(), ["a 2", "a called", "b 2", "b called"]);
  },
);

t.test(
  "given two functions on one host, when one calls the other, then nothing leaves the host",
  async (t) => {
    const fixture = new HostFixture();
    const b = { nodeId: NODE, functionId: uuid(2) };
    let reply = "";
    await fixture.start(2, {
      handle_call_asm(guest, node = 0, component = 0, _p, _l, outPointer = 0, outLength = 0) {
        t.strictSame(guest.bytes(component, 16), uuidToBytes(uuid(1)));
        t.strictSame(guest.bytes(node, 16), uuidToBytes(NODE));
        const [pointer, length] = guest.place("pong");
        new DataView(guest.memory.buffer).setUint32(outPointer, pointer, true);
        new DataView(guest.memory.buffer).setUint32(outLength, length, true);
        return 1;
      },
    });
    const a = await fixture.start(
      1,
      {
        *handle_cast_asm(guest) {
          if ((yield* guest.call("b", "ping")) === 1) reply = guest.reply;
        },
      },
      { b },
    );
    await fixture.cast(a, "");
    t.equal(reply, "pong");
    t.strictSame(fixture.sent, []);
  },
);

t.test(
  "given a stop while a call waits, when it arrives, then the call and all further ones fail and the handler ends first",
  async (t) => {
    const fixture = new HostFixture();
    const seen: string[] = [];
    const target = await fixture.start(
      1,
      {
        *handle_cast_asm(guest) {
          seen.push(`first ${yield* guest.call("out", "")}`);
          seen.push(`second ${yield* guest.call("out", "")}`);
        },
        handle_stop_asm() {
          seen.push("stop");
        },
      },
      { out: PEER },
    );
    await fixture.cast(target, "x");
    await fixture.call(target, "waits");
    fixture.host.stop(target.functionId);
    fixture.host.stop(target.functionId);
    await fixture.clock.advance(0);
    t.strictSame(seen, ["first 2", "second 2", "stop"]);
    t.strictSame(fixture.sentText, ["call ", "err"]);
    t.equal(fixture.ends.length, 1);
  },
);

t.test("given an instance that has not begun, when it is stopped, then it never begins", async (t) => {
  const fixture = new HostFixture();
  const starting = fixture.start(1, {});
  fixture.host.stop(uuid(1));
  await starting;
  t.strictSame(fixture.telemetry, []);
  t.match(fixture.ends, [{ functionId: uuid(1), fault: undefined }]);
});

t.test(
  "given delayed casts, when their sender is stopped, then they are sent all the same; too many are refused and counted",
  async (t) => {
    const fixture = new HostFixture({ maxTimers: 2 });
    const target = await fixture.start(
      1,
      {
        handle_cast_asm: onCast((guest) => {
          guest.delayedCast(100n, "out", "soon");
          guest.delayedCast(-1n, "out", "in 585 million years");
          guest.delayedCast(1n, "out", "one too many");
        }),
      },
      { out: PEER },
    );
    await fixture.cast(target, "x");
    fixture.host.stop(target.functionId);
    await fixture.clock.advance(100);
    t.strictSame(fixture.sentText, ["cast soon"]);
    t.ok(fixture.telemetry.includes("dropped timers-full 1"));
    t.equal(fixture.clock.pending, 1);
    await fixture.host.close();
    t.equal(fixture.clock.pending, 0);
  },
);

t.test(
  "given a function that keeps itself busy, when others have events, then each gets its turn",
  async (t) => {
    const fixture = new HostFixture();
    const order: string[] = [];
    const busy = await fixture.start(1, {
      handle_cast_asm: onCast((guest) => {
        order.push("busy");
        if (order.length < 20) guest.cast("self", "again");
      }),
    });
    const calm = await fixture.start(2, { handle_cast_asm: onCast(() => void order.push("calm")) });
    await Promise.all([fixture.cast(busy, ""), fixture.cast(calm, "1"), fixture.cast(calm, "2")]);
    t.strictSame(order.slice(0, 4), ["busy", "calm", "busy", "calm"]);
  },
);

t.test(
  "given any course of events, when all instances have ended, then each call was answered exactly once",
  async (t) => {
    const step = fc.record({
      kind: fc.constantFrom("cast", "call", "answer", "stop", "restart", "wait"),
      number: fc.integer({ min: 1, max: 3 }),
      payload: fc.constantFrom("", "ask a", "ask b", "ask out", "ask self", "trap", "later"),
    });
    const act = function* (guest: ScriptedGuest, payload: string) {
      if (payload === "trap") throw new WebAssembly.RuntimeError("unreachable");
      if (payload === "later") guest.delayedCast(10n, "self", "ask b");
      if (payload.startsWith("ask ")) yield* guest.call(payload.slice(4), "ask out");
      return payload.length % 3;
    };
    const handler: Handler = (guest, _node, _component, pointer = 0, length = 0) =>
      act(guest, guest.text(pointer, length));
    const script = { handle_cast_asm: handler, handle_call_asm: handler };
    const outputs = {
      a: { nodeId: NODE, functionId: uuid(1) },
      b: { nodeId: NODE, functionId: uuid(2) },
      out: PEER,
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const fixture = new HostFixture({ mailboxCapacity: 3, callTimeoutMs: 100 });
        for (const number of [1, 2, 3]) await fixture.start(number, script, outputs);
        let asked = 0;
        for (const { kind, number, payload } of steps) {
          const target = { nodeId: NODE, functionId: uuid(number) };
          if (kind === "cast") await fixture.cast(target, payload);
          else if (kind === "call") await fixture.call(target, payload, BigInt(++asked));
          else if (kind === "stop") fixture.host.stop(target.functionId);
          else if (kind === "restart") await fixture.start(number, script, outputs);
          else if (kind === "wait") await fixture.clock.advance(50);
          else if (fixture.sent.some(({ data }) => data.type === "call"))
            await fixture.answer({ type: "call-no-ret" });
        }
        await fixture.clock.advance(100_000);
        for (const number of [1, 2, 3]) fixture.host.stop(uuid(number));
        await fixture.clock.advance(1000);
        // Those for instances that ended meanwhile are somebody else's business.
        const answers = fixture.sent.filter(({ data, target }) => isAnswer(data) && target === PEER);
        const streams = answers.map(({ streamId }) => Number(streamId)).sort((a, b) => a - b);
        t.strictSame(
          streams,
          Array.from({ length: asked }, (_, index) => index + 1),
        );
        return fixture.clock.pending === 0;
      }),
      { numRuns: 100 },
    );
  },
);
