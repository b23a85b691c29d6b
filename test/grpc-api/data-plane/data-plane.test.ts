import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import type { Event } from "../../../core/event.js";
import { INSTANCE_NONE } from "../../../core/instance-id.js";
import { SILENT } from "../../../core/log.js";
import { DataPlane } from "../../../grpc-api/data-plane/data-plane.js";
import {
  DATA_PLANE_DEFAULTS,
  type DataPlaneSettings,
} from "../../../grpc-api/data-plane/data-plane-settings.js";
import { OutstandingCalls } from "../../../grpc-api/data-plane/outstanding-calls.js";
import { PeerQueue } from "../../../grpc-api/data-plane/peer-queue.js";
import { connectInvocation, invocationService, startServer } from "../../../grpc-api/index.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { eventually } from "../../kit/eventually.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { freePorts } from "../../kit/free-ports.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { call, cast, event, instance, uuid } from "../../node/kit/events.js";
import { RecordingTelemetry } from "../../node/kit/recording-telemetry.js";

const HERE = 1;
const PEER = 2;
const OTHER = 3;

type Behaviour = "takes" | "hangs" | "is dead" | "refuses";

/** Peers that behave as told, and what they got. */
class ScriptedPeers {
  readonly behaviour = new Map<string, Behaviour>();
  readonly got = new Map<string, Event[]>();
  readonly attempts = new Map<string, number>();
  readonly connections: string[] = [];
  inFlight = 0;
  mostInFlight = 0;
  readonly #clock: FakeClock;
  readonly #deadlineMs: number;
  readonly #answerMs: () => number;

  constructor(clock: FakeClock, deadlineMs: number, answerMs: () => number = () => 1) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#answerMs = answerMs;
  }

  connect(url: string) {
    this.connections.push(url);
    return { handle: (sent: Event) => this.#handle(url, sent), close: () => {} };
  }

  payloads(url: string): string[] {
    return (this.got.get(url) ?? []).map(({ data }) => ("payload" in data ? data.payload : data.type));
  }

  async #handle(url: string, sent: Event): Promise<void> {
    this.attempts.set(url, (this.attempts.get(url) ?? 0) + 1);
    const behaviour = this.behaviour.get(url) ?? "takes";
    if (behaviour === "is dead") throw new EdgelessError("EDGELESS_UNREACHABLE", `${url} refused`);
    if (behaviour === "refuses") throw new EdgelessError("EDGELESS_REJECTED", "not my node");
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      await this.#wait(behaviour === "hangs" ? this.#deadlineMs : this.#answerMs());
      if (behaviour === "hangs") throw new EdgelessError("EDGELESS_TIMEOUT", "no answer");
      this.got.set(url, [...(this.got.get(url) ?? []), sent]);
    } finally {
      this.inFlight--;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(ms, resolve));
  }
}

function setUp(settings: Partial<DataPlaneSettings> = {}, answerMs?: () => number) {
  const clock = new FakeClock();
  const all = { ...DATA_PLANE_DEFAULTS, ...settings };
  const peers = new ScriptedPeers(clock, all.deadlineMs, answerMs);
  const telemetry = new RecordingTelemetry();
  const plane = new DataPlane({
    isLocal: (id) => id === uuid(HERE),
    connect: (url) => peers.connect(url),
    telemetry,
    clock,
    random: seededRandom(1),
    logger: SILENT,
    settings: all,
  });
  const local: Event[] = [];
  plane.attach({
    deliver(received) {
      if (received.target.functionId !== uuid(10) && received.target.functionId !== uuid(11)) return false;
      local.push(received);
      return true;
    },
  });
  const add = (node: number, url: string) =>
    plane.updatePeers({ type: "add", nodeId: uuid(node), invocationUrl: url });
  return { clock, peers, telemetry, plane, local, add };
}

const URL_A = "http://10.0.0.2:7006";
const URL_B = "http://10.0.0.3:7006";
const A = instance(HERE, 10);
const B = instance(HERE, 11);
const REMOTE = instance(PEER, 20);

