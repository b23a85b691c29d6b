import fc from "fast-check";
import { parse } from "smol-toml";
import t from "tap";
import { BridgeMeter } from "../../../control/balancer/bridge-meter.js";
import { BRIDGE_DEFAULTS, type BridgeSettings } from "../../../control/balancer/bridge-settings.js";
import { BridgeTable } from "../../../control/balancer/bridge-table.js";
import { bridgeSettings, parseBalancerConfig } from "../../../control/balancer/config.js";
import { balancerTemplate } from "../../../control/balancer/config-template.js";
import { readHalfRequest, type Side } from "../../../control/balancer/half-request.js";
import type { Result } from "../../../core/api.js";
import { type Event, type EventData, timestampFromMs } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { SILENT } from "../../../core/log.js";
import { randomUuid } from "../../../core/uuid.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";

const TRACE = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

/** The bridges of an ε-BAL of domain `d`, and everything they send. */
class Balancer {
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly sent: Record<Side, Event[]> = { local: [], portal: [] };
  readonly nodeIds = { local: randomUuid(this.random), portal: randomUuid(this.random) };
  readonly meter = new BridgeMeter(this.nodeIds.local, this.clock, true);
  readonly table: BridgeTable;

  constructor(settings: Partial<BridgeSettings> = {}) {
    this.table = new BridgeTable({
      ...{ domain: "d", nodeIds: this.nodeIds, meter: this.meter, clock: this.clock, random: this.random },
      ...{ logger: SILENT, settings: { ...BRIDGE_DEFAULTS, ...settings } },
      send: {
        local: (event) => void this.sent.local.push(event),
        portal: (event) => void this.sent.portal.push(event),
      },
    });
  }

  start(side: Side, role: string, id = "1", more: Record<string, string> = {}): Result<InstanceId> {
    const name: Record<string, string> = side === "portal" ? { domain_name: "d" } : {};
    const configuration = new Map(Object.entries({ role, domain: side, id, ...name, ...more }));
    return this.table.start(side, { classType: "portal", configuration, workflowId: "w" });
  }

  half(side: Side, role: string, id = "1"): InstanceId {
    const result = this.start(side, role, id);
    if (!result.ok) throw new Error(result.error.detail);
    return result.value;
  }

  wire(side: Side, half: InstanceId, target?: InstanceId): void {
    const outputs = new Map(target === undefined ? [] : [["out", target] as const]);
    this.table.patch(side, { source: half.functionId, outputs });
  }

  instance(): InstanceId {
    return { nodeId: randomUuid(this.random), functionId: randomUuid(this.random) };
  }

  /** An event that reaches a half. */
  give(side: Side, target: InstanceId, data: EventData, source = this.instance(), streamId = 0n): boolean {
    const created = timestampFromMs(this.clock.wallMs());
    return this.table.deliver(side, { target, source, streamId, data, created, metadata: TRACE });
  }

  /** What was sent on one side since the last time. */
  take(side: Side): Event[] {
    return this.sent[side].splice(0);
  }
}

const cast = (payload: string): EventData => ({ type: "cast", payload });
const call = (payload: string): EventData => ({ type: "call", payload });

