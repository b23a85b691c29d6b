import type { Command } from "commander";
import { parseBalancerConfig } from "../../control/balancer/config.js";
import { balancerTemplate } from "../../control/balancer/config-template.js";
import { parseControllerConfig } from "../../control/controller/config.js";
import { controllerTemplate } from "../../control/controller/config-template.js";
import { parseOrchestratorConfig } from "../../control/orchestrator/config.js";
import { orchestratorTemplate } from "../../control/orchestrator/config-template.js";
import { parseGatewayConfig } from "../../gateway/config.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { parseNodeConfig } from "../../node/config/node-config.js";
import { nodeTemplate } from "../../node/config/node-template.js";
import { systemEnvironment } from "../environment.js";
import { readConfig, writeTemplate } from "../files/toml-file.js";
import { describeResources, resourcesToJson } from "../format-resources.js";
import { type Closeable, untilSignal } from "../until-signal.js";

interface DaemonOptions {
  readonly configFile: string;
  readonly template?: string;
}

/** `edgeless con`, `edgeless orc`, `edgeless bal`, `edgeless node`: one component as a process of its own. */
export function addDaemonCommands(program: Command): void {
  daemon(program, "con", "run a controller (ε-CON)", "controller.toml", controllerTemplate, async (file) => {
    const config = readConfig(file, parseControllerConfig);
    const { startController } = await import("../../control/controller/start-controller.js");
    const controller = await startController(config, systemEnvironment("con", "info"));
    announce(
      `controller (ε-CON): clients at ${controller.controllerUrl}, domains at ${controller.domainRegisterUrl}`,
    );
    return controller;
  });
  daemon(
    program,
    "orc",
    "run an orchestrator (ε-ORC)",
    "orchestrator.toml",
    orchestratorTemplate,
    async (file) => {
      const config = readConfig(file, parseOrchestratorConfig);
      const { startOrchestrator } = await import("../../control/orchestrator/start-orchestrator.js");
      const orchestrator = await startOrchestrator(config, systemEnvironment("orc", "info"));
      announce(
        `orchestrator (ε-ORC): controller side at ${orchestrator.orchestratorUrl}, nodes at ${orchestrator.nodeRegisterUrl}`,
      );
      return orchestrator;
    },
  );
  daemon(program, "bal", "run a balancer (ε-BAL)", "balancer.toml", balancerTemplate, async (file) => {
    const config = readConfig(file, parseBalancerConfig);
    const { startBalancer } = await import("../../control/balancer/start-balancer.js");
    const balancer = await startBalancer(config, systemEnvironment("bal", "info"));
    const { local, portal, metricsUrl } = balancer;
    const metrics = metricsUrl === undefined ? "" : `, metrics at ${metricsUrl}/metrics`;
    announce(
      `balancer (ε-BAL) of ${config.general.domain}: agent at ${local.agentUrl}, in the portal domain at ${portal.agentUrl}${metrics}`,
    );
    return balancer;
  });
  daemon(program, "gateway", "run a gateway for devices", "gateway.toml", gatewayTemplate, async (file) => {
    const config = readConfig(file, parseGatewayConfig);
    const { startGateway } = await import("../../gateway/start-gateway.js");
    const gateway = await startGateway(config, systemEnvironment("gateway", "info"));
    const control = gateway.controlUrl === undefined ? "" : `, control at ${gateway.controlUrl}`;
    announce(`gateway: devices at ${gateway.coapUrl}, data plane at ${gateway.invocationUrl}${control}`);
    return gateway;
  });
  daemon(program, "node", "run a node", "node.toml", nodeTemplate, async (file) => {
    const config = readConfig(file, parseNodeConfig);
    const { startNode } = await import("../../node/node.js");
    const node = await startNode(config, systemEnvironment("node", "info"));
    const metrics = node.metricsUrl === undefined ? "" : `, metrics at ${node.metricsUrl}/metrics`;
    announce(`node ${node.nodeId}: agent at ${node.agentUrl}, data plane at ${node.invocationUrl}${metrics}`);
    return node;
  })
    .option("--available-resources", "print the resource classes that a node can offer")
    .option("--output-json", "with --available-resources: as JSON")
    .option("--json", "the same as --output-json");
}

function daemon(
  program: Command,
  name: string,
  description: string,
  defaultFile: string,
  template: () => string,
  start: (file: string) => Promise<Closeable>,
): Command {
  return program
    .command(name)
    .description(description)
    .option("-c, --config-file <FILE>", "configuration", defaultFile)
    .option("-t, --template <FILE>", "write a default configuration to FILE and exit")
    .action(
      async (
        options: DaemonOptions & { availableResources?: boolean; outputJson?: boolean; json?: boolean },
      ) => {
        if (options.availableResources === true) {
          const { resourceCatalogue } = await import("../../node/resources/resource-catalogue.js");
          const asJson = options.outputJson === true || options.json === true;
          process.stdout.write(
            asJson ? `${resourcesToJson(resourceCatalogue)}\n` : describeResources(resourceCatalogue),
          );
        } else if (options.template !== undefined) writeTemplate(options.template, template());
        else await untilSignal(await start(options.configFile));
      },
    );
}

function announce(line: string): void {
  process.stdout.write(`${line}\n`);
}