t.test(
  "given a target on this node, when an event is sent, then it is delivered without a connection",
  async (t) => {
    const { plane, local, peers, add } = setUp();
    add(HERE, "http://10.0.0.1:7006");
    plane.send(cast(A, B, "hello"));
    t.equal(local.length, 1);
    t.same(peers.connections, [], "this node's own id never leads to a connection");
    t.same([...plane.peers], []);
  },
);

t.test(
  "given a target that is not there, when a call is sent, then it is answered err; a cast is only counted",
  async (t) => {
    for (const [target, reason] of [
      [instance(HERE, 99), "unknown-instance"],
      [instance(PEER, 20), "unknown-peer"],
      [INSTANCE_NONE, "unknown-peer"],
    ] as const) {
      const { plane, local, telemetry } = setUp();
      plane.send(cast(A, target, "lost"));
      plane.send(call(A, target, "question", 7n));
      t.same(local, [], "not before send has returned");
      await settle();
      t.same(local, [event(target, A, { type: "err" }, 7n)]);
      t.same(telemetry.dropCounts, { [reason]: 2 });
    }
  },
);

t.test(
  "given an event from a peer, when its target is here, then it is delivered or, unknown, dropped",
  async (t) => {
    const { plane, local, peers, telemetry, clock, add } = setUp();
    add(PEER, URL_A);
    plane.handle(cast(REMOTE, A, "hello"));
    t.equal(local.length, 1);
    plane.handle(cast(REMOTE, instance(HERE, 99), "lost"));
    plane.handle(call(REMOTE, instance(HERE, 99), "question", 9n));
    plane.handle(call(INSTANCE_NONE, instance(HERE, 99), "nobody waits", 9n));
    await clock.advance(10);
    t.same(peers.got.get(URL_A), [event(instance(HERE, 99), REMOTE, { type: "err" }, 9n)]);
    t.same(telemetry.dropCounts, { "unknown-instance": 3 });
    t.throws(() => plane.handle(cast(A, REMOTE, "wrong node")), { code: "EDGELESS_UNKNOWN_INSTANCE" });
  },
);

t.test(
  "given a receiver that throws, when an event comes, then the event is dropped and the node goes on",
  async (t) => {
    const { plane, local, telemetry } = setUp();
    plane.attach({
      deliver() {
        throw new Error("broken");
      },
    });
    plane.send(call(A, instance(HERE, 50), "question", 3n));
    await settle();
    t.same(telemetry.dropCounts, { "unknown-instance": 1 });
    t.match(local, [{ data: { type: "err" }, streamId: 3n }]);
  },
);

t.test(
  "given a hanging and a dead peer, when events go to all, then a healthy one is not delayed",
  async (t) => {
    const { plane, peers, clock, add } = setUp();
    add(PEER, URL_A);
    add(OTHER, URL_B);
    add(4, "http://10.0.0.4:7006");
    peers.behaviour.set(URL_A, "hangs");
    peers.behaviour.set("http://10.0.0.4:7006", "is dead");
    for (let i = 0; i < 100; i++) {
      plane.send(cast(A, REMOTE, "a"));
      plane.send(cast(A, instance(4, 20), "b"));
      plane.send(cast(A, instance(OTHER, i), "c"));
    }
    await clock.advance(2);
    t.equal(peers.payloads(URL_B).length, 100, "64 in the first millisecond, the rest in the second");
  },
);

t.test(
  "given a hanging peer, when the deadline passes, then casts are counted and calls answered err",
  async (t) => {
    const { plane, peers, clock, local, telemetry, add } = setUp({ deadlineMs: 500 });
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "hangs");
    plane.send(call(A, REMOTE, "question", 5n));
    plane.send(cast(B, REMOTE, "lost"));
    await clock.advance(499);
    t.same(local, []);
    await clock.advance(2);
    t.match(local, [{ data: { type: "err" }, streamId: 5n, source: REMOTE, target: A }]);
    t.same(telemetry.dropCounts, { "peer-unreachable": 2 });
  },
);

