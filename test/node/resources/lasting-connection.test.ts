import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { isConnectionLost } from "../../../node/resources/is-connection-lost.js";
import { LastingConnection } from "../../../node/resources/lasting-connection.js";
import { urlWithoutSecrets } from "../../../node/resources/url-without-secrets.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { keepingLogger } from "../kit/resource-fixture.js";

const gone = () => new EdgelessError("EDGELESS_UNREACHABLE", "connection refused");

/** A peer that the test switches on and off; connections are numbers. */
function peer(open?: () => Promise<number>) {
  const clock = new FakeClock();
  const logger = keepingLogger();
  const state = { up: true, opened: 0, tries: [] as number[], closed: [] as number[] };
  const lasting = new LastingConnection<number>({
    clock,
    random: seededRandom(3),
    logger,
    peer: "the peer",
    patienceMs: 1_000,
    openTimeoutMs: 400,
    open:
      open ??
      (async () => {
        state.tries.push(clock.monotonicMs());
        if (!state.up) throw gone();
        return ++state.opened;
      }),
    close: async (connection) => {
      state.closed.push(connection);
    },
    isLost: isConnectionLost,
  });
  const ask = async (connection: number) => {
    if (!state.up) throw gone();
    return connection;
  };
  return { clock, logger, state, lasting, ask };
}

/** How a promise ends, as text. */
function outcomeOf(promise: Promise<unknown>): { text: string } {
  const outcome = { text: "open" };
  promise.then(
    (value) => {
      outcome.text = String(value);
    },
    (error: unknown) => {
      outcome.text = error instanceof EdgelessError ? `${error.code}: ${error.message}` : String(error);
    },
  );
  return outcome;
}

t.test("given a short interruption, when it is used, then the use waits and succeeds", async (t) => {
  const { clock, state, lasting, ask, logger } = peer();
  t.equal(await lasting.use(ask, false), 1, "the first use connects");
  state.up = false;
  const repeatable = outcomeOf(lasting.use(ask, true));
  await clock.advance(300);
  t.equal(repeatable.text, "open", "it waits");
  const later = outcomeOf(lasting.use(ask, false));
  state.up = true;
  await clock.advance(400);
  t.equal(repeatable.text, "2");
  t.equal(later.text, "2", "whoever came meanwhile waited too");
  t.same(state.closed, [1]);
  t.match(logger.lines, [
    /^warn the connection to the peer is interrupted/,
    /^info the peer is reached again/,
  ]);
  await lasting.close();
});

t.test("given work that must not run twice, when its connection breaks, then it fails", async (t) => {
  const { clock, state, lasting, ask } = peer();
  await lasting.use(ask, false);
  let runs = 0;
  const once = outcomeOf(
    lasting.use(async () => {
      runs++;
      throw gone();
    }, false),
  );
  await clock.advance(100);
  t.match(once.text, /EDGELESS_UNREACHABLE/);
  t.equal(runs, 1);
  t.equal(await lasting.use(ask, false), 2, "the next one has a new connection");
  state.up = false;
  await lasting.close();
});

t.test("given a long interruption, then uses fail at once, tries go on with pauses that grow", async (t) => {
  const { clock, state, lasting, ask, logger } = peer();
  state.up = false;
  const first = outcomeOf(lasting.use(ask, true));
  await clock.advance(999);
  t.equal(first.text, "open");
  await clock.advance(2);
  t.equal(first.text, "EDGELESS_UNREACHABLE: the peer cannot be reached: connection refused");
  const second = outcomeOf(lasting.use(ask, true));
  await settle();
  t.match(second.text, /UNREACHABLE/, "patience ended with the interruption, not with the use");
  await clock.advance(60_000);
  const gaps = state.tries.slice(1).map((at, i) => at - (state.tries[i] as number));
  t.ok(Math.max(...gaps) <= 5_000 && Math.max(...gaps) > 3_000, "at most 5 s apart");
  t.ok((gaps[0] as number) <= 50, "soon at first");
  t.ok(state.tries.length < 35, `${state.tries.length} tries`);
  t.ok(logger.lines.length < 20, "the log is not flooded");
  state.up = true;
  await clock.advance(5_000);
  t.equal(await lasting.use(ask, true), 1, "it resumes by itself");
  await lasting.close();
});

t.test(
  "given a peer that takes no connection, then a try ends in time and a late one is freed",
  async (t) => {
    const opening: ((connection: number) => void)[] = [];
    const { clock, lasting, state, ask } = peer(() => new Promise((resolve) => opening.push(resolve)));
    const connecting = outcomeOf(lasting.connect());
    await clock.advance(401);
    t.equal(connecting.text, "EDGELESS_TIMEOUT: the peer did not answer within 400 ms");
    opening[0]?.(77);
    await settle();
    t.same(state.closed, [77]);
    const waiting = outcomeOf(lasting.use(ask, true));
    await settle();
    await lasting.close();
    await settle();
    t.match(waiting.text, /UNREACHABLE/, "closing frees whoever waits");
    opening[1]?.(78);
    await settle();
    t.same(state.closed, [77, 78]);
    const after = outcomeOf(lasting.use(ask, true));
    await clock.advance(10_000);
    t.match(after.text, /UNREACHABLE/);
    t.equal(opening.length, 2, "nothing is tried after closing");
    t.equal(clock.pending, 0);
  },
);

t.test("given errors of the work itself, then the connection stays", async (t) => {
  const { lasting, state } = peer();
  await t.rejects(
    lasting.use(async () => {
      throw new EdgelessError("EDGELESS_REJECTED", "no");
    }, true),
    { code: "EDGELESS_REJECTED" },
  );
  t.equal(await lasting.use(async (connection) => connection, true), 1);
  lasting.lose(99, gone());
  t.equal(await lasting.use(async (connection) => connection, true), 1, "an older connection is not ours");
  t.same(state.closed, []);
  await lasting.close();
  t.same(state.closed, [1]);
});

t.test("given URLs with passwords, when they are made fit for logs, then the secrets are gone", async (t) => {
  t.equal(urlWithoutSecrets("redis://user:pass@host:6379/1?x=secret#y"), "redis://host:6379/1");
  t.equal(urlWithoutSecrets("postgres://u:p%40@db.example/name"), "postgres://db.example/name");
  t.equal(urlWithoutSecrets("nonsense pass"), "(not a URL)");
});
