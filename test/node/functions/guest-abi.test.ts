import t from "tap";
import { uuidToBytes } from "../../../core/uuid.js";
import { uuid } from "../kit/events.js";
import { HostFixture, NODE, PEER, TRACE } from "./kit/host-fixture.js";
import type { Handler } from "./kit/scripted-guest.js";

const NO_TRACE = "00000000000000000000000000000000";

/** A cast handler that does one thing. */
function onCast(act: (guest: Parameters<Handler>[0], payload: string) => void): Handler {
  return (guest, _node, _component, pointer = 0, length = 0) => {
    act(guest, guest.text(pointer, length));
  };
}

t.test(
  "given inputs for init, when it runs, then they are allocated before it and freed after it, absent ones not",
  async (t) => {
    const full = new HostFixture();
    full.states.set(uuid(1), "état");
    await full.start(1, {}, {}, "abc");
    t.strictSame(full.guest.calls, [
      "alloc(3)",
      "alloc(5)",
      "handle_init(1024,3,1035,5)",
      "free(1024,3)",
      "free(1035,5)",
    ]);
    t.equal(full.guest.text(1035, 5), "état");
    const none = new HostFixture();
    await none.start(1, {});
    t.strictSame(none.guest.calls, ["handle_init(0,0,0,0)"]);
    const empty = new HostFixture();
    await empty.start(1, {}, {}, "");
    t.strictSame(empty.guest.calls, ["alloc(0)", "handle_init(1024,0,0,0)"]);
  },
);

t.test("given a cast, when it is handled, then the guest is called in the order of the ABI", async (t) => {
  const fixture = new HostFixture();
  let seen: (Uint8Array | string)[] = [];
  const target = await fixture.start(1, {
    handle_cast_asm(guest, node = 0, component = 0, pointer = 0, length = 0) {
      seen = [guest.bytes(node, 16), guest.bytes(component, 16), guest.text(pointer, length)];
    },
  });
  fixture.guest.calls.length = 0;
  await fixture.cast(target, "grüß");
  t.strictSame(fixture.guest.calls, [
    "clear()",
    "alloc(16)",
    "alloc(16)",
    "alloc(6)",
    "handle_cast(1048,1024,1072,6)",
    "free(1024,16)",
    "free(1048,16)",
    "free(1072,6)",
  ]);
  t.strictSame(seen, [uuidToBytes(PEER.nodeId), uuidToBytes(PEER.functionId), "grüß"]);
});

t.test(
  "given an empty cast, when it is handled, then no block is allocated that nobody would free",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {});
    fixture.guest.calls.length = 0;
    await fixture.cast(target, "");
    t.strictSame(fixture.guest.calls, [
      "clear()",
      "alloc(16)",
      "alloc(16)",
      "handle_cast(1048,1024,1024,0)",
      "free(1024,16)",
      "free(1048,16)",
    ]);
  },
);

t.test("given a call, when it replies, then the reply is copied before anything is freed", async (t) => {
  const fixture = new HostFixture();
  const target = await fixture.start(1, {
    handle_call_asm(guest, _node, _component, _pointer, _length, outPointer = 0, outLength = 0) {
      guest.write(5000, new TextEncoder().encode("reply"));
      guest.imports.slf_asm(600, 616);
      new DataView(guest.memory.buffer).setUint32(outPointer, 5000, true);
      new DataView(guest.memory.buffer).setUint32(outLength, 5, true);
      return 1;
    },
    free: () => fixture.guest.write(5000, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff)),
  });
  fixture.guest.calls.length = 0;
  await fixture.call(target, "q");
  t.strictSame(fixture.guest.calls, [
    "clear()",
    "alloc(16)",
    "alloc(16)",
    "alloc(1)",
    "alloc(4)",
    "alloc(4)",
    "handle_call(1048,1024,1072,1,1081,1093)",
    "free(1024,16)",
    "free(1048,16)",
    "free(1081,4)",
    "free(1093,4)",
    "free(1072,1)",
  ]);
  t.strictSame(fixture.sent, [
    {
      target: PEER,
      source: target,
      streamId: 7n,
      data: { type: "call-ret", payload: "reply" },
      created: { seconds: 0, nanoseconds: 0 },
      metadata: TRACE,
    },
  ]);
  t.strictSame(fixture.guest.bytes(600, 16), uuidToBytes(NODE));
  t.strictSame(fixture.guest.bytes(616, 16), uuidToBytes(target.functionId));
});