t.test(
  "given a peer that refuses an event, when it is a call, then it is answered err and not sent again",
  async (t) => {
    const { plane, peers, clock, local, add } = setUp();
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "refuses");
    plane.send(call(A, REMOTE, "question", 5n));
    await clock.advance(3_000);
    t.match(local, [{ data: { type: "err" } }]);
    t.equal(peers.attempts.get(URL_A), 1);
  },
);

t.test(
  "given a dead peer, when it returns in time, then all events arrive in order after few attempts",
  async (t) => {
    const { plane, peers, clock, telemetry, add } = setUp();
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "is dead");
    const sent = Array.from({ length: 200 }, (_, i) => `${i}`);
    for (const payload of sent) plane.send(cast(A, REMOTE, payload));
    await clock.advance(5_000);
    const attempts = peers.attempts.get(URL_A) ?? 0;
    t.ok(attempts >= 5 && attempts <= 15, `backs off: ${attempts} attempts in five seconds`);
    peers.behaviour.set(URL_A, "takes");
    await clock.advance(2_000);
    t.same(peers.payloads(URL_A), sent);
    t.same(telemetry.dropCounts, {});
  },
);

t.test(
  "given a dead peer, when events of many pairs wait for it, then only one at a time probes it",
  async (t) => {
    const { plane, peers, clock, add } = setUp();
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "is dead");
    plane.send(cast(A, REMOTE, "first"));
    await clock.advance(1);
    for (let i = 0; i < 100; i++) plane.send(cast(A, instance(PEER, 100 + i), `${i}`));
    await clock.advance(5_000);
    const attempts = peers.attempts.get(URL_A) ?? 0;
    t.ok(attempts <= 15, `${attempts} attempts in five seconds`);
    peers.behaviour.set(URL_A, "takes");
    await clock.advance(1_500);
    t.equal(peers.payloads(URL_A).length, 101);
  },
);

t.test(
  "given a dead peer, when it announces itself again, then waiting events go to it at once",
  async (t) => {
    const { plane, peers, clock, add } = setUp();
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "is dead");
    plane.send(cast(A, REMOTE, "kept"));
    await clock.advance(3_000);
    peers.behaviour.set(URL_A, "takes");
    add(PEER, URL_A);
    await clock.advance(2);
    t.same(peers.payloads(URL_A), ["kept"]);
    peers.behaviour.set(URL_A, "is dead");
    plane.send(cast(A, REMOTE, "moved"));
    await clock.advance(10);
    add(PEER, URL_B);
    await clock.advance(2);
    t.same(peers.payloads(URL_B), ["moved"], "a new URL replaces the old one");
    t.same([...plane.peers], [[uuid(PEER), URL_B]]);
  },
);

t.test(
  "given a dead peer, when events grow too old or too many, then they are dropped by reason",
  async (t) => {
    const { plane, peers, clock, local, telemetry, add } = setUp({ queueEvents: 10, queueAgeMs: 2_000 });
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "is dead");
    for (let i = 0; i < 15; i++) plane.send(call(A, REMOTE, "question", BigInt(i)));
    await settle();
    t.same(telemetry.dropCounts, { "peer-queue-full": 5 });
    t.equal(local.length, 5, "callers of what does not fit are answered at once");
    await clock.advance(3_100);
    t.same(telemetry.dropCounts, { "peer-queue-full": 5, "peer-unreachable": 10 });
    t.equal(local.length, 15);
    await clock.advance(60_000);
    t.equal(clock.pending, 0, "nothing is tried when nothing waits");
  },
);

