import fc from "fast-check";
import t from "tap";
import { whyUnfit } from "../../../control/orchestrator/fitness.js";
import { drawWeighted, powerOf, RoundRobin } from "../../../control/orchestrator/node-selection.js";
import { ProviderOwners } from "../../../control/orchestrator/provider-owners.js";
import { NO_CAPABILITIES, type PlacementNode } from "../../../core/capabilities.js";
import { parseRequirements } from "../../../core/deployment-requirements.js";
import { requireUuid, type Uuid } from "../../../core/uuid.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { resource, SimulatedDomain } from "./simulated-domain.js";

const uuid = (n: number): Uuid =>
  requireUuid(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, "test");

function requirementsOf(annotations: Record<string, string>) {
  const parsed = parseRequirements(new Map(Object.entries(annotations)));
  if (!parsed.ok) throw new Error(`${parsed.key}: ${parsed.reason}`);
  return parsed.requirements;
}

const NODE: PlacementNode = {
  nodeId: uuid(1),
  labels: ["red", "green"],
  runtimes: ["RUST_WASM"],
  isTeeRunning: true,
  hasTpm: false,
  acceptsFunctions: true,
  acceptsResources: true,
  providers: [{ providerId: "disk", classType: "file-log" }],
};

t.test("given annotations, then all six requirements are read, and nothing else (ORC-14)", async (t) => {
  const none = { maxInstances: 0, nodeIds: [], labels: [], providerIds: [], tee: false, tpm: false };
  t.strictSame(requirementsOf({}), none);
  t.strictSame(requirementsOf({ colour: "red", "init-payload": "tee=required" }), none);
  t.strictSame(
    requirementsOf({
      max_instances: "42",
      node_id_match_any: `${uuid(1)}, ${uuid(2)}`,
      label_match_all: "red, green",
      resource_match_all: "disk,camera",
      tee: "rEqUiReD",
      tpm: "required",
    }),
    {
      maxInstances: 42,
      nodeIds: [uuid(1), uuid(2)],
      labels: ["red", "green"],
      providerIds: ["disk", "camera"],
      tee: true,
      tpm: true,
    },
  );
});

t.test(
  "given a node, then each requirement alone and together decides as the reference does (LOGIC-1)",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const whyNot = (annotations: Record<string, string>, functionType = "RUST_WASM", node = NODE) => {
      const request = domain.functionRequest("f");
      const code = { ...request.code, functionType };
      return whyUnfit(node, { kind: "function", request: { ...request, code } }, requirementsOf(annotations));
    };
    t.equal(whyNot({}), undefined);
    t.match(whyNot({}, "RUST"), /run-time/, "the run-time is an exact string");
    t.match(whyNot({}, ""), /run-time/);
    t.equal(whyNot({ node_id_match_any: uuid(1) }), undefined);
    t.equal(whyNot({ node_id_match_any: `${uuid(2)},${uuid(1)}` }), undefined);
    t.match(whyNot({ node_id_match_any: uuid(2) }), /node_id_match_any/);
    t.equal(whyNot({ label_match_all: "red,green" }), undefined);
    t.match(whyNot({ label_match_all: "red,blue" }), /label blue/);
    t.match(whyNot({ label_match_all: "Red" }), /label Red/);
    t.equal(whyNot({ resource_match_all: "disk" }), undefined);
    t.match(whyNot({ resource_match_all: "file-log" }), /provider file-log/, "a provider id, not a class");
    t.equal(whyNot({ tee: "required" }), undefined);
    t.match(whyNot({ tpm: "Required" }), /TPM/);
    t.equal(whyNot({ tpm: "optional" }), undefined);
    const all = {
      node_id_match_any: uuid(1),
      label_match_all: "red",
      resource_match_all: "disk",
      tee: "required",
    };
    t.equal(whyNot(all), undefined);
    t.match(whyNot({ ...all, tpm: "required" }), /TPM/);
    t.match(whyNot({}, "RUST_WASM", { ...NODE, acceptsFunctions: false }), /accepts no functions/);

    const forResource = (configuration: Record<string, string>, node = NODE) =>
      whyUnfit(
        node,
        { kind: "resource", specification: resource("file-log", configuration) },
        requirementsOf(configuration),
      );
    t.equal(
      forResource({}, { ...NODE, acceptsFunctions: false }),
      undefined,
      "no CPU is needed for a resource",
    );
    t.equal(forResource({ resource_match_all: "disk" }), undefined);
    t.match(forResource({ resource_match_all: "disk,camera" }), /provider camera/);
    t.match(forResource({}, { ...NODE, providers: [] }), /class file-log/);
  },
);

