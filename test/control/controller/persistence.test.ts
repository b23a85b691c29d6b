import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { parseControllerConfig } from "../../../control/controller/config.js";
import { ControllerStore } from "../../../control/controller/controller-store.js";
import { importReferenceFile } from "../../../control/controller/reference-file.js";
import { type RunningController, startController } from "../../../control/controller/start-controller.js";
import { decodeWorkflow, encodeWorkflow } from "../../../control/controller/stored-records.js";
import type { WorkflowRecord } from "../../../control/controller/workflow-record.js";
import type { Logger } from "../../../core/log.js";
import { SILENT } from "../../../core/log.js";
import { requireUuid, type Uuid } from "../../../core/uuid.js";
import {
  connectDomainRegistration,
  connectWorkflow,
  orchestratorServices,
  type RunningServer,
  startServer,
} from "../../../grpc-api/index.js";
import { openLevelStore } from "../../../platform/store/level-store.js";
import { MemoryStore } from "../../../platform/store/memory-store.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { readMetrics } from "../../kit/metrics-page.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { accepted, Cluster, fn, refused, res, workflow } from "./cluster.js";
import { nextId, SimulatedOrchestrator } from "./simulated-orchestrator.js";

const ID = "30000000-0000-4000-8000-000000000001" as Uuid;

function record(workflowId: Uuid, code: Uint8Array): WorkflowRecord {
  const f1 = fn("f1", ["r1"], { "init-payload": "é" });
  return {
    workflowId,
    workflow: workflow(
      [{ ...f1, functionClass: { ...f1.functionClass, code: "./f1.wasm", binary: code } }, fn("__proto__")],
      [res("r1", ["f1"])],
    ),
    stateIds: new Map([["f1", nextId()]]),
    crossings: [
      { id: 7, source: "f1", channel: "out", target: "r1", from: "domain-1", to: "d2", portal: "p" },
    ],
    placements: new Map([
      [
        "f1",
        { component: "f1", kind: "function", domainId: "d", nonce: 0xffffffffffffffffn, logicalId: nextId() },
      ],
    ]),
  };
}

async function keys(
  store: { entries(prefix: string): AsyncIterable<readonly [string, Uint8Array]> },
  prefix = "",
) {
  const found: string[] = [];
  for await (const [key] of store.entries(prefix)) found.push(key);
  return found;
}

t.test(
  "given workflows with code, when stored and loaded, then they are equal and code is kept once",
  async (t) => {
    const store = new MemoryStore();
    const records = new ControllerStore(store, SILENT);
    const code = new Uint8Array(1000).fill(7);
    const all = Array.from({ length: 10 }, () => record(nextId(), code.slice()));
    await Promise.all(all.map((item) => records.saveWorkflow(item, [])));
    t.equal((await keys(store, "code/")).length, 2, "two modules, ten workflows");
    const loaded = await new ControllerStore(store, SILENT).load();
    t.same(loaded.workflows, all);
    const again = new ControllerStore(store, SILENT);
    await again.load();
    for (const item of all.slice(1)) await again.removeWorkflow(item, []);
    t.equal((await keys(store, "code/")).length, 2);
    const [last] = all;
    if (last !== undefined) await again.removeWorkflow(last, []);
    t.same(await keys(store), []);
  },
);

t.test("given any text in a workflow, when it is written and read, then it is the same", async (t) => {
  const map = fc.array(fc.tuple(fc.string(), fc.string())).map((entries) => new Map(entries));
  fc.assert(
    fc.property(fc.string(), map, map, (name, outputs, annotations) => {
      const base = record(ID, new Uint8Array([1]));
      const before: WorkflowRecord = {
        ...base,
        workflow: {
          functions: base.workflow.functions.map((item) => ({
            ...item,
            name,
            outputMapping: outputs,
            annotations,
          })),
          resources: [{ name, classType: name, outputMapping: outputs, configurations: annotations }],
          annotations,
        },
      };
      const codes = new Map<string, Uint8Array>();
      const bytes = encodeWorkflow(before, (binary) => {
        const digest = String(binary.length).padStart(64, "0");
        codes.set(digest, binary);
        return digest;
      });
      t.same(
        decodeWorkflow(bytes, (digest) => codes.get(digest)),
        before,
      );
    }),
    { numRuns: 30 },
  );
});