t.test(
  "given the result codes of a call handler, when it returns one, then the caller gets the matching answer",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_call_asm(guest, _node, _component, pointer = 0, length = 0) {
        return Number(guest.text(pointer, length));
      },
    });
    for (const code of ["0", "2", "3", "-1"]) await fixture.call(target, code);
    t.strictSame(fixture.sentText, ["call-no-ret", "err", "err", "err"]);
  },
);

t.test(
  "given a memory that grows while the guest runs, when the host reads and writes, then it uses the new memory",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(
      1,
      {
        alloc(guest, length) {
          if (length === 16) guest.grow();
          return 2048 + length;
        },
        handle_cast_asm: onCast((guest, payload) => {
          guest.grow();
          guest.cast("out", payload);
        }),
      },
      { out: PEER },
    );
    await fixture.cast(target, "still here");
    t.strictSame(fixture.sentText, ["cast still here"]);
  },
);

const FAULTS: readonly [string, Handler, RegExp][] = [
  [
    "a call to an output that is not mapped",
    onCast((guest) => void guest.call("x", "").next()),
    /"x" is not mapped/,
  ],
  [
    "a delayed cast to an output that is not mapped",
    onCast((guest) => guest.delayedCast(0n, "x", "")),
    /not mapped/,
  ],
  [
    "text that is not UTF-8",
    onCast((guest) => guest.imports.sync_asm(...guest.place(Uint8Array.of(0xc3, 0x28)))),
    /UTF-8/,
  ],
  [
    "a long text that is not UTF-8",
    onCast((guest) => guest.imports.sync_asm(...guest.place(new Uint8Array(100).fill(0xff)))),
    /UTF-8/,
  ],
  [
    "a lone surrogate",
    onCast((guest) => guest.imports.sync_asm(...guest.place(Uint8Array.of(0xed, 0xa0, 0x80)))),
    /UTF-8/,
  ],
  ["a pointer behind the memory", onCast((guest) => guest.imports.sync_asm(65_536, 1)), /outside the memory/],
  ["a length behind the memory", onCast((guest) => guest.imports.sync_asm(0, 65_537)), /outside the memory/],
  ["a negative pointer", onCast((guest) => guest.imports.sync_asm(-8, 8)), /outside the memory/],
  ["a negative length", onCast((guest) => guest.imports.sync_asm(8, -8)), /outside the memory/],
  [
    "a wrong slot for the own id",
    onCast((guest) => guest.imports.slf_asm(0, 65_530)),
    /component id lies outside/,
  ],
  [
    "a wrong slot for a reply",
    onCast((guest) => guest.imports.call_raw_asm(0, 16, 0, 0, 0, 65_533)),
    /reply's length/,
  ],
  [
    "a trap",
    onCast(() => {
      throw new WebAssembly.RuntimeError("unreachable");
    }),
    /trapped: unreachable/,
  ],
];

for (const [what, handler, reason] of FAULTS) {
  t.test(
    `given ${what}, when a handler does it, then the instance ends by a clean trap and nothing else happens`,
    async (t) => {
      const fixture = new HostFixture();
      const target = await fixture.start(1, { handle_cast_asm: handler }, {});
      await fixture.cast(target, "go");
      t.match(fixture.ends, [{ fault: { code: "EDGELESS_FUNCTION_TRAPPED", reason, instantiated: true } }]);
      t.equal(fixture.telemetry.at(-1), "exited code-error");
      t.strictSame(fixture.sent, []);
      await fixture.call(target, "too late");
      t.strictSame(fixture.sentText, ["err"]);
    },
  );
}