for (const [role, entry, exit] of [
  ["sink", "local", "portal"],
  ["source", "portal", "local"],
] as const) {
  t.test(
    `given a ${role}, when either end is stopped, started and wired again, then events flow again`,
    async (t) => {
      const balancer = new Balancer();
      const first = balancer.half(entry, role);
      const far = balancer.half(exit, role);
      const target = balancer.instance();
      balancer.wire(exit, far, target);
      t.ok(balancer.give(entry, first, cast("1")));
      t.match(balancer.take(exit), [{ target, source: far, streamId: 0n, data: cast("1"), metadata: TRACE }]);
      const moved = balancer.instance();
      balancer.wire(exit, far, moved);
      balancer.give(entry, first, cast("2"));
      t.match(balancer.take(exit), [{ target: moved, data: cast("2") }], "the target was created again");
      balancer.table.stop(exit, far.functionId);
      balancer.give(entry, first, cast("3"));
      const again = balancer.half(exit, role);
      t.same(balancer.take(exit), [], "waits for the far end");
      balancer.wire(exit, again, target);
      t.match(balancer.take(exit), [{ target, source: again, data: cast("3") }]);
      balancer.table.stop(entry, first.functionId);
      t.notOk(balancer.give(entry, first, cast("4")), "the former half is gone");
      const second = balancer.half(entry, role);
      balancer.give(entry, second, cast("5"));
      t.match(balancer.take(exit), [{ target, data: cast("5") }]);
      const replaced = balancer.half(entry, role);
      balancer.give(entry, second, cast("6"));
      balancer.table.stop(entry, second.functionId);
      balancer.give(entry, replaced, cast("7"));
      t.match(balancer.take(exit), [{ data: cast("6") }, { data: cast("7") }], "make before break");
      balancer.wire(exit, again);
      balancer.give(entry, replaced, cast("8"));
      t.same(balancer.take(exit), [], "without a target events wait");
      balancer.wire(exit, again, target);
      t.match(balancer.take(exit), [{ data: cast("8") }]);
      balancer.table.reset(exit);
      t.equal(balancer.table.statuses(exit).length, 0);
      balancer.give(entry, replaced, cast("9"));
      balancer.wire(exit, balancer.half(exit, role), target);
      t.match(balancer.take(exit), [{ data: cast("9") }], "joined again after a reset of one side");
      balancer.table.reset(entry);
      balancer.table.reset(exit);
      t.equal(balancer.table.size, 0);
    },
  );

  t.test(`given calls over a ${role}, then each gets its own answer, an error or a time-out`, async (t) => {
    const balancer = new Balancer({ callTimeoutMs: 1_000, maxCalls: 3 });
    const near = balancer.half(entry, role);
    const far = balancer.half(exit, role);
    const target = balancer.instance();
    balancer.wire(exit, far, target);
    const callers = [balancer.instance(), balancer.instance(), balancer.instance(), balancer.instance()];
    callers.forEach((caller, i) => {
      balancer.give(entry, near, call(`${i}`), caller, 7n);
    });
    const calls = balancer.take(exit);
    t.equal(calls.length, 3, "any number at a time, up to a bound");
    t.match(balancer.take(entry), [
      { target: callers[3], source: near, streamId: 7n, data: { type: "err" } },
    ]);
    const [a, b] = calls;
    if (a === undefined || b === undefined) return;
    t.not(a.streamId, b.streamId);
    t.ok(a.streamId > 0xffffffffn);
    t.same(a.metadata, TRACE, "the trace goes on");
    balancer.give(exit, far, { type: "call-ret", payload: "B" }, target, b.streamId);
    balancer.give(exit, far, { type: "call-ret", payload: "forged" }, balancer.instance(), a.streamId);
    balancer.give(exit, far, { type: "call-no-ret" }, target, a.streamId);
    balancer.give(exit, far, { type: "call-no-ret" }, target, a.streamId);
    t.match(balancer.take(entry), [
      {
        target: callers[1],
        source: near,
        streamId: 7n,
        data: { type: "call-ret", payload: "B" },
        metadata: TRACE,
      },
      { target: callers[0], source: near, streamId: 7n, data: { type: "call-no-ret" } },
    ]);
    await balancer.clock.advance(1_000);
    t.match(balancer.take(entry), [{ target: callers[2], streamId: 7n, data: { type: "err" } }], "time-out");
    balancer.give(entry, near, call("stopped"), callers[0], 8n);
    balancer.table.stop(exit, far.functionId);
    t.match(
      balancer.take(entry),
      [{ target: callers[0], streamId: 8n, data: { type: "err" } }],
      "far end stopped",
    );
    t.equal(balancer.table.waiting.calls, 0);
    const { transferTimes, executionTimes } = balancer.meter.drain();
    const local = entry === "local" ? near : far;
    t.same([...transferTimes.keys()], [local.functionId], "measured for the local half");
    t.same([...executionTimes.keys()], [local.functionId]);
    t.match(
      await balancer.meter.render(),
      /edgeless_bridge_events_lost_total\{reason="too-many-calls".*\} 1/,
    );
  });
}

