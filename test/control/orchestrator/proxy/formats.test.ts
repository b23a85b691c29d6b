import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { Dataset } from "../../../../control/orchestrator/proxy/dataset.js";
import { decimal } from "../../../../control/orchestrator/proxy/decimal.js";
import { formatIntent, type Intent, parseIntent } from "../../../../control/orchestrator/proxy/intent.js";
import { Measurements } from "../../../../control/orchestrator/proxy/measurements.js";
import {
  decodeCapabilities,
  decodeDependency,
  decodeHealth,
  decodeInstance,
  decodeProvider,
  encodeCapabilities,
  encodeDependency,
  encodeHealth,
  encodeInstance,
  encodeProvider,
} from "../../../../control/orchestrator/proxy/proxy-json.js";
import { isMirrorKey, PROXY_KEYS } from "../../../../control/orchestrator/proxy/proxy-keys.js";
import { NO_CAPABILITIES } from "../../../../core/capabilities.js";
import { HEALTH_ZERO } from "../../../../core/health.js";
import { SILENT } from "../../../../core/log.js";
import { NO_SAMPLES } from "../../../../core/samples.js";
import { requireUuid } from "../../../../core/uuid.js";
import { settle } from "../../../kit/fake-clock.js";
import { provider, resource, SimulatedDomain } from "../simulated-domain.js";

const NODE = requireUuid("11111111-2222-4333-8444-555555555555", "node");
const FUNCTION = requireUuid("66666666-7777-4888-9999-aaaaaaaaaaaa", "function");
const INSTANCE = { nodeId: NODE, functionId: FUNCTION };
const INSTANCE_TEXT = `InstanceId(node_id: ${NODE}, function_id: ${FUNCTION})`;
const REQUEST = {
  code: {
    id: "class",
    functionType: "RUST_WASM",
    version: "0.1",
    outputs: ["out"],
    binary: Uint8Array.of(1),
  },
  annotations: new Map([["tee", "required"]]),
  state: { stateId: FUNCTION, policy: "global" },
  workflowId: "w",
} as const;

t.test("given state of a domain, then its JSON is that of the reference, field by field", async (t) => {
  t.equal(
    encodeInstance({ kind: "function", request: REQUEST }, INSTANCE),
    `{"Function":[{"spec":{"id":"class","function_type":"RUST_WASM","version":"0.1","binary":null,"code":null,` +
      `"outputs":["out"]},"annotations":{"tee":"required"},"state_specification":{"state_id":"${FUNCTION}",` +
      `"state_policy":"Global"},"workflow_id":"w"},["${INSTANCE_TEXT}"]]}`,
  );
  t.match(encodeInstance({ kind: "function", request: REQUEST }, undefined), /"workflow_id":"w"\},\[\]\]\}$/);
  const specification = resource("file-log", { filename: "x" });
  t.equal(
    encodeInstance({ kind: "resource", specification }, undefined),
    `{"Resource":[{"class_type":"file-log","configuration":{"filename":"x"},"workflow_id":"workflow-1"},` +
      `"InstanceId(node_id: 00000000-0000-0000-0000-fffe00000000, function_id: 00000000-0000-0000-0000-fffd00000000)"]}`,
  );
  t.equal(
    encodeCapabilities({ ...NO_CAPABILITIES, labels: ["a"], runtimes: ["RUST_WASM"] }),
    `{"num_cpus":0,"model_name_cpu":"","clock_freq_cpu":0,"num_cores":0,"mem_size":0,"labels":["a"],` +
      `"is_tee_running":false,"has_tpm":false,"runtimes":["RUST_WASM"],"disk_tot_space":0,"num_gpus":0,` +
      `"model_name_gpu":"","mem_size_gpu":0}`,
  );
  t.equal(
    encodeHealth({ ...HEALTH_ZERO, gpuTempCels: -1000, procCpuUsage: 12.7 }),
    `{"mem_free":0,"mem_used":0,"mem_available":0,"proc_cpu_usage":12,"proc_memory":0,"proc_vmemory":0,` +
      `"load_avg_1":0,"load_avg_5":0,"load_avg_15":0,"tot_rx_bytes":0,"tot_rx_pkts":0,"tot_rx_errs":0,` +
      `"tot_tx_bytes":0,"tot_tx_pkts":0,"tot_tx_errs":0,"disk_free_space":0,"disk_tot_reads":0,` +
      `"disk_tot_writes":0,"gpu_load_perc":0,"gpu_temp_cels":-1000,"active_power":0}`,
  );
  t.equal(encodeProvider(provider("p"), NODE), `{"class_type":"rc-1","node_id":"${NODE}","outputs":[]}`);
  t.equal(encodeDependency(new Map([["out", FUNCTION]])), `{"out":"${FUNCTION}"}`);
});

