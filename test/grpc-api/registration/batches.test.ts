import t, { type Test } from "tap";
import type { NodeUpdate, Result } from "../../../core/api.js";
import { NO_CAPABILITIES } from "../../../core/capabilities.js";
import { EdgelessError } from "../../../core/errors.js";
import { HEALTH_ZERO } from "../../../core/health.js";
import { NO_SAMPLES } from "../../../core/samples.js";
import { connectNodesRegistration, nodeRegistrationService, startServer } from "../../../grpc-api/index.js";
import type { Service } from "../../../grpc-api/service.js";
import { uuid } from "../../node/kit/events.js";

const ANY = "http://127.0.0.1:0";
const COUNT = 300;

function updateOf(number: number): NodeUpdate {
  return {
    nodeId: uuid(number),
    agentUrl: "http://127.0.0.1:7",
    invocationUrl: "http://127.0.0.1:8",
    resourceProviders: [],
    capabilities: NO_CAPABILITIES,
    refreshDeadline: 9n,
    nonce: BigInt(number),
    health: HEALTH_ZERO,
    samples: NO_SAMPLES,
    instances: [],
    gateway: { nonce: 5n, agentUrl: "http://127.0.0.1:9" },
  };
}

/** An ε-ORC that refuses every third node and fails at every fifth. */
async function orchestrator(t: Test, isOfProject: boolean) {
  const seen: NodeUpdate[] = [];
  let requests = 0;
  const service = nodeRegistrationService({
    async updateNode(update): Promise<Result<void>> {
      seen.push(update);
      if (update.nonce % 5n === 0n) throw new Error("broken");
      return update.nonce % 3n === 0n
        ? { ok: false, error: { summary: "no", detail: "third" } }
        : { ok: true, value: undefined };
    },
  });
  const methods = service.methods.slice(0, isOfProject ? 2 : 1).map(({ definition, handler }) => ({
    definition,
    handler: (...[call, callback]: Parameters<typeof handler>) => {
      requests++;
      handler(call, callback);
    },
  }));
  const server = await startServer(ANY, [{ methods } satisfies Service]);
  t.teardown(() => server.close());
  const register = connectNodesRegistration(server.url, { deadlineMs: 10_000 });
  t.teardown(() => register.close());
  return { seen, register, server, requests: () => requests };
}

for (const isOfProject of [true, false]) {
  t.test(
    `given an orchestrator of ${isOfProject ? "this project" : "another make"}, when many nodes report, then each gets its answer, ${isOfProject ? "over few requests" : "one by one"}`,
    async (t) => {
      const { seen, register, requests } = await orchestrator(t, isOfProject);
      const results = await Promise.allSettled(
        Array.from({ length: COUNT }, (_, i) => register.updateNode(updateOf(i + 1))),
      );
      for (const [i, result] of results.entries()) {
        const number = i + 1;
        const isFine = result.status === "fulfilled" && result.value.ok;
        t.equal(isFine, number % 3 !== 0 && number % 5 !== 0, `node ${number}`);
      }
      t.match(results[2], { status: "fulfilled", value: { ok: false, error: { detail: "third" } } });
      t.equal(new Set(seen.map(({ nodeId }) => nodeId)).size, COUNT);
      t.strictSame(seen[0], updateOf(1));
      if (isOfProject) t.ok(requests() < COUNT / 20, `${requests()} requests`);
      else t.ok(requests() >= COUNT, `${requests()} requests`);
    },
  );
}

t.test("given an orchestrator that is gone, when nodes report, then all learn it", async (t) => {
  const { register, server } = await orchestrator(t, true);
  t.match(await register.updateNode(updateOf(1)), { ok: true });
  await server.close();
  const results = await Promise.allSettled([2, 4, 7].map((number) => register.updateNode(updateOf(number))));
  for (const result of results)
    t.ok(result.status === "rejected" && result.reason instanceof EdgelessError, result.status);
});