t.test(
  "given nodes of different power, when drawn at random, then each is drawn in proportion",
  async (t) => {
    const power = (numCpus: number, numCores: number, clockFreqCpu: number) =>
      powerOf({ ...NO_CAPABILITIES, numCpus, numCores, clockFreqCpu });
    t.equal(power(4, 8, 1000), 8000);
    t.equal(power(8, 4, 1000), 8000);
    t.equal(power(8, 4, 0), 1);
    t.equal(power(8, 4, Number.NaN), 1);
    const random = seededRandom(7);
    const candidates = [
      { nodeId: uuid(1), weight: 1000 },
      { nodeId: uuid(2), weight: 3000 },
    ];
    let second = 0;
    for (let i = 0; i < 4000; i++) if (drawWeighted(candidates, random) === uuid(2)) second++;
    t.ok(second > 2850 && second < 3150, `${second} of 4000`);
    t.equal(drawWeighted([], random), undefined);
  },
);

t.test("given round robin, then nodes take turns in a stable order, whoever joins or leaves", async (t) => {
  const turns = new RoundRobin();
  const candidates = (...numbers: number[]) => numbers.map((n) => ({ nodeId: uuid(n), weight: 1 }));
  const next = (...numbers: number[]) => turns.next(candidates(...numbers));
  t.equal(next(), undefined);
  t.equal(next(3, 1, 5), uuid(1));
  t.equal(next(5, 1, 3), uuid(3));
  t.equal(next(5, 1, 4, 3), uuid(4));
  t.equal(next(1, 3), uuid(1));
  t.equal(next(1), uuid(1));
  t.equal(next(2, 1), uuid(2));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 20 }), async (numbers) => {
      const fair = new RoundRobin();
      const drawn = numbers.map(() => fair.next(candidates(...numbers)));
      if (new Set(drawn).size !== numbers.length) throw new Error("not everybody had a turn");
    }),
  );
});

t.test(
  "given any claims of provider ids, then a claimed one has exactly one owner, who claims it",
  async (t) => {
    const claim = fc.tuple(fc.nat(4), fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 }));
    const holds = fc.property(fc.array(claim), (claims) => {
      const owners = new ProviderOwners();
      const wanted = new Map<Uuid, string[]>();
      for (const [node, ids] of claims) {
        const before = ["a", "b", "c"].map((id) => owners.ownerOf(id));
        owners.claim(uuid(node), ids);
        wanted.set(uuid(node), ids);
        for (const [i, id] of ["a", "b", "c"].entries()) {
          const owner = owners.ownerOf(id);
          const claimants = [...wanted]
            .filter(([, claimed]) => claimed.includes(id))
            .map(([nodeId]) => nodeId);
          if (
            claimants.length === 0 ? owner !== undefined : owner === undefined || !claimants.includes(owner)
          )
            throw new Error(`${id} is owned by ${owner}`);
          const former = before[i];
          if (former !== undefined && claimants.includes(former) && owner !== former)
            throw new Error(`${id} changed its owner without need`);
        }
      }
    });
    t.doesNotThrow(() => fc.assert(holds));
  },
);
