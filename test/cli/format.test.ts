import t from "tap";
import { describeRefusal } from "../../cli/accepted.js";
import { candidates } from "../../cli/commands/completion.js";
import { alignColumns, componentRows, formatCapabilities, formatInspection } from "../../cli/format.js";
import { describeResources, resourcesToJson } from "../../cli/format-resources.js";
import { createProgram } from "../../cli/program.js";
import { waitUntilRunning } from "../../cli/wait-until-running.js";
import type { WorkflowApi } from "../../core/api.js";
import { NO_DOMAIN_CAPABILITIES } from "../../core/capabilities.js";
import type { ComponentState } from "../../core/status.js";
import { requireUuid } from "../../core/uuid.js";
import type { WorkflowInfo } from "../../core/workflow.js";
import { FakeClock } from "../kit/fake-clock.js";

const W = requireUuid("00000000-0000-4000-8000-000000000001", "W");
const L = requireUuid("00000000-0000-4000-8000-000000000002", "L");
const N = requireUuid("00000000-0000-4000-8000-000000000003", "N");

function info(state?: ComponentState, reason = ""): WorkflowInfo {
  return {
    workflow: {
      functions: [
        {
          name: "f",
          functionClass: { id: "c", functionType: "RUST_WASM", version: "0.1", outputs: [], code: "f.wasm" },
          outputMapping: new Map([["out", "log"]]),
          annotations: new Map([["init-payload", "8"]]),
        },
      ],
      resources: [
        {
          name: "log",
          classType: "file-log",
          outputMapping: new Map(),
          configurations: new Map([["filename", "x"]]),
        },
      ],
      annotations: new Map([["note", "n"]]),
    },
    instance: {
      workflowId: W,
      mapping:
        state === undefined
          ? []
          : [
              { name: "f", logicalId: L, domainId: "d" },
              { name: "log", logicalId: N, domainId: "d" },
            ],
      statuses:
        state === undefined
          ? []
          : [{ logicalId: L, state, restarts: 2, reason, instance: { nodeId: N, functionId: L } }],
    },
  };
}

t.test("given a workflow, when inspected, then the lines are those of the reference", async (t) => {
  t.equal(
    formatInspection(info("running")),
    `* function f
run-time RUST_WASM class c version 0.1 code Some("f.wasm")
OUT out -> log
F_ANN init-payload -> 8
* resource log
file-log
CONF filename -> x
* mapping
W_ANN note -> n
MAP f -> d [logical ID ${L}]
MAP log -> d [logical ID ${N}]`,
  );
});

t.test("given capabilities, when printed, then the line is that of the reference", async (t) => {
  t.equal(
    formatCapabilities({
      ...NO_DOMAIN_CAPABILITIES,
      numNodes: 1,
      numCpus: 4,
      numCores: 2,
      memSize: 5,
      labels: ["a", "b"],
      runtimes: ["RUST_WASM"],
    }),
    "1 nodes, 4 CPUs (2 cores) with 5 MiB, labels [a,b], num TEE 0, num TPM 0, runtimes [RUST_WASM], " +
      "resources classes [] providers [], disk space 0 MiB, 0 GPUs with 0 MiB",
  );
});

t.test(
  "given component states, when listed, then placed, unknown and waiting ones are told apart",
  async (t) => {
    t.match(componentRows(info("crashed", "trap")), [
      { name: "f", state: "crashed", node: N, restarts: 2, reason: "trap" },
      { name: "log", state: "unknown", node: "" },
    ]);
    t.match(componentRows(info()), [{ state: "pending", reason: /no domain/ }, { state: "pending" }]);
    t.equal(
      alignColumns([
        ["a", "", "b"],
        ["ccc", "d", ""],
      ]),
      "a       b\nccc  d",
    );
  },
);

t.test(
  "given a workflow that starts, when waited for, then running, failed and late ones end differently",
  async (t) => {
    const clock = new FakeClock();
    const api = (states: WorkflowInfo[]): WorkflowApi => ({
      start: () => Promise.reject(new Error("unused")),
      stop: () => Promise.reject(new Error("unused")),
      list: () => Promise.reject(new Error("unused")),
      domains: () => Promise.reject(new Error("unused")),
      migrate: () => Promise.reject(new Error("unused")),
      inspect: async () => (states.length > 1 ? states.shift() : states[0]) ?? info(),
    });
    const run = async (states: WorkflowInfo[]) => {
      const outcome = waitUntilRunning(api(states), W, 5000, clock).then(
        () => "running",
        (error: { code: string; message: string }) => `${error.code} ${error.message}`,
      );
      await clock.advance(10_000);
      return outcome;
    };
    t.equal(await run([info(), info("starting"), info("running")]), "running");
    t.match(
      await run([info("failed", "no export memory")]),
      /EDGELESS_NOT_RUNNING .*cannot run: f is failed: no export memory$/,
    );
    t.match(
      await run([info("pending", "no node")]),
      /EDGELESS_NOT_RUNNING .*does not run after 5 s: f is pending: no node$/,
    );
    t.match(
      await run([info("crashed", "it trapped")]),
      /EDGELESS_NOT_RUNNING .*: f crashed: it trapped \(started again \d+ times so far\)$/,
    );
  },
);

t.test(
  "given resource classes, when described, then text and JSON have the forms of the reference",
  async (t) => {
    const classes = [
      {
        classType: "c",
        version: "1.0",
        outputs: ["a", "b"],
        configurations: new Map([["k", "meaning"]]),
        description: "does it",
      },
      { classType: "d", version: "1.1", outputs: [], configurations: new Map(), description: "too" },
    ];
    t.equal(
      describeResources(classes),
      `----------
class_type: c
version: 1.0
outputs: [a,b]
configurations:
  - k: meaning
description:
does it

----------
class_type: d
version: 1.1
outputs: []
description:
too

`,
    );
    t.same(JSON.parse(resourcesToJson(classes))[0], {
      class_type: "c",
      description: "does it",
      version: "1.0",
      outputs: ["a", "b"],
      configurations: { k: "meaning" },
    });
  },
);

t.test("given words typed so far, when completed, then commands and options are offered", async (t) => {
  const program = createProgram();
  t.ok(candidates(program, [""]).includes("workflow"));
  t.notOk(candidates(program, [""]).includes("complete"), "the helper itself is hidden");
  t.same(candidates(program, ["workflow", "st"]), ["start", "status", "stop"]);
  t.ok(candidates(program, ["workflow", "start", "--"]).includes("--wait"));
});

t.test("given a refusal, when described, then it is one line without repetitions", async (t) => {
  t.equal(describeRefusal({ summary: "no" }), "no");
  t.equal(describeRefusal({ summary: "no: full", detail: "full" }), "no: full");
  t.equal(describeRefusal({ summary: "Unknown workflow id", detail: W }, [W]), "Unknown workflow id");
  t.equal(describeRefusal({ summary: "no", detail: "x".repeat(600) }), `no: ${"x".repeat(500)}…`);
  const dump =
    'could not start workflow: SpawnWorkflowRequest { functions: [WorkflowFunction { name: "f" } ] }';
  t.match(describeRefusal({ summary: "Request rejected", detail: dump }), /^Request rejected: .* its log$/);
});
