import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import t, { type Test } from "tap";
import { readWorkflow } from "../../cli/files/workflow-file.js";
import { parseControllerConfig } from "../../control/controller/config.js";
import { startController } from "../../control/controller/start-controller.js";
import { parseOrchestratorConfig } from "../../control/orchestrator/config.js";
import { orchestratorTemplate } from "../../control/orchestrator/config-template.js";
import { startOrchestrator } from "../../control/orchestrator/start-orchestrator.js";
import { SILENT } from "../../core/log.js";
import { CONTAINER } from "../../core/specification.js";
import type { Workflow } from "../../core/workflow.js";
import { connectWorkflow } from "../../grpc-api/index.js";
import { type NodeConfig, parseNodeConfig } from "../../node/config/node-config.js";
import { nodeTemplate } from "../../node/config/node-template.js";
import { startNode } from "../../node/node.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { ContainerEngine, DOCKER, PODMAN } from "../kit/container-engine.js";
import { eventually } from "../kit/eventually.js";
import { packFunctionImage } from "../kit/function-image.js";
import { ROOT } from "../kit/repository.js";
import { FunctionProcess, SKELETON } from "../node/containers/kit/function-process.js";

t.setTimeout(180_000);

const ENVIRONMENT = { clock: systemClock, random: systemRandom, logger: SILENT };
const ANY = "http://127.0.0.1:0";

function nodeConfig(
  nodeRegisterUrl: string,
  stateFolder: string,
  containers: Partial<NodeConfig["container_runtime"]>,
): NodeConfig {
  const values = { agentUrl: ANY, invocationUrl: ANY, metricsUrl: "", httpIngressUrl: "" };
  const config = parseNodeConfig(parse(nodeTemplate({ ...values, nodeRegisterUrl, stateFolder })));
  const none = { enabled: true, guest_api_host_url: ANY, engine_socket: join(stateFolder, "none") };
  return {
    ...config,
    general: { ...config.general, subscription_refresh_interval_sec: 1 },
    container_runtime: { ...none, ...containers },
    resources: { prepend_hostname: false, file_log_provider: "file-log" },
  };
}

/** The example with its function at a URL, unless that is undefined, and its log in a folder. */
function adapted(workflow: Workflow, url: string | undefined, folder: string): Workflow {
  return {
    ...workflow,
    functions: workflow.functions.map((one) =>
      one.functionClass.functionType === CONTAINER && url !== undefined
        ? { ...one, functionClass: { ...one.functionClass, code: `grpc:${url}` } }
        : one,
    ),
    resources: workflow.resources.map((one) => ({
      ...one,
      configurations: new Map([...one.configurations, ["filename", join(folder, "container.log")]]),
    })),
  };
}

/** Runs the example in a whole system and looks at its log. */
async function runsExample(
  t: Test,
  url: string | undefined,
  containers: Partial<NodeConfig["container_runtime"]>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-container-"));
  const controller = await startController(
    parseControllerConfig({ controller_url: ANY, domain_register_url: ANY, persistence_filename: "" }),
    ENVIRONMENT,
  );
  const orchestratorConfig = parseOrchestratorConfig(
    parse(
      orchestratorTemplate({
        domainRegisterUrl: controller.domainRegisterUrl,
        orchestratorUrl: ANY,
        orchestratorUrlAnnounced: "",
        nodeRegisterUrl: ANY,
        persistencePath: "",
        metricsUrl: "",
      }),
    ),
  );
  const orchestrator = await startOrchestrator(orchestratorConfig, ENVIRONMENT);
  const node = await startNode(
    nodeConfig(orchestrator.nodeRegisterUrl, join(folder, "state"), containers),
    ENVIRONMENT,
  );
  const api = connectWorkflow(controller.controllerUrl, { deadlineMs: 20_000 });
  try {
    await eventually("the run-time is announced", async () => {
      const [domain] = (await api.domains("")).values();
      return domain?.runtimes.includes("CONTAINER") === true && domain.runtimes.includes("RUST_WASM");
    });
    t.match(node.guestApiHostUrl ?? "", /^http:\/\/\S+:[1-9]/);
    const example = readWorkflow(join(ROOT, "examples", "container", "workflow.json"));
    const result = await api.start(adapted(example, url, folder));
    if (!result.ok) throw new Error(`${result.error.summary} ${result.error.detail ?? ""}`);
    const lines = await eventually(
      "numbers",
      () => {
        const found = readFileSync(join(folder, "container.log"), "utf8").trim().split("\n");
        return found.length >= 2 && found;
      },
      60_000,
    );
    for (const line of lines) t.match(line, /^\d{4}-\S+ -?\d+(\.\d+)?$/);
    const { statuses } = (await api.inspect(result.value.workflowId)).instance;
    t.same(
      statuses.map(({ state }) => state),
      ["running", "running", "running"],
    );
    t.match(await api.start(adapted(example, "nowhere", folder)), { ok: false });
    await api.stop(result.value.workflowId);
  } finally {
    api.close();
    await node.close();
    await orchestrator.close();
    await controller.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

t.test(
  "given the example with a function outside the node, when it runs in a whole system, then the log has delayed numbers",
  async (t) => {
    const delay = await FunctionProcess.start(SKELETON, "--endpoint", "http://127.0.0.1:0");
    try {
      await runsExample(t, delay.url, {});
    } finally {
      await delay.kill();
    }
  },
);

t.test(
  "given the example with its function in a container, when it runs in a whole system, then the log has delayed numbers",
  async (t) => {
    const kind = [DOCKER, PODMAN].find(({ missing }) => missing === undefined);
    if (kind === undefined) {
      t.pass("left out", { skip: "neither Docker nor Podman can be started by this test" });
      return;
    }
    const image = await packFunctionImage("edgeless-container-skeleton", SKELETON, "--endpoint");
    const engine = await ContainerEngine.start(kind, image);
    image.remove();
    if (typeof engine === "string") {
      t.pass("left out", { skip: engine });
      return;
    }
    try {
      await runsExample(t, undefined, {
        engine_socket: engine.socket,
        guest_api_host_url: "http://0.0.0.0:0",
        guest_api_host_url_announced: `http://${kind.hostName}:0`,
      });
      const { body } = await engine.ask("GET", "/containers/json?all=true");
      t.equal(body.trim(), "[]", "no container stays");
    } finally {
      await engine.close();
    }
  },
);
