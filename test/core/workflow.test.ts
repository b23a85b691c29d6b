import fc from "fast-check";
import t from "tap";
import type { PlacementNode } from "../../core/capabilities.js";
import { parseRequirements, whyFunctionUnfit, whyResourceUnfit } from "../../core/deployment-requirements.js";
import { requireUuid } from "../../core/uuid.js";
import type { Workflow, WorkflowFunction, WorkflowResource } from "../../core/workflow.js";
import { describeFaults, validateWorkflow } from "../../core/workflow-validation.js";

const A = requireUuid("11111111-2222-4333-8444-555555555555", "A");
const B = requireUuid("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "B");

function fun(
  name: string,
  outputs: Record<string, string> = {},
  annotations: Record<string, string> = {},
): WorkflowFunction {
  return {
    name,
    functionClass: { id: "c", functionType: "RUST_WASM", version: "0.1", outputs: [] },
    outputMapping: new Map(Object.entries(outputs)),
    annotations: new Map(Object.entries(annotations)),
  };
}

function res(name: string, configurations: Record<string, string> = {}): WorkflowResource {
  return {
    name,
    classType: "file-log",
    outputMapping: new Map(),
    configurations: new Map(Object.entries(configurations)),
  };
}

function flow(
  functions: WorkflowFunction[],
  resources: WorkflowResource[] = [],
  annotations: Record<string, string> = {},
): Workflow {
  return { functions, resources, annotations: new Map(Object.entries(annotations)) };
}

const NODE: PlacementNode = {
  nodeId: A,
  labels: ["site=lab", "hostname=n1"],
  runtimes: ["RUST_WASM"],
  isTeeRunning: false,
  hasTpm: true,
  acceptsFunctions: true,
  acceptsResources: true,
  providers: [{ providerId: "log-1", classType: "file-log" }],
};

function requirements(annotations: Record<string, string>) {
  const result = parseRequirements(new Map(Object.entries(annotations)));
  if (!result.ok) throw new Error(`${result.key}: ${result.reason}`);
  return result.requirements;
}

t.test("given no or other annotations, when requirements are read, then there are none", async (t) => {
  const none = { maxInstances: 0, nodeIds: [], labels: [], providerIds: [], tee: false, tpm: false };
  t.same(requirements({}), none);
  t.same(requirements({ "init-payload": "x", other: "y", label_match_all: "" }), none);
});

t.test(
  "given all six keys, when requirements are read, then each counts, blanks and case aside",
  async (t) => {
    t.same(
      requirements({
        max_instances: "3",
        node_id_match_any: `${A}, ${B.toUpperCase()}`,
        label_match_all: "a, b=c",
        resource_match_all: "p1,p2",
        tee: "ReQuired",
        tpm: "no",
      }),
      {
        maxInstances: 3,
        nodeIds: [A, B],
        labels: ["a", "b=c"],
        providerIds: ["p1", "p2"],
        tee: true,
        tpm: false,
      },
    );
  },
);

t.test(
  "given ill-formed values, when requirements are read, then the key and the reason are told",
  async (t) => {
    t.match(parseRequirements(new Map([["max_instances", "-1"]])), { ok: false, key: "max_instances" });
    t.match(parseRequirements(new Map([["node_id_match_any", `${A},x`]])), {
      ok: false,
      key: "node_id_match_any",
      reason: /"x"/,
    });
  },
);

t.test("given a node, when each rule is broken alone, then its reason is told", async (t) => {
  t.equal(
    whyFunctionUnfit(NODE, "RUST_WASM", requirements({ label_match_all: "site=lab", tpm: "required" })),
    undefined,
  );
  t.match(whyFunctionUnfit(NODE, "CONTAINER", requirements({})), /CONTAINER/);
  t.match(whyFunctionUnfit(NODE, "", requirements({})), /run-time/);
  t.match(
    whyFunctionUnfit({ ...NODE, acceptsFunctions: false }, "RUST_WASM", requirements({})),
    /no functions/,
  );
  t.match(whyFunctionUnfit(NODE, "RUST_WASM", requirements({ node_id_match_any: B })), /node_id_match_any/);
  t.match(whyFunctionUnfit(NODE, "RUST_WASM", requirements({ label_match_all: "site=lab,x" })), /label x/);
  t.match(whyFunctionUnfit(NODE, "RUST_WASM", requirements({ resource_match_all: "log-2" })), /log-2/);
  t.match(whyFunctionUnfit(NODE, "RUST_WASM", requirements({ tee: "required" })), /trusted/);
  t.match(
    whyFunctionUnfit({ ...NODE, hasTpm: false }, "RUST_WASM", requirements({ tpm: "required" })),
    /TPM/,
  );
  t.equal(
    whyResourceUnfit(
      { ...NODE, acceptsFunctions: false },
      "file-log",
      requirements({ resource_match_all: "log-1" }),
    ),
    undefined,
  );
  t.match(whyResourceUnfit(NODE, "redis", requirements({})), /redis/);
  t.match(
    whyResourceUnfit({ ...NODE, acceptsResources: false }, "file-log", requirements({})),
    /no resources/,
  );
});

t.test(
  "given a sound workflow, when checked, then nothing is found; an empty one is sound too",
  async (t) => {
    t.same(validateWorkflow(flow([])), []);
    t.same(
      validateWorkflow(
        flow([fun("f", { out: "log", any: "f" }, { "init-payload": "8" })], [res("log", { filename: "x" })]),
      ),
      [],
    );
  },
);

t.test("given faults, when checked, then every one names its component and the reason", async (t) => {
  const faults = validateWorkflow(
    flow(
      [
        fun("a", { out: "nobody", "": "a", self: "a" }, { lable_match_all: "x", max_instances: "many" }),
        fun("b"),
        fun("b"),
        fun(""),
      ],
      [res("b"), res("r", { node_id_match_any: "z" })],
      { tee: "required", note: "free text" },
    ),
  );
  const text = describeFaults(faults);
  for (const expected of [
    /a: output out is mapped to nobody/,
    /a: an output channel has an empty name/,
    /a: the output channel self is reserved/,
    /a: unknown annotation lable_match_all \(did you mean label_match_all\?\)/,
    /a: max_instances: "many"/,
    /b: the name is used 3 times/,
    /a component has an empty name/,
    /r: node_id_match_any: "z"/,
    /the annotation tee has no effect/,
  ]) {
    t.match(text, expected);
  }
  t.equal(faults.length, 9);
});

t.test("given annotations of other tools, then only those that look misspelt are faults", async (t) => {
  const faultsOf = (key: string) => validateWorkflow(flow([fun("f", {}, { [key]: "1" })], []));
  for (const key of ["site-priority", "owner", "ttl", "fee", "label_match", ""])
    t.same(faultsOf(key), [], key);
  for (const [key, meant] of [
    ["label_match_any", "label_match_all"],
    ["Label_Match_All", "label_match_all"],
    ["init_payload", "init-payload"],
    ["max-instance", "max_instances"],
    ["TEE", "tee"],
  ] as const)
    t.match(faultsOf(key), [
      { component: "f", reason: `unknown annotation ${key} (did you mean ${meant}?)` },
    ]);
});

t.test("given any names and targets, when checked, then it never throws", async (t) => {
  const map = fc.dictionary(fc.string(), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), map, map)), (parts) => {
      validateWorkflow(flow(parts.map(([name, outputs, annotations]) => fun(name, outputs, annotations))));
    }),
  );
  t.pass("no input throws");
});