t.test(
  "given what was written, then it is read back; given anything else, then nothing is read",
  async (t) => {
    t.same(decodeInstance(encodeInstance({ kind: "function", request: REQUEST }, INSTANCE)), {
      kind: "function",
      workflowId: "w",
      classId: "class",
      instances: [INSTANCE],
      annotations: REQUEST.annotations,
    });
    t.match(decodeInstance(encodeInstance({ kind: "resource", specification: resource("c") }, undefined)), {
      kind: "resource",
      classId: "c",
      instances: [],
    });
    t.same(decodeCapabilities(encodeCapabilities(NO_CAPABILITIES)), NO_CAPABILITIES);
    t.same(decodeHealth(encodeHealth(HEALTH_ZERO)), HEALTH_ZERO);
    t.same(decodeProvider(encodeProvider(provider("p"), NODE)), {
      classType: "rc-1",
      nodeId: NODE,
      outputs: [],
    });
    t.same(decodeDependency(encodeDependency(new Map([["out", FUNCTION]]))), new Map([["out", FUNCTION]]));
    const decoders = [decodeInstance, decodeCapabilities, decodeHealth, decodeProvider];
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) =>
        decoders.every((decode) => decode(text) === undefined),
      ),
    );
  },
);

t.test(
  "given numbers of any size, then they are written without an exponent and read back as they were",
  async (t) => {
    t.equal(decimal(1750244172.3326447), "1750244172.3326447");
    t.equal(decimal(1e-7), "0.0000001");
    t.equal(decimal(-1.25e-9), "-0.00000000125");
    t.equal(decimal(1.5e21), "1500000000000000000000");
    t.equal(decimal(2), "2");
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = decimal(value);
        return /^-?\d+(\.\d+)?$/.test(text) && Number(text) === value + 0;
      }),
    );
  },
);

t.test(
  "given intents, then each is read as it was written; given nonsense, then the reason is told",
  async (t) => {
    const uuid = fc.uuid().map((text) => requireUuid(text, "id"));
    const intents: fc.Arbitrary<Intent> = fc.oneof(
      fc.record({
        type: fc.constant("migrate" as const),
        logicalId: uuid,
        targets: fc.array(uuid, { maxLength: 3 }),
      }),
      fc.record({ type: fc.constant("cordon" as const), nodeId: uuid, isCordoned: fc.boolean() }),
    );
    fc.assert(
      fc.property(intents, (intent) => {
        const { key, value } = formatIntent(intent);
        const parsed = parseIntent(key, value);
        t.ok(parsed.ok && JSON.stringify(parsed.intent) === JSON.stringify(intent), key);
      }),
      { numRuns: 20 },
    );
    const reason = (key: string, value?: string) => {
      const parsed = parseIntent(key, value);
      return parsed.ok ? "accepted" : parsed.reason;
    };
    const migrate = PROXY_KEYS.migrate(FUNCTION);
    t.equal(reason(migrate, `,${NODE},,${FUNCTION},`), "accepted", "empty items are skipped");
    t.match(reason(migrate, "here"), /the target "here" is not a UUID/);
    t.match(reason(migrate), /there is no such key/);
    t.match(reason(`${migrate}:more`, ""), /is not the key of an intent/);
    t.match(reason("intent:move:x", ""), /is not the key of an intent/);
    t.match(reason("intent:migrate:x", ""), /"x" is not a UUID/);
    t.match(reason(PROXY_KEYS.cordon(NODE), "maybe"), /neither yes nor no/);
    t.match(reason(migrate, `${NODE},`.repeat(10_001)), /more than 10000 nodes/);
    fc.assert(fc.property(fc.string(), fc.string(), (key, value) => reason(key, value) !== "accepted"));
  },
);