t.test(
  "given a peer with waiting events, when it is deleted or the table cleared, then callers are answered",
  async (t) => {
    for (const update of [{ type: "delete", nodeId: uuid(PEER) }, { type: "clear" }] as const) {
      const { plane, peers, clock, local, telemetry, add } = setUp();
      add(PEER, URL_A);
      peers.behaviour.set(URL_A, "is dead");
      plane.send(call(A, REMOTE, "question", 5n));
      await clock.advance(10);
      plane.updatePeers(update);
      plane.updatePeers(update);
      await settle();
      t.match(local, [{ data: { type: "err" }, streamId: 5n }]);
      t.same(telemetry.dropCounts, { "unknown-peer": 1 });
      t.equal(clock.pending, 0);
      t.same([...plane.peers], []);
    }
  },
);

t.test(
  "given an event in flight, when its peer is deleted, then a late failure is not counted twice",
  async (t) => {
    const { plane, peers, clock, local, telemetry, add } = setUp();
    add(PEER, URL_A);
    peers.behaviour.set(URL_A, "hangs");
    plane.send(call(A, REMOTE, "question", 5n));
    await clock.advance(10);
    void plane.close();
    await clock.advance(10_000);
    t.same(local, [], "a closed data plane delivers nothing");
    t.same(telemetry.dropCounts["unknown-peer"], 1);
    t.equal(telemetry.dropCounts["peer-unreachable"], undefined);
  },
);

t.test(
  "given a malformed URL, when a peer is added, then it is refused and the table stays as it was",
  async (t) => {
    const { plane, add } = setUp();
    add(PEER, URL_A);
    for (const bad of [
      "",
      "10.0.0.2:7006",
      "http://10.0.0.2",
      "ftp://h:1",
      "http://h:99999",
      "coap://10.0.0.2:7050",
      "http://h:0",
    ]) {
      t.throws(() => add(PEER, bad), { code: "EDGELESS_BAD_URL" }, bad);
      t.throws(() => add(HERE, bad), { code: "EDGELESS_BAD_URL" }, `own id, ${bad}`);
    }
    t.same([...plane.peers], [[uuid(PEER), URL_A]]);
  },
);

t.test(
  "given many pairs and a peer that answers in any order, when it fails and returns, then each pair stays in order",
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ source: fc.nat(3), target: fc.nat(3) }), { minLength: 1, maxLength: 120 }),
        fc.array(fc.constantFrom<Behaviour>("takes", "is dead"), { maxLength: 12 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        async (pairs, moods, delays) => {
          const { plane, peers, clock, add } = setUp({ inFlight: 4 }, () => delays.next().value ?? 1);
          add(PEER, URL_A);
          const expected = new Map<string, string[]>();
          pairs.forEach(({ source, target }, index) => {
            const key = `${source}-${target}`;
            expected.set(key, [...(expected.get(key) ?? []), `${index}`]);
            plane.send(cast(instance(HERE, 100 + source), instance(PEER, 200 + target), `${index}`));
          });
          for (const mood of moods) {
            peers.behaviour.set(URL_A, mood);
            await clock.advance(30);
          }
          peers.behaviour.set(URL_A, "takes");
          await clock.advance(8_000);
          const got = new Map<string, string[]>();
          for (const { source, target, data } of peers.got.get(URL_A) ?? []) {
            const key = `${parseInt(source.functionId.slice(-4), 16) - 100}-${parseInt(target.functionId.slice(-4), 16) - 200}`;
            got.set(key, [...(got.get(key) ?? []), "payload" in data ? data.payload : ""]);
          }
          t.same(got, expected);
          t.ok(peers.mostInFlight <= 4, "the window is kept");
        },
      ),
      { numRuns: 30 },
    );
  },
);

