import t from "tap";
import type { Event } from "../../../core/event.js";
import type { Uuid } from "../../../core/uuid.js";
import { FunctionHost } from "../../../node/functions/function-host.js";
import {
  DEFAULT_FUNCTION_SETTINGS,
  type FunctionSettings,
} from "../../../node/functions/function-settings.js";
import type { HostPort } from "../../../node/functions/host-port.js";
import type { InstanceFault, InstanceStart } from "../../../node/functions/instance-environment.js";
import {
  InstanceSupervisor,
  type OpenHost,
  type OwnerReports,
} from "../../../node/functions/instance-supervisor.js";
import { instantiatePrepared } from "../../../node/functions/instantiate-prepared.js";
import { recordTelemetry } from "../../../node/functions/telemetry-record.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { constant, ENDLESS, guestModule, TRAP } from "./kit/guest-module.js";
import { keepingLogger, NODE, PEER } from "./kit/host-fixture.js";
import { eventTo, local, request, statusOf, texts } from "./kit/runtime-fixture.js";

const CAST = (payload: string) => ({ type: "cast", payload }) as const;
const CALL = { type: "call", payload: "" } as const;

/** A host that only notes what it is asked. */
class NotedHost implements HostPort {
  readonly asked: string[] = [];
  readonly starts: InstanceStart[] = [];
  readonly events: Event[] = [];
  readonly reports: OwnerReports;
  closed = false;

  constructor(reports: OwnerReports) {
    this.reports = reports;
  }

  start(start: InstanceStart): void {
    this.starts.push(start);
    this.asked.push(`start ${start.functionId.slice(-1)}`);
  }

  stop(functionId: Uuid): void {
    this.asked.push(`stop ${functionId.slice(-1)}`);
  }

  patch(functionId: Uuid, outputs: ReadonlyMap<string, unknown>): void {
    this.asked.push(`patch ${functionId.slice(-1)} ${[...outputs.keys()]}`);
  }

