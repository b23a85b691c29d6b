import t from "tap";
import { acceptUpdate, completeUpdate, type Domain } from "../../../control/controller/domain.js";
import { aggregateCapabilities } from "../../../control/orchestrator/domain-capabilities.js";
import type { DomainReport } from "../../../control/orchestrator/domain-report.js";
import { DomainSubscriber } from "../../../control/orchestrator/domain-subscriber.js";
import type { DomainUpdate, DomainUpdateAnswer } from "../../../core/api.js";
import { NO_CAPABILITIES, NO_DOMAIN_CAPABILITIES } from "../../../core/capabilities.js";
import { SILENT } from "../../../core/log.js";
import { RUST_WASM } from "../../../core/specification.js";
import { randomUuid } from "../../../core/uuid.js";
import { updateDomainMethod } from "../../../grpc-api/domain-registration.js";
import { UpdateDomainRequest } from "../../../grpc-api/generated/messages.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";

const INTERVAL_MS = 2_000;
/** What a gRPC server of the reference takes. */
const MOST_BYTES = 4 * 1024 * 1024;

/** A domain of devices that offer seven resources each. */
function domainOf(devices: number): DomainReport {
  const random = seededRandom(3);
  const nodes = Array.from({ length: devices }, (_, i) => {
    const nodeId = randomUuid(random);
    const classes = ["scd30-sensor", "epaper-display", "gpio-in", "gpio-out", "adc", "pwm-out", "i2c-sensor"];
    return {
      nodeId,
      labels: [
        ...(i === devices - 1 ? ["portal-domain=d"] : []),
        `device=board-${i}`,
        "board=emulated-esp32",
        "gateway=host",
      ],
      runtimes: [RUST_WASM],
      isTeeRunning: false,
      hasTpm: false,
      acceptsFunctions: true,
      acceptsResources: true,
      providers: classes.map((classType) => ({
        providerId: `board-${i}-${nodeId.slice(0, 8)}-${classType}-1`,
        classType,
      })),
    };
  });
  return {
    domainId: "d",
    orchestratorUrl: "http://127.0.0.1:7003",
    capabilities: aggregateCapabilities(
      nodes.map((placement) => ({ placement, facts: { capabilities: NO_CAPABILITIES } })),
    ),
    counter: 5n,
    nonce: 1n,
    nodes,
    components: [],
  };
}

/** A subscriber with a controller that answers as it is told. */
function subscribed(report: () => DomainReport, answer: (update: DomainUpdate) => DomainUpdateAnswer) {
  const clock = new FakeClock();
  const updates: DomainUpdate[] = [];
  const subscriber = new DomainSubscriber({
    register: {
      async updateDomain(update) {
        updates.push(update);
        return { ok: true, value: answer(update) };
      },
    },
    clock,
    logger: SILENT,
    intervalMs: INTERVAL_MS,
    report,
    sequence: () => 0,
    onReset: () => {},
  });
  return { clock, updates, subscriber };
}

/** A controller of this project, as far as it keeps offers. */
function controller() {
  const state: { known: Domain | undefined; changes: string[] } = { known: undefined, changes: [] };
  const answer = (sent: DomainUpdate): DomainUpdateAnswer => {
    const update = completeUpdate(state.known, sent);
    if (update === undefined) return { reset: false };
    const { domain, change } = acceptUpdate(state.known, update, 4_000, 0);
    state.known = domain;
    state.changes.push(change);
    return { reset: false, keepsOffer: true };
  };
  return { state, answer };
}

t.test(
  "given a controller of this project, then it gets what is offered once, and again when it changed or was lost",
  async (t) => {
    let report = domainOf(3);
    const { state, answer } = controller();
    const { clock, updates, subscriber } = subscribed(() => report, answer);
    subscriber.start();
    await clock.advance(2 * INTERVAL_MS);
    t.strictSame(
      updates.map(({ isSameOffer }) => isSameOffer === true),
      [false, true, true],
    );
    t.strictSame(state.changes, ["joined", "none", "none"]);
    t.strictSame(state.known?.nodes, report.nodes);
    t.strictSame(state.known?.capabilities, report.capabilities);

    report = { ...domainOf(4), counter: 6n };
    subscriber.changed();
    await clock.advance(200);
    t.equal(updates.length, 4);
    t.strictSame(state.known?.nodes, report.nodes);
    t.equal(state.changes.at(-1), "capabilities");

    state.known = undefined;
    await clock.advance(INTERVAL_MS);
    t.strictSame(
      updates.slice(4).map(({ isSameOffer }) => isSameOffer === true),
      [true, false],
      "it says that it does not know, and is told at once",
    );
    t.equal((state.known as Domain | undefined)?.nodes?.length, 4);
    subscriber.close();
  },
);

t.test(
  "given a controller of the reference and ten thousand devices, then updates stay within its messages, with all that decides placement",
  async (t) => {
    const report = domainOf(10_000);
    const { clock, updates, subscriber } = subscribed(
      () => report,
      () => ({ reset: false }),
    );
    subscriber.start();
    await clock.advance(2 * INTERVAL_MS);
    t.ok(updates.length >= 3);
    const sizes = updates.map((update) => updateDomainMethod.request.encode(update).length);
    t.ok(Math.max(...sizes) < MOST_BYTES / 1.5, `${Math.max(...sizes)} bytes`);
    for (const { capabilities, counter, isSameOffer, nodes } of updates) {
      t.strictSame([counter, isSameOffer, nodes], [5n, undefined, undefined]);
      t.strictSame(capabilities.runtimes, [RUST_WASM]);
      t.equal(capabilities.resourceClasses.length, 7);
      t.ok(capabilities.labels.includes("portal-domain=d"));
      t.equal(capabilities.numNodes, 10_000);
    }
    subscriber.close();
  },
);

t.test("given a small domain and a controller of the reference, then it is told every name", async (t) => {
  const report = domainOf(5);
  const { clock, updates, subscriber } = subscribed(
    () => report,
    () => ({ reset: false }),
  );
  subscriber.start();
  await clock.advance(INTERVAL_MS);
  t.strictSame(updates[1]?.capabilities.resourceProviders, report.capabilities.resourceProviders);
  t.equal(updates[1]?.capabilities.labels.length, report.capabilities.labels.length);
  subscriber.close();
});

t.test(
  "given an update without its offer, when another controller reads it, then its counter is older than any that follows",
  async (t) => {
    const update: DomainUpdate = {
      ...domainOf(0),
      capabilities: NO_DOMAIN_CAPABILITIES,
      refreshDeadline: 9n,
      isSameOffer: true,
    };
    const { nodes: _nodes, ...bare } = update;
    const bytes = updateDomainMethod.request.encode(bare);
    t.match(updateDomainMethod.request.decode(bytes), { counter: 5n, isSameOffer: true });
    t.equal(UpdateDomainRequest.decode(bytes).counter, 0n);
  },
);