t.test(
  "given any sequence of operations, when a queue is used, then its count and bounds hold",
  async (t) => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("push", "take", "done", "retry", "expire", "clear"), { maxLength: 200 }),
        (steps) => {
          const queue = new PeerQueue({ events: 8, payload: 30 });
          let inside = 0;
          let number = 0;
          const taken: NonNullable<ReturnType<PeerQueue["take"]>>[] = [];
          for (const step of steps) {
            if (step === "push") {
              const pair = number % 3;
              const queued = { event: cast(instance(1, pair), REMOTE, "12345"), sinceMs: number++ };
              const fits = inside < 6;
              t.equal(queue.push(queued), fits, "six times five units fit in thirty");
              if (fits) inside++;
            } else if (step === "take") {
              const next = queue.take();
              if (next !== undefined) {
                t.notOk(
                  taken.some((other) => other.event.source.functionId === next.event.source.functionId),
                );
                taken.push(next);
              }
            } else if (step === "done") {
              const first = taken.shift();
              if (first !== undefined) {
                queue.done(first);
                inside--;
              }
            } else if (step === "retry") {
              const first = taken.shift();
              if (first !== undefined) queue.retry(first);
            } else if (step === "expire") {
              inside -= queue.expire(number - 4).length;
            } else {
              t.equal(queue.clear().length, inside);
              inside = 0;
              for (const late of taken.splice(0)) queue.done(late);
            }
            t.equal(queue.length, inside);
          }
        },
      ),
      { numRuns: 100 },
    );
    const queue = new PeerQueue({ events: 8, payload: 3 });
    t.ok(queue.push({ event: cast(A, REMOTE, "longer than the bound"), sinceMs: 0 }), "alone it passes");
    t.notOk(queue.push({ event: cast(A, REMOTE, "1"), sinceMs: 0 }));
  },
);

t.test(
  "given events on their way, when the data plane closes, then they get a moment, but no more",
  async (t) => {
    const { plane, peers, clock, telemetry, add } = setUp({}, () => 100);
    add(PEER, URL_A);
    add(OTHER, URL_B);
    peers.behaviour.set(URL_B, "is dead");
    for (let i = 0; i < 3; i++) plane.send(cast(A, REMOTE, `${i}`));
    plane.send(cast(A, instance(OTHER, 1), "lost"));
    let closed = false;
    const closing = plane.close().then(() => {
      closed = true;
    });
    await clock.advance(499);
    t.same(peers.payloads(URL_A), ["0", "1", "2"]);
    t.notOk(closed);
    await clock.advance(1);
    await closing;
    t.same(telemetry.dropCounts, { "unknown-peer": 1 });
    t.equal(clock.pending, 0);
  },
);

t.test(
  "given real connections, when one peer hangs and one comes late, then a third one is not delayed",
  async (t) => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port: silentPort } = silent.address() as AddressInfo;
    const [latePort] = await freePorts(1);
    const got = { healthy: 0, late: [] as string[] };
    const healthy = await startServer("http://127.0.0.1:0", [
      invocationService({ handle: () => void got.healthy++ }),
    ]);
    const telemetry = new RecordingTelemetry();
    const plane = new DataPlane({
      isLocal: (id) => id === uuid(HERE),
      connect: (url) => connectInvocation(url, { deadlineMs: 1_000 }),
      telemetry,
      clock: systemClock,
      random: systemRandom,
      logger: SILENT,
      settings: { ...DATA_PLANE_DEFAULTS, deadlineMs: 1_000 },
    });
    const answers: Event[] = [];
    plane.attach({ deliver: (answer) => answers.push(answer) > 0 });
    const urls = [`http://127.0.0.1:${silentPort}`, `http://127.0.0.1:${latePort}`, healthy.url];
    urls.forEach((invocationUrl, index) => {
      plane.updatePeers({ type: "add", nodeId: uuid(10 + index), invocationUrl });
    });
    const startMs = performance.now();
    for (let i = 0; i < 100; i++) {
      plane.send(call(A, instance(10, i), "question", BigInt(i)));
      plane.send(cast(A, instance(11, 1), `${i}`));
      plane.send(cast(A, instance(12, i), "hello"));
    }
    await eventually("the healthy peer", () => got.healthy === 100);
    t.ok(performance.now() - startMs < 1_000, "before the hanging peer met its deadline");
    const handle = ({ data }: Event) => void got.late.push("payload" in data ? data.payload : "");
    const late = await startServer(`http://127.0.0.1:${latePort}`, [invocationService({ handle })]);
    await eventually("the late peer", () => got.late.length === 100);
    t.same(
      got.late,
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
    await eventually("the callers of the hanging peer", () => answers.length === 100);
    t.ok(answers.every(({ data }) => data.type === "err"));
    t.same(telemetry.dropCounts, { "peer-unreachable": 100 });
    await plane.close();
    await Promise.all([healthy.close(), late.close()]);
    for (const socket of sockets) socket.destroy();
    silent.close();
  },
);

