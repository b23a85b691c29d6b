import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { DomainRegistrationApi, WorkflowApi } from "../../../core/api.js";
import type { Uuid } from "../../../core/uuid.js";
import {
  type Connection,
  connectDomainRegistration,
  connectWorkflow,
  orchestratorServices,
  startServer,
} from "../../../grpc-api/index.js";
import { systemClock } from "../../../platform/system-clock.js";
import { fn, res, workflow } from "./cluster.js";
import { SimulatedOrchestrator } from "./simulated-orchestrator.js";

interface ControllerProcess {
  readonly child: ChildProcess;
  readonly clients: WorkflowApi & Connection;
  readonly domains: DomainRegistrationApi & Connection;
}

/** An ε-CON as a process of its own, on ports that the system chooses. */
async function startProcess(folder: string): Promise<ControllerProcess> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const source = (path: string) =>
    JSON.stringify(new URL(`../../../${path}.${extension}`, import.meta.url).href);
  const script = join(folder, "controller.mjs");
  writeFileSync(
    script,
    `import { startController } from ${source("control/controller/start-controller")};
import { systemClock as clock } from ${source("platform/system-clock")};
import { systemRandom as random } from ${source("platform/system-random")};
import { SILENT as logger } from ${source("core/log")};
const controller = await startController(
  {
    controller_url: "http://127.0.0.1:0",
    domain_register_url: "http://127.0.0.1:0",
    persistence_filename: process.argv[2],
    start_timeout_ms: 5000,
    call_timeout_ms: 5000,
    telemetry: { metrics_url: "" },
  },
  { clock, random, logger },
);
process.send({ clients: controller.controllerUrl, domains: controller.domainRegisterUrl });
`,
  );
  const child = fork(script, [join(folder, "state")], { execArgv: process.execArgv });
  const urls = await new Promise<{ clients: string; domains: string }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { clients: string; domains: string }));
    child.once("exit", () => reject(new Error("the controller did not start")));
  });
  return {
    child,
    clients: connectWorkflow(urls.clients, { deadlineMs: 10_000 }),
    domains: connectDomainRegistration(urls.domains, { deadlineMs: 2_000 }),
  };
}

async function end({ child, clients, domains }: ControllerProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  clients.close();
  domains.close();
}

t.test(
  "given starts and stops under way, when the ε-CON is killed, then nothing acknowledged is lost",
  async (t) => {
    const folder = t.testdir();
    const orchestrator = new SimulatedOrchestrator("d", systemClock);
    orchestrator.reports = true;
    const server = await startServer("http://127.0.0.1:0", orchestratorServices(orchestrator));
    Object.assign(orchestrator, { url: server.url });
    const request = workflow([fn("f1", ["f2"]), fn("f2", ["r1"])], [res("r1")]);
    const started = new Set<Uuid>();
    const toStop = new Set<Uuid>();
    const stopped = new Set<Uuid>();
    const first = await startProcess(folder);
    await orchestrator.refresh(first.domains);
    await new Promise<void>((killed, failed) => {
      const work = async () => {
        for (;;) {
          const result = await first.clients.start(request);
          if (!result.ok) continue;
          started.add(result.value.workflowId);
          if (started.size === 30) end(first).then(killed, failed);
          if (started.size % 3 === 0) {
            toStop.add(result.value.workflowId);
            await first.clients.stop(result.value.workflowId);
            stopped.add(result.value.workflowId);
          }
        }
      };
      // Each ends with the process that it talks to.
      for (let i = 0; i < 4; i++) work().catch(() => undefined);
    });
    const second = await startProcess(folder);
    t.equal(await orchestrator.refresh(second.domains), false, "the domain is known");
    const wrong = async () => {
      await orchestrator.refresh(second.domains);
      const left = new Map(orchestrator.running);
      let missing = 0;
      const listed = await second.clients.list();
      for (const workflowId of listed) {
        const { mapping } = (await second.clients.inspect(workflowId)).instance;
        missing += 3 - mapping.length;
        for (const { name, logicalId } of mapping) {
          if (left.get(logicalId)?.name !== name) missing++;
          left.delete(logicalId);
        }
      }
      const lost = [...started].filter((id) => !toStop.has(id) && !listed.includes(id)).length;
      const undead = listed.filter((id) => stopped.has(id)).length;
      return { missing, leftovers: left.size, lost, undead };
    };
    const right = { missing: 0, leftovers: 0, lost: 0, undead: 0 };
    const deadline = Date.now() + 10_000;
    let found = await wrong();
    while (JSON.stringify(found) !== JSON.stringify(right) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      found = await wrong();
    }
    t.same(found, right);
    await end(second);
    await server.close();
  },
);