t.test(
  "given a bridge whose far end never comes, then events wait in bounds of number and time",
  async (t) => {
    const balancer = new Balancer({ queueEvents: 2, queueAgeMs: 1_000 });
    const near = balancer.half("local", "sink");
    const caller = balancer.instance();
    balancer.give("local", near, cast("1"));
    await balancer.clock.advance(600);
    balancer.give("local", near, call("2"), caller, 9n);
    balancer.give("local", near, cast("3"));
    t.equal(balancer.table.waiting.events, 2, "the third did not fit");
    await balancer.clock.advance(400);
    t.equal(balancer.table.waiting.events, 1, "the first was too old");
    await balancer.clock.advance(599);
    t.equal(balancer.table.waiting.events, 1, "the second is not");
    await balancer.clock.advance(1);
    t.equal(balancer.table.waiting.events, 0);
    t.match(balancer.take("local"), [{ target: caller, streamId: 9n, data: { type: "err" } }]);
    balancer.give("local", near, call("4"), caller, 10n);
    balancer.table.stop("local", near.functionId);
    t.match(balancer.take("local"), [{ streamId: 10n, data: { type: "err" } }], "nobody waits in vain");
  },
);

t.test("given bad requests, then each is refused with its reason and nothing is left behind", async (t) => {
  const balancer = new Balancer();
  const refusal = (result: Result<InstanceId>) => (result.ok ? "accepted" : result.error.detail);
  t.match(refusal(balancer.start("local", "drain")), /role is sink or source/);
  t.match(refusal(balancer.start("local", "sink", "x")), /id is a decimal number/);
  t.match(refusal(balancer.start("local", "sink", "1", { domain: "moon" })), /domain is local or portal/);
  t.match(refusal(balancer.start("local", "sink", "1", { domain: "portal" })), /but this is the local side/);
  t.match(refusal(balancer.start("local", "sink", "1", { domain_name: "d" })), /domain_name has no place/);
  t.match(refusal(balancer.start("portal", "sink", "1", { domain_name: "e" })), /domain_name is "e"/);
  t.equal(balancer.table.size, 0);
  balancer.half("local", "SINK");
  t.match(refusal(balancer.start("portal", "source")), /role is source, but the other half is a sink/);
  t.equal(refusal(balancer.start("portal", "source", "2")), "accepted");
  t.throws(() => balancer.wire("local", balancer.instance()), { code: "EDGELESS_UNKNOWN_INSTANCE" });
  balancer.table.stop("local", balancer.instance().functionId);
  const far = balancer.half("portal", "sink");
  const caller = balancer.instance();
  balancer.give("portal", far, call("wrong way"), caller, 5n);
  t.match(balancer.take("portal"), [{ target: caller, streamId: 5n, data: { type: "err" } }]);
});

t.test("given any configuration of a half, then it is read or refused with a reason", async (t) => {
  const text = fc.oneof(fc.string(), fc.constantFrom("sink", "source", "local", "portal", "1", "d", ""));
  const key = fc.oneof(fc.constantFrom("role", "domain", "id", "domain_name"), fc.string());
  fc.assert(
    fc.property(fc.dictionary(key, text), (entries) => {
      const specification = {
        classType: "portal",
        configuration: new Map(Object.entries(entries)),
        workflowId: "",
      };
      const result = readHalfRequest(specification, "portal", "d");
      return result.ok ? /^\/\d+$/.test(result.request.bridge) : result.reason.length > 10;
    }),
  );
  t.pass("no configuration ends the balancer");
});

t.test("given the template, then it is a valid configuration; a wrong key is named", async (t) => {
  const template = () => parse(balancerTemplate()) as Record<string, Record<string, unknown>>;
  const config = parseBalancerConfig(template());
  t.match(config, {
    general: { domain: "domain-7000" },
    local: { agent_url: "http://127.0.0.1:7005", node_register_url: "http://127.0.0.1:7004" },
    portal: { agent_url: "http://127.0.0.1:7105", node_register_url: "http://127.0.0.1:7104" },
  });
  t.same(bridgeSettings(config), BRIDGE_DEFAULTS);
  const wrong: [string, string, unknown][] = [
    ["general", "domain", ""],
    ["local", "node_id", "7"],
    ["portal", "agent_url", "coap://127.0.0.1:7105"],
    ["portal", "subscription_refresh_interval_sec", 0],
    ["telemetry", "performance_samples", undefined],
  ];
  for (const [table, name, value] of wrong) {
    const raw = template();
    raw[table] = { ...raw[table], [name]: value };
    t.throws(() => parseBalancerConfig(raw), { message: new RegExp(`key ${table}.${name}:`) });
  }
  const raw = template();
  raw.portal = { ...raw.portal, node_id: raw.local?.node_id };
  t.throws(() => parseBalancerConfig(raw), { message: /portal.node_id: must not be the same/ });
});