t.test(
  "given calls that a peer took, when it is deleted, then those without an answer are answered err",
  async (t) => {
    const { plane, clock, local, telemetry, add } = setUp({ queueEvents: 4 });
    add(PEER, URL_A);
    for (let i = 1n; i <= 3n; i++) plane.send(call(A, REMOTE, "question", i));
    await clock.advance(10);
    plane.handle(event(REMOTE, A, { type: "call-ret", payload: "answer" }, 2n));
    plane.updatePeers({ type: "delete", nodeId: uuid(PEER) });
    await settle();
    t.same(
      local.map(({ data, streamId }) => [data.type, streamId]),
      [
        ["call-ret", 2n],
        ["err", 1n],
        ["err", 3n],
      ],
    );
    t.same(telemetry.dropCounts, {}, "the calls themselves were delivered");
  },
);

t.test(
  "given more calls than are remembered, when their peer goes, then the newest callers are told",
  async (t) => {
    const calls = new OutstandingCalls(2);
    for (let i = 1n; i <= 3n; i++) calls.add(call(A, REMOTE, "question", i));
    calls.settle(9n, A.functionId);
    t.equal(calls.size, 2);
    t.same(
      calls.clear().map(({ streamId }) => streamId),
      [2n, 3n],
    );
    t.equal(calls.size, 0);
  },
);

t.test(
  "given senders who want to know, when events are taken, lost or held up, then each is told once, at the right time",
  async (t) => {
    const { clock, peers, plane, add } = setUp({ queueEvents: 3 });
    add(PEER, URL_A);
    const told: string[] = [];
    const send = (what: string, to = REMOTE) => plane.send(cast(A, to, what), () => told.push(what));
    send("here", B);
    send("nobody", instance(HERE, 99));
    send("unknown peer", instance(OTHER, 20));
    t.same(told.splice(0), ["here", "nobody", "unknown peer"], "at once");
    send("taken");
    send("taken after it");
    t.same(told, [], "not before the peer has it");
    await clock.advance(1);
    t.same(told.splice(0), ["taken"]);
    await clock.advance(1);
    t.same(told.splice(0), ["taken after it"]);

    peers.behaviour.set(URL_A, "refuses");
    send("refused");
    await clock.advance(1);
    t.same(told.splice(0), ["refused"]);
    peers.behaviour.set(URL_A, "hangs");
    for (const what of ["hangs", "waits", "waits too"]) send(what);
    send("no room");
    t.same(told.splice(0), ["no room"]);
    await clock.advance(DATA_PLANE_DEFAULTS.deadlineMs);
    t.same(told.splice(0), ["hangs"]);
    peers.behaviour.set(URL_A, "is dead");
    await clock.advance(DATA_PLANE_DEFAULTS.deadlineMs);
    t.same(told.splice(0), ["waits", "waits too"], "nobody waits for a peer that is not there");
    send("later");
    t.same(told.splice(0), ["later"]);

    peers.behaviour.set(URL_A, "takes");
    await clock.advance(5_000);
    t.same(told, [], "nobody is told twice");
    t.same(peers.payloads(URL_A), ["taken", "taken after it", "later"], "what waited was sent all the same");
    peers.behaviour.set(URL_A, "hangs");
    send("cut off");
    plane.updatePeers({ type: "delete", nodeId: uuid(PEER) });
    t.same(told.splice(0), ["cut off"]);
    add(PEER, URL_B);
    peers.behaviour.set(URL_B, "hangs");
    send("at the end");
    const closed = plane.close();
    await clock.advance(1_000);
    await closed;
    t.same(told, [], "who sent it may send it again in another life");
  },
);
