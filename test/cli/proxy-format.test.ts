import t from "tap";
import {
  describeCapabilities,
  describeHealth,
  describeProvider,
  formatUtc,
  instancesByNode,
  nodeNamer,
  nodeRow,
  statisticsOf,
} from "../../cli/proxy/proxy-format.js";
import { NO_CAPABILITIES } from "../../core/capabilities.js";
import { HEALTH_ZERO } from "../../core/health.js";
import { requireUuid } from "../../core/uuid.js";

const N = requireUuid("00000000-0000-4000-8000-000000000003", "N");
const L = requireUuid("00000000-0000-4000-8000-000000000002", "L");

t.test("given state of a domain, then it is printed in the words of the reference", async (t) => {
  const capabilities = {
    ...NO_CAPABILITIES,
    ...{ numCpus: 4, modelNameCpu: "CPU", clockFreqCpu: 2000.5, numCores: 2, memSize: 512, hasTpm: true },
    ...{ labels: ["a", "b"], runtimes: ["RUST_WASM"], diskTotSpace: 9 },
  };
  t.equal(
    describeCapabilities(capabilities),
    "4 CPU CPU(s) at 2000.5 BogoMIPS, 2 core(s), 512 MiB memory, labels [a,b], TPM, runtimes [RUST_WASM], " +
      "disk space 9 MiB, 0  GPU(s) 0 MiB",
  );
  t.equal(
    describeHealth({ ...HEALTH_ZERO, memFree: 1, totRxPkts: 7, gpuTempCels: 45_500, activePower: 3 }),
    "memory free 1 kb, used 0 kb, available 0 kb, process cpu usage 0%, memory 0 kb, vmemory 0 kb, " +
      "load avg 1 minute 0% 5 minutes 0% 15 minutes 0%, network tot rx 0 bytes (7 pkts) 0 errs, " +
      "tot tx 0 bytes (0 pkts) 0 errs, disk available 0 bytes, tot disk reads 0 writes 0, " +
      "gpu_load_perc 0%, gpu_temp_cels 45.50°, active_power 3 mW",
  );
  t.equal(
    describeProvider({ classType: "c", nodeId: N, outputs: ["x", "y"] }),
    `class_type c, node_id ${N}, outputs [x,y]`,
  );
});

t.test("given a format, then nodes are named by it", async (t) => {
  const named = new Map([[N, { ...NO_CAPABILITIES, labels: ["hostname=box", "room=1"] }]]);
  t.equal(nodeNamer("hostname", named)(N), "box");
  t.equal(nodeNamer("labels", named)(N), "hostname=box,room=1");
  t.equal(nodeNamer("uuid", named)(N), N);
  t.equal(nodeNamer("hostname", new Map([[N, NO_CAPABILITIES]]))(N), N);
  t.equal(nodeNamer("labels", new Map())(N), N, "also for a node that left");
});

t.test("given measurements, then rows hold them; given none yet, then they stay blank", async (t) => {
  const capabilities = { ...NO_CAPABILITIES, runtimes: ["A", "B"] };
  const health = {
    ...HEALTH_ZERO,
    memUsed: 1,
    memAvailable: 2,
    loadAvg1: 50,
    procCpuUsage: 7,
    activePower: 9,
  };
  t.same(nodeRow("n", capabilities, health), ["n", "A,B", "50%", "7%", "33.3%", "0%", "9 mW"]);
  t.same(nodeRow("n", capabilities, undefined), ["n", "A,B", "", "", "", "", ""]);
  const points = [0.001, 0.002, 0.0045].map((value) => ({ seconds: 0, value: `${value}` }));
  t.same(statisticsOf(points), ["2.5", "1.0", "4.5"]);
  t.same(statisticsOf([]), ["NaN", "inf", "-inf"]);
  const placed = {
    workflowId: "w",
    classId: "c",
    annotations: new Map(),
    instances: [{ nodeId: N, functionId: L }],
  };
  t.same(
    instancesByNode(new Map([[L, { kind: "function", ...placed }]])),
    new Map([[N, [{ logicalId: L, kind: "function" }]]]),
  );
});

t.test("given times, then they are written as dates with 0, 3, 6 or 9 digits", async (t) => {
  t.equal(formatUtc(0), "1970-01-01 00:00:00 UTC");
  t.equal(formatUtc(1.5), "1970-01-01 00:00:01.500 UTC");
  t.equal(formatUtc(1.00025), "1970-01-01 00:00:01.000250 UTC");
  t.match(formatUtc(1750244172.3326447), /^2025-06-18 10:56:12\.332644\d{3} UTC$/);
});