t.test(
  "given a trap in each other place, when it happens, then the exit status is that of the reference",
  async (t) => {
    const trap = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    const init = new HostFixture();
    await init.start(1, {
      handle_init_asm() {
        trap();
      },
    });
    t.strictSame(init.telemetry, ["instantiated", "exited internal-error"]);
    const free = new HostFixture();
    await free.call(await free.start(1, { free: trap }), "x");
    t.strictSame(free.telemetry, [
      ...["instantiated", "initialised", "transferred"],
      ...["dropped handler-failed 1", "exited internal-error", "sent"],
    ]);
    t.strictSame(free.sentText, ["err"]);
    const alloc = new HostFixture();
    await alloc.cast(await alloc.start(1, { alloc: trap }), "x");
    t.equal(alloc.telemetry.at(-1), "exited code-error");
    const stop = new HostFixture();
    const target = await stop.start(1, {
      handle_stop_asm() {
        trap();
      },
    });
    stop.host.stop(target.functionId);
    await stop.clock.advance(0);
    t.equal(stop.telemetry.at(-1), "exited code-error");
    t.match(stop.ends, [{ functionId: target.functionId }]);
    const start = new HostFixture();
    await start.start(1, { start: (guest) => guest.log(3, "a", "b") });
    t.strictSame(start.telemetry, []);
    t.match(start.ends, [
      { fault: { reason: /top-level code must not call the host/, instantiated: false } },
    ]);
  },
);

t.test(
  "given a block from the allocator outside the memory, when an event arrives, then the instance ends",
  async (t) => {
    const fixture = new HostFixture();
    await fixture.cast(await fixture.start(1, { alloc: () => -4 }), "x");
    t.match(fixture.ends, [{ fault: { reason: /block from edgeless_mem_alloc lies outside/ } }]);
  },
);

t.test(
  "given a reply outside the memory, when a call handler returns it, then the caller gets err and the instance ends",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_call_asm(guest, _n, _c, _p, _l, outPointer = 0, outLength = 0) {
        new DataView(guest.memory.buffer).setUint32(outPointer, 0xfffffff0, true);
        new DataView(guest.memory.buffer).setUint32(outLength, 0x20, true);
        return 1;
      },
    });
    await fixture.call(target, "x");
    t.strictSame(fixture.sentText, ["err"]);
    t.match(fixture.ends, [{ fault: { reason: /the reply lies outside/ } }]);
  },
);

t.test(
  "given events from others, when a handler sends, then it passes the trace context on; before the first event it has fixed spans",
  async (t) => {
    const fixture = new HostFixture();
    const everything: Handler = function* (guest) {
      guest.cast("out", "");
      guest.imports.cast_raw_asm(...([0, 16] as const), 0, 0);
      yield* guest.call("out", "");
      guest.delayedCast(0n, "out", "");
    };
    const target = await fixture.start(
      1,
      { handle_init_asm: everything, handle_cast_asm: everything },
      { out: PEER },
    );
    await fixture.answer({ type: "call-no-ret" });
    t.strictSame(
      fixture.sent.map(({ metadata }) => metadata),
      ["22", "23", "24", "25"].map((end) => ({ traceId: NO_TRACE, spanId: `42a42bdecaf000${end}` })),
    );
    fixture.sent.length = 0;
    await fixture.cast(target, "x");
    await fixture.answer({ type: "call-no-ret" });
    t.strictSame(
      fixture.sent.map(({ metadata }) => metadata),
      [TRACE, TRACE, TRACE, TRACE],
    );
  },
);

t.test(
  "given a reply that is not UTF-8, when a call handler returns it, then the caller gets err and the instance lives",
  async (t) => {
    const fixture = new HostFixture();
    const target = await fixture.start(1, {
      handle_call_asm(guest, _n, _c, _p, _l, outPointer = 0, outLength = 0) {
        const [pointer, length] = guest.place(Uint8Array.of(0x80));
        new DataView(guest.memory.buffer).setUint32(outPointer, pointer, true);
        new DataView(guest.memory.buffer).setUint32(outLength, length, true);
        return 1;
      },
    });
    await fixture.call(target, "x");
    await fixture.call(target, "y");
    t.strictSame(fixture.sentText, ["err", "err"]);
    t.strictSame(fixture.ends, []);
  },
);
