import fc from "fast-check";
import t from "tap";
import { BoundedQueue } from "../../core/bounded-queue.js";
import { authority, formatEndpoint, parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, ERRORS } from "../../core/errors.js";
import { timestampFromMs, timestampToMs } from "../../core/event.js";
import { formatInstanceId } from "../../core/instance-id.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import { parseUuid, randomUuid, requireUuid, uuidFromBytes, uuidToBytes } from "../../core/uuid.js";
import { seededRandom } from "../kit/seeded-random.js";

const A = "11111111-2222-4333-8444-555555555555";

t.test(
  "given the UUID forms that Rust programs accept, when read, then all give the canonical text",
  async (t) => {
    for (const form of [
      A,
      A.toUpperCase(),
      A.replaceAll("-", ""),
      `{${A}}`,
      `urn:uuid:${A}`,
      `URN:UUID:${A}`,
    ])
      t.equal(parseUuid(form), A);
    for (const form of ["", "1111", `${A}0`, `{${A}`, A.replace("1", "g"), ` ${A}`, `${A.slice(0, 35)}`])
      t.equal(parseUuid(form), undefined);
    t.throws(() => requireUuid("nonsense", "node_id"), {
      code: "EDGELESS_BAD_UUID",
      message: /node_id.*nonsense/,
    });
  },
);

t.test(
  "given random bytes, when drawn as UUID, then it is version 4 and survives a trip through bytes",
  async (t) => {
    const random = seededRandom(7);
    for (let i = 0; i < 100; i++) {
      const uuid = randomUuid(random);
      t.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      t.equal(uuidFromBytes(uuidToBytes(uuid)), uuid);
    }
    fc.assert(
      fc.property(fc.string(), (text) => parseUuid(text) === undefined || parseUuid(text)?.length === 36),
    );
  },
);

t.test(
  "given URLs, when read, then scheme, host and port are told and the rest is refused with the reason",
  async (t) => {
    t.same(parseEndpoint("http://127.0.0.1:7001", "u"), { scheme: "http", host: "127.0.0.1", port: 7001 });
    t.same(parseEndpoint("https://[::1]:0/path?x", "u"), { scheme: "https", host: "::1", port: 0 });
    t.same(parseEndpoint("coap://board.local:5683", "u"), {
      scheme: "coap",
      host: "board.local",
      port: 5683,
    });
    t.equal(formatEndpoint({ scheme: "http", host: "::1", port: 80 }), "http://[::1]:80");
    t.equal(authority({ host: "h", port: 1 }), "h:1");
    for (const url of [
      "",
      "127.0.0.1:7001",
      "http://127.0.0.1",
      "ftp://h:1",
      "http://h:65536",
      "http://:1",
      "http://a b:1",
      "http://u@h:1",
    ]) {
      t.throws(
        () => parseEndpoint(url, "agent_url"),
        { code: "EDGELESS_BAD_URL", message: /agent_url/ },
        url,
      );
    }
  },
);

t.test(
  "given a policy, when tries fail, then the waits grow to the cap and start over after a success",
  async (t) => {
    const schedule = new RetrySchedule(
      { initialMs: 100, factor: 2, maximumMs: 500, jitter: 0 },
      seededRandom(1),
    );
    t.same(
      [1, 2, 3, 4].map(() => schedule.nextMs()),
      [100, 200, 400, 500],
    );
    t.equal(schedule.failures, 4);
    schedule.reset();
    t.equal(schedule.nextMs(), 100);
    const spread = new RetrySchedule(
      { initialMs: 100, factor: 1, maximumMs: 100, jitter: 0.5 },
      seededRandom(1),
    );
    for (let i = 0; i < 100; i++) {
      const wait = spread.nextMs();
      t.ok(wait > 50 && wait <= 100);
    }
  },
);

t.test(
  "given a bounded queue, when used at random, then it behaves like an array with a bound",
  async (t) => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer())), fc.integer({ min: 0, max: 50 }), (steps, capacity) => {
        const queue = new BoundedQueue<number>(capacity);
        const model: number[] = [];
        let refused = 0;
        for (const step of steps) {
          if (step === null) {
            if (queue.shift() !== model.shift()) return false;
          } else if (model.length < capacity) {
            model.push(step);
            if (!queue.push(step)) return false;
          } else {
            refused++;
            if (queue.push(step)) return false;
          }
          if (queue.length !== model.length || queue.dropped !== refused) return false;
        }
        return queue.clear() === model.length && queue.length === 0;
      }),
    );
    t.pass("model holds");
  },
);

t.test("given times and ids, when converted and printed, then they match the EDGELESS forms", async (t) => {
  t.same(timestampFromMs(1500), { seconds: 1, nanoseconds: 500_000_000 });
  t.same(timestampFromMs(-1), { seconds: -1, nanoseconds: 999_000_000 });
  t.equal(timestampToMs({ seconds: 2, nanoseconds: 250_000_000 }), 2250);
  const id = requireUuid(A, "id");
  t.equal(formatInstanceId({ nodeId: id, functionId: id }), `InstanceId(node_id: ${A}, function_id: ${A})`);
});

t.test(
  "given the catalogue of errors, when an error is made, then number and help come with it",
  async (t) => {
    const error = new EdgelessError("EDGELESS_TIMEOUT", "no answer", new Error("cause"));
    t.equal(error.help, ERRORS.EDGELESS_TIMEOUT.help);
    t.equal(error.number, 31);
    t.match(error.cause, { message: "cause" });
    const numbers = Object.values(ERRORS).map((entry) => entry.number);
    t.equal(new Set(numbers).size, numbers.length, "numbers are unique");
  },
);