  deliver(event: Event): void {
    this.events.push(event);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Reports that an instance ended by a fault. */
  crash(number: number, fault: Partial<InstanceFault> = {}, unhandled: readonly Event[] = []): void {
    const { functionId } = local(number);
    const whole = {
      code: "EDGELESS_FUNCTION_TRAPPED",
      reason: "boom",
      instantiated: true,
      ...fault,
    } as const;
    this.reports.ended({ functionId, fault: whole, unhandled });
  }
}

function fixture(settings: Partial<FunctionSettings> = {}, open?: OpenHost) {
  const clock = new FakeClock();
  const hosts: NotedHost[] = [];
  const sent: Event[] = [];
  const telemetry: string[] = [];
  const record = recordTelemetry(([name, ...args]) => {
    if (name === "accepted" || name === "released") return;
    telemetry.push(
      [name, ...args.filter((arg) => typeof arg === "string" && !arg.includes("-4000-"))].join(" "),
    );
  });
  const whole = { ...DEFAULT_FUNCTION_SETTINGS, threads: 2, ...settings };
  const supervisor = new InstanceSupervisor({
    nodeId: NODE,
    clock,
    random: seededRandom(3),
    send: (event) => {
      sent.push(event);
    },
    telemetry: record,
    logger: keepingLogger([]),
    settings: whole,
    openHost:
      open ??
      ((reports) => {
        const host = new NotedHost(reports);
        hosts.push(host);
        return host;
      }),
  });
  const host = (index: number): NotedHost => {
    const found = hosts[index];
    if (found === undefined) throw new Error(`no host ${index}`);
    return found;
  };
  return { clock, supervisor, sent, telemetry, hosts, host };
}

const PLAIN = guestModule();
/** Too large to be prepared at once. */
const LARGE = guestModule({ text: "x".repeat(10_000) });
/** `(loop (if (i32.eq (memory.grow 1) -1) unreachable) (br 0)) unreachable`. */
const HUNGRY = [
  0x03,
  0x40,
  0x41,
  1,
  0x40,
  0,
  ...constant(-1),
  0x46,
  0x04,
  0x40,
  0x00,
  0x0b,
  0x0c,
  0,
  0x0b,
  0x00,
];

t.test(
  "given code that can never run here, when it is started, then start throws at once and keeps nothing",
  async (t) => {
    const { supervisor, hosts } = fixture({ maxModuleBytes: 5000 });
    const start = (binary: Uint8Array | undefined) => () =>
      supervisor.start(local(1).functionId, request(binary));
    t.throws(start(undefined), { code: "EDGELESS_BAD_WASM" });
    t.throws(start(Uint8Array.of(1, 2, 3)), { code: "EDGELESS_BAD_WASM" });
    t.throws(start(guestModule({ omit: "handle_stop_asm" })), { code: "EDGELESS_WASM_ABI" });
    t.throws(start(guestModule({ pages: 2000 })), { code: "EDGELESS_WASM_TOO_LARGE" });
    t.throws(start(new Uint8Array(5001)), { code: "EDGELESS_WASM_TOO_LARGE" });
    t.strictSame(supervisor.statuses(), []);
    t.strictSame(hosts, []);
  },
);

t.test(
  "given a large module, when it is started, then it is prepared elsewhere and can be wired, stopped and refused meanwhile",
  async (t) => {
    const { clock, supervisor, host, hosts } = fixture({ threads: 1, maxInstances: 2 });
    t.teardown(async () => {
      const closed = supervisor.close();
      await clock.advance(5000);
      await closed;
    });
    const [first, second] = [local(1).functionId, local(2).functionId];
    const starting = supervisor.start(first, request(LARGE, "p"));
    t.ok(starting instanceof Promise);
    t.match(statusOf(supervisor, local(1)), { state: "starting" });
    t.strictSame(hosts, []);
    supervisor.patch(first, new Map([["a", PEER]]));
    supervisor.deliver(eventTo(local(1), CAST("early")));
    await starting;
    t.strictSame(host(0).asked, ["start 1"]);
    t.strictSame(host(0).starts[0]?.outputs, new Map([["a", PEER]]));
    t.strictSame(texts(host(0).events), ["cast early"]);

    const bad = request(guestModule({ text: "x".repeat(10_000), omit: "handle_stop_asm" }));
    const refused = supervisor.start(second, bad);
    t.throws(() => supervisor.start(local(3).functionId, request(PLAIN)), { code: "EDGELESS_REJECTED" });
    await t.rejects(Promise.resolve(refused), { code: "EDGELESS_WASM_ABI" });
    t.equal(statusOf(supervisor, local(2)), undefined);

    const large = request(guestModule({ text: "y".repeat(10_000) }));
    const stopped = t.rejects(Promise.resolve(supervisor.start(second, large)), {
      code: "EDGELESS_REJECTED",
      message: /stopped before/,
    });
    await supervisor.stop(second);
    await supervisor.start(second, request(PLAIN));
    await stopped;
    t.strictSame(host(0).asked, ["start 1", "start 2"], "the same name was used again meanwhile");
  },
);

t.test("given a full node, when one more function is started, then it is refused", async (t) => {
  const { supervisor } = fixture({ maxInstances: 1 });
  await supervisor.start(local(1).functionId, request(PLAIN));
  t.throws(() => supervisor.start(local(1).functionId, request(PLAIN)), { code: "EDGELESS_REJECTED" });
  t.throws(() => supervisor.start(local(2).functionId, request(PLAIN)), { code: "EDGELESS_REJECTED" });
});

t.test(
  "given several threads, when functions are started, then they are spread over them and share the module",
  async (t) => {
    const { supervisor, host, hosts } = fixture();
    for (const number of [1, 2, 3, 4]) await supervisor.start(local(number).functionId, request(PLAIN, "p"));
    t.strictSame(host(0).asked, ["start 1", "start 3"]);
    t.strictSame(host(1).asked, ["start 2", "start 4"]);
    t.equal(hosts.length, 2);
    t.equal(host(0).starts[0]?.module, host(1).starts[0]?.module);
    t.equal(host(0).starts[0]?.initPayload, "p");
    t.match(statusOf(supervisor, local(1)), { state: "starting", restarts: 0, reason: "" });
    host(0).reports.initialised(local(1).functionId);
    t.match(statusOf(supervisor, local(1)), { state: "running" });
  },
);

t.test(
  "given an event between functions on different hosts, when it is sent, then it goes to the other host; others leave",
  async (t) => {
    const { supervisor, host, sent } = fixture();
    await supervisor.start(local(1).functionId, request(PLAIN));
    await supervisor.start(local(2).functionId, request(PLAIN));
    host(0).reports.send(eventTo(local(2), CAST("over")));
    t.strictSame(texts(host(1).events), ["cast over"]);
    host(0).reports.send(eventTo(PEER, CAST("out")));
    host(0).reports.send(eventTo(local(9), CAST("nobody here")));
    t.strictSame(texts(sent), ["cast out", "cast nobody here"]);
    t.equal(supervisor.deliver(eventTo(local(9), CAST(""))), false);
    t.equal(supervisor.deliver(eventTo({ ...PEER, functionId: local(1).functionId }, CAST(""))), false);
    t.equal(supervisor.deliver(eventTo(local(1), CAST("in"))), true);
  },
);

t.test(
  "given a crash, when the back-off is over, then the instance starts again with its wiring and what waited for it",
  async (t) => {
    const { supervisor, host, clock, telemetry, sent } = fixture({ threads: 1, mailboxCapacity: 2 });
    await supervisor.start(local(1).functionId, request(PLAIN, "again"));
    supervisor.patch(local(1).functionId, new Map([["a", PEER]]));
    host(0).reports.initialised(local(1).functionId);
    host(0).crash(1, {}, [eventTo(local(1), CAST("was in the mailbox"))]);
    t.match(statusOf(supervisor, local(1)), {
      state: "crashed",
      reason: "EDGELESS_FUNCTION_TRAPPED: boom",
      restarts: 0,
    });
    supervisor.patch(local(1).functionId, new Map([["b", PEER]]));
    t.equal(supervisor.deliver(eventTo(local(1), CAST("while down"))), true);
    t.equal(supervisor.deliver(eventTo(local(1), CAST("one too many"))), true);
    t.equal(supervisor.deliver(eventTo(local(1), CALL, 5n)), true);
    await clock.advance(399);
    t.equal(host(0).starts.length, 1);
    await clock.advance(101);
    t.equal(host(0).starts.length, 2);
    t.match(host(0).starts[1], { initPayload: "again", outputs: new Map([["b", PEER]]) });
    t.strictSame(texts(host(0).events), ["cast was in the mailbox", "cast while down"]);
    t.match(statusOf(supervisor, local(1)), { state: "starting", restarts: 1, reason: "" });
    t.strictSame(telemetry, ["dropped mailbox-full", "dropped instance-stopped"]);
    t.match(sent, [{ target: PEER, source: local(1), streamId: 5n, data: { type: "err" } }]);
  },
);

t.test(
  "given crash after crash, when it restarts, then the wait doubles up to a minute and is forgotten after a good while",
  async (t) => {
    const { supervisor, hosts, clock } = fixture({ threads: 1 });
    await supervisor.start(local(1).functionId, request(PLAIN));
    const { functionId } = local(1);
    const starts = () => hosts.reduce((sum, host) => sum + host.starts.length, 0);
    const current = () => hosts.findLast((host) => !host.closed && host.starts.length > 0) as NotedHost;
    const waits: number[] = [];
    for (let crash = 1; crash <= 10; crash++) {
      current().reports.initialised(functionId);
      current().crash(1);
      let waited = 0;
      while (starts() === crash) {
        await clock.advance(100);
        waited += 100;
      }
      waits.push(waited);
    }
    t.ok((waits[0] ?? 0) <= 500 && (waits[1] ?? 0) <= 1000 && (waits[1] ?? 0) >= 800);
    t.ok((waits[9] ?? 0) <= 60_000 && (waits[9] ?? 0) >= 48_000);
    t.match(statusOf(supervisor, local(1)), { restarts: 10 });
    current().reports.initialised(functionId);
    await clock.advance(60_000);
    current().crash(1);
    await clock.advance(500);
    t.equal(starts(), 12, "as quick as after the first crash");
  },
);

t.test(
  "given an instance that overran its time, when it restarts, then on a host of its own that closes when it is empty",
  async (t) => {
    const { supervisor, host, hosts, clock } = fixture({ threads: 1 });
    await supervisor.start(local(1).functionId, request(PLAIN));
    await supervisor.start(local(2).functionId, request(PLAIN));
    host(0).crash(1, { code: "EDGELESS_FUNCTION_OUT_OF_TIME" });
    await clock.advance(500);
    t.equal(hosts.length, 2);
    t.strictSame(host(1).asked, ["start 1"]);
    await supervisor.start(local(3).functionId, request(PLAIN));
    t.strictSame(host(0).asked, ["start 1", "start 2", "start 3"], "new ones are not put beside it");
    const stopped = supervisor.stop(local(1).functionId);
    host(1).reports.ended({ functionId: local(1).functionId, fault: undefined, unhandled: [] });
    await stopped;
    t.equal(host(1).closed, true);
  },
);

t.test("given three crashes in a row, when it restarts, then on the separate host", async (t) => {
  const { supervisor, host, hosts, clock } = fixture({ threads: 1 });
  await supervisor.start(local(1).functionId, request(PLAIN));
  for (const wait of [500, 1000]) {
    host(0).crash(1);
    await clock.advance(wait);
  }
  t.equal(hosts.length, 1);
  host(0).crash(1);
  await clock.advance(2000);
  t.strictSame(host(1).asked, ["start 1"]);
});

t.test(
  "given code that cannot be instantiated, when it failed three times, then it is not tried again",
  async (t) => {
    const { supervisor, host, clock, telemetry, sent } = fixture({ threads: 1 });
    await supervisor.start(local(1).functionId, request(PLAIN));
    for (let i = 0; i < 3; i++) {
      supervisor.deliver(eventTo(local(1), CAST("x")));
      host(0).crash(1, { instantiated: false }, [eventTo(local(1), CAST("y"))]);
      await clock.advance(3000);
    }
    t.equal(host(0).starts.length, 3);
    t.match(statusOf(supervisor, local(1)), { state: "failed", restarts: 2 });
    t.equal(clock.pending, 0);
    telemetry.length = 0;
    t.equal(supervisor.deliver(eventTo(local(1), CAST("x"))), true);
    supervisor.deliver(eventTo(local(1), CALL, 3n));
    await clock.advance(0);
    t.strictSame(telemetry, ["dropped instance-stopped", "dropped instance-stopped"]);
    t.strictSame(texts(sent), ["err"]);
    await supervisor.stop(local(1).functionId);
    t.strictSame(supervisor.statuses(), []);
  },
);

t.test(
  "given a host that is lost, when it had several instances, then all start again, the suspect on the separate host",
  async (t) => {
    const { supervisor, host, hosts, clock, telemetry } = fixture({ threads: 1 });
    for (const number of [1, 2, 3]) await supervisor.start(local(number).functionId, request(PLAIN));
    host(0).reports.initialised(local(2).functionId);
    const stopped = supervisor.stop(local(3).functionId);
    host(0).reports.lost("out of memory", local(1).functionId);
    await stopped;
    t.strictSame(telemetry, ["exited RUST_WASM internal-error"]);
    t.match(statusOf(supervisor, local(1)), {
      state: "crashed",
      reason: "EDGELESS_FUNCTION_TRAPPED: out of memory",
    });
    t.equal(statusOf(supervisor, local(3)), undefined);
    await clock.advance(500);
    t.equal(hosts.length, 3);
    t.strictSame([host(1).asked, host(2).asked].flat().sort(), ["start 1", "start 2"]);
    // A late report of the lost host says nothing about the new lives.
    host(0).reports.ended({ functionId: local(2).functionId, fault: undefined, unhandled: [] });
    t.match(statusOf(supervisor, local(2)), { state: "starting", restarts: 1 });
  },
);

t.test(
  "given an instance between two lives, when it is stopped, then it is gone at once and does not come back",
  async (t) => {
    const { supervisor, host, clock } = fixture({ threads: 1 });
    await supervisor.start(local(1).functionId, request(PLAIN));
    host(0).crash(1);
    await supervisor.stop(local(1).functionId);
    await supervisor.stop(local(1).functionId);
    t.equal(clock.pending, 0);
    t.strictSame(supervisor.statuses(), []);
  },
);

t.test(
  "given a host that does not answer a stop, when the run-time closes, then it gives up after a while",
  async (t) => {
    const { supervisor, host, clock } = fixture({ threads: 1 });
    await supervisor.start(local(1).functionId, request(PLAIN));
    let done = false;
    const closing = supervisor.close().then(() => {
      done = true;
    });
    await clock.advance(4999);
    t.equal(done, false);
    await clock.advance(1);
    await closing;
    t.equal(host(0).closed, true);
    t.strictSame(supervisor.statuses(), []);
  },
);

t.test(
  "given real modules that trap in each place, when they run, then each instance ends alone and is tried again",
  async (t) => {
    const states = { read: () => undefined, write: () => {} };
    const limits = { threads: 0, maxMemoryMib: 2 };
    const settings = { ...DEFAULT_FUNCTION_SETTINGS, ...limits };
    const opened: FunctionHost[] = [];
    const outer = fixture(limits, (reports) => {
      const parts = {
        nodeId: NODE,
        clock: outer.clock,
        random: seededRandom(4),
        logger: keepingLogger([]),
        states,
        settings,
      };
      const telemetry = recordTelemetry(([name, ...args]) => {
        if (name === "exited") outer.telemetry.push(`exited ${args[2]}`);
      });
      const host = new FunctionHost({ ...parts, telemetry, instantiate: instantiatePrepared, reports });
      opened.push(host);
      return host;
    });
    const { supervisor, clock, telemetry, sent } = outer;
    const cases: readonly [Uint8Array, string, RegExp][] = [
      [guestModule({ start: TRAP }), "", /unreachable/],
      [guestModule({ handlers: { handle_init_asm: TRAP } }), "exited internal-error", /unreachable/],
      [guestModule({ handlers: { handle_cast_asm: TRAP } }), "exited code-error", /unreachable/],
      [
        guestModule({ handlers: { edgeless_mem_alloc: [...constant(-1)] } }),
        "exited code-error",
        /outside the memory/,
      ],
      [guestModule({ handlers: { edgeless_mem_clear: TRAP } }), "exited code-error", /unreachable/],
      [
        guestModule({ handlers: { handle_cast_asm: HUNGRY } }),
        "exited code-error",
        /^EDGELESS_FUNCTION_OUT_OF_MEMORY/,
      ],
      [guestModule({ handlers: { edgeless_mem_free: TRAP } }), "exited internal-error", /unreachable/],
    ];
    await supervisor.start(
      local(1).functionId,
      request(guestModule({ handlers: { handle_call_asm: constant(2) } })),
    );
    for (const [module, exit, reason] of cases) {
      telemetry.length = 0;
      await supervisor.start(local(2).functionId, request(module));
      supervisor.deliver(eventTo(local(2), CAST("x")));
      await clock.advance(1);
      t.match(statusOf(supervisor, local(2)), { state: "crashed", reason });
      t.equal(telemetry.join(), exit);
      await supervisor.stop(local(2).functionId);
    }
    await supervisor.start(
      local(3).functionId,
      request(guestModule({ handlers: { handle_call_asm: TRAP } })),
    );
    supervisor.deliver(eventTo(local(3), CALL, 8n));
    supervisor.deliver(eventTo(local(1), CALL, 9n));
    await clock.advance(1);
    t.match(sent.map(({ streamId, data }) => `${streamId} ${data.type}`).sort(), ["8 err", "9 err"]);
    t.match(statusOf(supervisor, local(1)), { state: "running", restarts: 0 });
    t.equal(opened.length, 1);
  },
);

t.test(
  "given an endless loop, when its run time is used up, then it ends with the code that says so",
  async (t) => {
    const reasons: string[] = [];
    const clock = new FakeClock();
    // Each look at the clock takes time, as it would on a real one.
    let nowMs = 0;
    const parts = {
      nodeId: NODE,
      clock: {
        wallMs: () => nowMs,
        monotonicMs: () => (nowMs += 0.01),
        setTimer: clock.setTimer.bind(clock),
      },
      random: seededRandom(4),
      telemetry: recordTelemetry(() => {}),
      logger: keepingLogger([]),
      states: { read: () => undefined, write: () => {} },
      settings: { ...DEFAULT_FUNCTION_SETTINGS, maxRunTimeMs: 5 },
      instantiate: instantiatePrepared,
    };
    const run = async (module: Uint8Array) => {
      const { supervisor } = fixture({ threads: 1 }, (reports) => new FunctionHost({ ...parts, reports }));
      await supervisor.start(local(1).functionId, request(module));
      supervisor.deliver(eventTo(local(1), CAST("")));
      await clock.advance(1);
      reasons.push(statusOf(supervisor, local(1))?.reason ?? "");
    };
    await run(guestModule({ handlers: { handle_cast_asm: ENDLESS } }));
    await run(guestModule({ handlers: { handle_init_asm: ENDLESS } }));
    await run(guestModule({ handlers: { edgeless_mem_free: ENDLESS } }));
    await run(guestModule({ start: ENDLESS }));
    for (const reason of reasons) t.match(reason, /^EDGELESS_FUNCTION_OUT_OF_TIME: .* 5 ms of run time/);
    t.equal(reasons.length, 4);
  },
);