t.test("given keys of others, then they are not taken for those of a mirror", async (t) => {
  const own = [
    ...[`instance:${NODE}`, `dependency:${NODE}`, `node:capabilities:${NODE}`, `node:health:${NODE}`],
    ...[
      `performance:${NODE}:a:b`,
      "instance:last_update",
      "node:capabilities:last_update",
      "provider:last_update",
    ],
  ];
  for (const key of own) t.equal(isMirrorKey(key), true, key);
  for (const key of [
    "instance:x",
    `instance:${NODE}:x`,
    "performance:x:y",
    "node:health:last_update",
    "x",
    "",
  ])
    t.equal(isMirrorKey(key), false, key);
  t.equal(isMirrorKey("provider:p"), "look at the value");
});

t.test("given more measurements than may wait, then the excess is dropped and counted", async (t) => {
  const domain = await SimulatedDomain.open();
  const node = await domain.addNode();
  const measurements = new Measurements(3);
  for (let i = 0; i < 5; i++)
    measurements.add({ ...node.update(1n), health: { ...HEALTH_ZERO, memFree: i } }, i);
  t.equal(measurements.waiting, 3);
  t.equal(measurements.dropped, 2);
  const [command = []] = measurements.takeCommands(2);
  t.equal(command.length, 6, "one command per sorted set");
  t.equal(measurements.takeCommands(9).length, 1);
  t.equal(measurements.takeCommands(9).length, 0);
});

t.test(
  "given dataset settings, then what happens is written as CSV in the form of the reference",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "dataset-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const settings = {
      dataset_path: join(folder, "new", "run-"),
      append: true,
      additional_fields: "1,a",
      additional_header: "seed,name",
    };
    const run = async () => {
      const dataset = new Dataset(settings, () => 1_500, SILENT);
      const domain = await SimulatedDomain.open("Random", 1, [dataset]);
      const node = await domain.addNode({ labels: ["x", "y"] });
      const f = await domain.startFunction("f");
      const samples = {
        ...NO_SAMPLES,
        initTimes: new Map([[FUNCTION, [{ time: { seconds: 7, nanoseconds: 0 }, seconds: 0.25 }]]]),
        logEntries: new Map([
          [FUNCTION, [{ time: { seconds: 8, nanoseconds: 500_000_000 }, target: "edge", message: "text" }]],
        ]),
      };
      const health = { ...HEALTH_ZERO, gpuTempCels: 45_500 };
      for (let i = 0; i < 2; i++)
        await domain.orchestrator.updateNode({ ...node.update(10_000_000_000n), health, samples });
      await settle();
      await domain.orchestrator.close();
      await dataset.close();
      return { node: node.id, f };
    };
    const { node, f } = await run();
    const lines = (name: string) =>
      readFileSync(`${settings.dataset_path}${name}.csv`, "utf8").trimEnd().split("\n");
    t.equal(readdirSync(join(folder, "new")).length, 5);
    t.same(lines("performance_samples"), [
      "seed,name,identifier,metric,timestamp,value",
      `1,a,${FUNCTION},function_init_time,7,0.25`,
      `1,a,${FUNCTION},function_init_time,7,0.25`,
    ]);
    t.equal(lines("application_logs")[1], `1,a,${FUNCTION},edge,8.5,text`);
    t.match(
      lines("mapping_to_instance_id")[1],
      new RegExp(`^1,a,1.5,${f},workflow-1,${node},[0-9a-f-]{36}$`),
    );
    t.equal(lines("capabilities")[1], `1,a,1.5,${node},1,,1000,1,0,[x;y],false,false,[RUST_WASM],0,0,,0`);
    const health = lines("health_status");
    t.equal(health.length, 3, "only when it changed");
    t.match(health[2], /,45\.5,0$/);
    for (const name of ["capabilities", "health_status"])
      for (const line of lines(name))
        t.equal(line.split(",").length, lines(name)[0]?.split(",").length, "equal fields");
    await run();
    t.equal(lines("performance_samples").length, 5, "continued without another header");
  },
);