t.test(
  "given ill-formed records, when the store is loaded, then they are set aside and the others are there",
  async (t) => {
    const store = new MemoryStore();
    await new ControllerStore(store, SILENT).saveWorkflow(record(ID, new Uint8Array([1])), []);
    const junk = new TextEncoder().encode("{not json");
    const missingCode = new TextDecoder()
      .decode(await store.get(`workflow/${ID}`))
      .replace(/"binary":"[0-9a-f]{8}/, '"binary":"00000000');
    await store.write([
      { key: "domain/broken", value: junk },
      { key: "workflow/a", value: junk },
      { key: "workflow/b", value: new TextEncoder().encode(missingCode) },
      { key: "workflow/c", value: Uint8Array.of(0xff, 0xfe) },
      { key: "stop/x", value: new TextEncoder().encode("{}") },
    ]);
    const told: unknown[] = [];
    const logger: Logger = { ...SILENT, error: (_message, fields) => told.push(fields?.key) };
    const { workflows, domains, debts } = await new ControllerStore(store, logger).load();
    t.same(
      workflows.map(({ workflowId }) => workflowId),
      [ID],
    );
    t.equal(domains.length + debts.length, 0);
    t.same(told, ["domain/broken", "workflow/a", "workflow/b", "workflow/c", "stop/x"]);
    t.equal((await keys(store, "broken/")).length, 5);
    t.equal((await new ControllerStore(store, SILENT).load()).workflows.length, 1);
  },
);

t.test(
  "given the store fails, when a workflow starts, then it is refused, rolled back and all goes on",
  async (t) => {
    class FailingStore extends MemoryStore {
      broken = false;
      override write(changes: Parameters<MemoryStore["write"]>[0]): Promise<void> {
        return this.broken ? Promise.reject(new Error("the disk is full")) : super.write(changes);
      }
    }
    const store = new FailingStore();
    const cluster = new Cluster(1, store);
    await cluster.controller.open();
    const orc = await cluster.join("d");
    const kept = accepted(await cluster.controller.start(workflow([fn("f1")])));
    store.broken = true;
    t.match(refused(await cluster.controller.start(workflow([fn("f1")]))), /the disk is full/);
    t.equal(orc.running.size, 1);
    await t.rejects(cluster.controller.stop(kept.workflowId), { message: /the disk is full/ });
    t.same(
      await cluster.controller.list(),
      [kept.workflowId],
      "what was not forgotten on disk is not forgotten",
    );
    store.broken = false;
    await cluster.controller.stop(kept.workflowId);
    t.equal(orc.running.size, 0);
  },
);

const REFERENCE = {
  workflows: [
    [
      ID,
      {
        functions: [
          {
            name: "f1",
            class_specification: {
              id: "f1",
              function_type: "RUST_WASM",
              version: "0.1",
              binary: [0, 97, 115, 109],
              code: null,
              outputs: ["o"],
            },
            output_mapping: { o: "r1" },
            annotations: { "made-up": "x" },
          },
        ],
        resources: [{ name: "r1", class_type: "test-res", output_mapping: {}, configurations: { a: "b" } }],
        annotations: {},
      },
    ],
    ["not-a-uuid", {}],
    [ID.replace(/1$/, "2"), { functions: [], resources: [], annotations: {} }],
    [ID.replace(/1$/, "3"), { functions: [{ name: "" }], resources: [], annotations: {} }],
  ],
};

t.test(
  "given the file of a reference controller, when it is taken over, then its workflows are there",
  async (t) => {
    const path = join(t.testdir({ "controller.save": JSON.stringify(REFERENCE) }), "controller.save");
    mkdirSync(`${path}.importing`);
    await importReferenceFile(path, seededRandom(1), SILENT);
    await importReferenceFile(path, seededRandom(1), SILENT);
    t.same(JSON.parse(readFileSync(`${path}.imported`, "utf8")), REFERENCE);
    const store = await openLevelStore(path);
    const { workflows } = await new ControllerStore(store, SILENT).load();
    t.same(await keys(store, "broken/"), ["broken/reference/1", "broken/reference/3"]);
    await store.close();
    t.same(
      workflows.map(({ workflowId }) => workflowId),
      [ID, ID.replace(/1$/, "2")],
    );
    t.match(workflows[0]?.workflow.functions[0], {
      functionClass: { binary: Uint8Array.of(0, 97, 115, 109), outputs: ["o"] },
      outputMapping: new Map([["o", "r1"]]),
      annotations: new Map([["made-up", "x"]]),
    });
    t.equal(workflows[0]?.workflow.functions[0]?.functionClass.code, undefined);
  },
);

t.test("given a file that is something else, then it is not touched and the error names it", async (t) => {
  const path = join(t.testdir({ notes: "shopping list" }), "notes");
  await t.rejects(importReferenceFile(path, seededRandom(1), SILENT), {
    code: "EDGELESS_STORE_BROKEN",
    message: /notes is a file, but not of a reference controller/,
  });
  t.equal(readFileSync(path, "utf8"), "shopping list");
});

t.test("given an import was cut off after the file was renamed, then it is finished", async (t) => {
  const path = join(t.testdir({ "c.importing": { x: "y" } }), "c");
  await importReferenceFile(path, seededRandom(1), SILENT);
  t.ok(existsSync(join(path, "x")));
});

const environment = { clock: systemClock, random: systemRandom, logger: SILENT };

const config = (persistence: string) =>
  parseControllerConfig({
    controller_url: "http://127.0.0.1:0",
    domain_register_url: "http://127.0.0.1:0",
    persistence_filename: persistence,
    telemetry: { metrics_url: "http://127.0.0.1:0" },
  });

/** A simulated ε-ORC behind real gRPC. */
async function serve(t: { teardown(action: () => unknown): void }): Promise<SimulatedOrchestrator> {
  const orchestrator = new SimulatedOrchestrator("d", systemClock);
  const server: RunningServer = await startServer("http://127.0.0.1:0", orchestratorServices(orchestrator));
  t.teardown(() => server.close());
  Object.assign(orchestrator, { url: server.url });
  return orchestrator;
}

t.test("given the real thing over gRPC, when it restarts with its folder, then it goes on", async (t) => {
  const path = join(t.testdir(), "controller.save");
  const orchestrator = await serve(t);
  const running: RunningController[] = [];
  const start = async () => {
    const controller = await startController(config(path), environment);
    running.push(controller);
    const clients = connectWorkflow(controller.controllerUrl, { deadlineMs: 5_000 });
    const domains = connectDomainRegistration(controller.domainRegisterUrl, { deadlineMs: 5_000 });
    t.teardown(() => {
      clients.close();
      domains.close();
    });
    return { controller, clients, domains };
  };
  const first = await start();
  t.equal(await orchestrator.refresh(first.domains), true);
  await t.rejects(startController(config(path), environment), { code: "EDGELESS_STORE_LOCKED" });
  const { workflowId } = accepted(await first.clients.start(workflow([fn("f1", ["r1"])], [res("r1")])));
  t.same(orchestrator.runningFor(workflowId), ["f1", "r1"]);
  t.match(
    refused(await first.clients.start(workflow([fn("f1", ["gone"])]))),
    /f1: output to-gone is mapped to gone/,
  );
  const metrics = await readMetrics(first.controller.metricsUrl ?? "");
  const own = 'component="controller"';
  t.equal(metrics.get(`edgeless_domains{${own},presence="present"}`), 1);
  t.equal(metrics.get(`edgeless_workflows{${own},state="running"}`), 1);
  t.equal(metrics.get(`edgeless_placed_components{${own}}`), 2);
  t.equal(metrics.get(`edgeless_workflow_deploy_seconds_count{${own},outcome="placed"}`), 1);
  const called = (call: string) =>
    `edgeless_orchestrator_call_seconds_count{call="${call}",${own},outcome="done"}`;
  t.equal(metrics.get(called("start")), 2);
  t.equal(metrics.get(called("patch")), 1);
  const rpc = `edgeless_rpc_seconds_count{${own},method="WorkflowInstance/Start",status`;
  t.equal(metrics.get(`${rpc}="OK"}`), 2, "a refusal is an answer");
  await first.controller.close();
  const second = await start();
  t.same(await second.clients.list(), [workflowId]);
  t.equal(await orchestrator.refresh(second.domains), false, "the domain is known");
  t.same(orchestrator.runningFor(workflowId), ["f1", "r1"]);
  await t.rejects(second.clients.inspect(requireUuid(ID, "id")), { message: new RegExp(ID) });
  await second.clients.stop(workflowId);
  t.equal(orchestrator.running.size, 0);
  await second.controller.close();
});

t.test(
  "given one URL for clients and domains, then one server does both; a port in use is told",
  async (t) => {
    const probe = await startServer("http://127.0.0.1:0", []);
    const url = probe.url;
    const shared = { ...config(""), controller_url: url, domain_register_url: url };
    await t.rejects(startController(shared, environment), { code: "EDGELESS_PORT_IN_USE" });
    await probe.close();
    const controller = await startController(shared, environment);
    t.equal(controller.controllerUrl, url);
    t.equal(controller.domainRegisterUrl, url);
    const clients = connectWorkflow(url, { deadlineMs: 5_000 });
    const domains = connectDomainRegistration(url, { deadlineMs: 5_000 });
    t.equal(await new SimulatedOrchestrator("d", systemClock).refresh(domains), true);
    t.same([...(await clients.domains("")).keys()], ["d"]);
    clients.close();
    domains.close();
    await controller.close();
  },
);

t.test(
  "given a persistence file of a reference controller, then its workflows start in the first domain",
  async (t) => {
    const path = join(t.testdir(), "controller.save");
    writeFileSync(path, JSON.stringify(REFERENCE));
    const orchestrator = await serve(t);
    const controller = await startController(config(path), environment);
    const domains = connectDomainRegistration(controller.domainRegisterUrl, { deadlineMs: 5_000 });
    await orchestrator.refresh(domains);
    const deadline = Date.now() + 5_000;
    while (orchestrator.runningFor(ID).length < 2 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    t.same(orchestrator.runningFor(ID), ["f1", "test-res"]);
    domains.close();
    await controller.close();
  },
);
