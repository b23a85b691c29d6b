import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { controllerTemplate } from "../../control/controller/config-template.js";
import { orchestratorTemplate } from "../../control/orchestrator/config-template.js";
import { EdgelessError } from "../../core/errors.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { nodeTemplate } from "../../node/config/node-template.js";

/** The configuration files of a box, by name: file name to TOML text or path. */
export interface BoxFiles {
  readonly controller: string;
  readonly orchestrator: string;
  readonly nodes: readonly string[];
  /** Absent: a box without devices. */
  readonly gateway?: string;
}

/** How the templates of a box are made. */
export interface BoxLayout {
  readonly nodes: number;
  readonly initialPort: number;
  /** Serve other machines: bind to every interface and announce the first address that is not loopback. */
  readonly bindToNonLoopback: boolean;
  /** Folder, relative to the working directory, of everything that outlives the process; empty: keep nothing. */
  readonly stateFolder: string;
}

/** Names and texts of the configuration files of a box. Ports are given out in order from `initialPort`, past 7001 and 7002. */
export function boxTemplates(layout: BoxLayout): ReadonlyMap<string, string> {
  const { nodes, initialPort, bindToNonLoopback, stateFolder } = layout;
  const lastPort = initialPort + 9 + 4 * nodes;
  if (!(nodes >= 1) || !(initialPort >= 1) || lastPort > 65535) {
    throw new EdgelessError("EDGELESS_USAGE", `${nodes} nodes from port ${initialPort} on are not possible`);
  }
  let port = initialPort;
  const nextUrl = (host: string) => {
    while (port === 7001 || port === 7002) port++;
    return `http://${host}:${port++}`;
  };
  const host = bindToNonLoopback ? "0.0.0.0" : "127.0.0.1";
  const announced = (url: string) => (bindToNonLoopback ? "" : url);
  const kept = (name: string) => (stateFolder === "" ? "" : join(stateFolder, name));
  const orchestratorUrl = nextUrl(host);
  const nodeRegisterUrl = nextUrl(host);
  const files = new Map<string, string>();
  for (let i = 0; i < nodes; i++) {
    const agentUrl = nextUrl(host);
    const invocationUrl = nextUrl(host);
    files.set(
      nodes === 1 ? "node.toml" : `node${i}.toml`,
      nodeTemplate({
        agentUrl,
        agentUrlAnnounced: announced(agentUrl),
        invocationUrl,
        invocationUrlAnnounced: announced(invocationUrl),
        metricsUrl: nextUrl("127.0.0.1"),
        httpIngressUrl: nextUrl("127.0.0.1"),
        nodeRegisterUrl: nodeRegisterUrl.replace("0.0.0.0", "127.0.0.1"),
        providerSuffix: `${i + 1}`,
        stateFolder: join(
          stateFolder === "" ? "function_state" : join(stateFolder, "function_state"),
          `node${i}`,
        ),
      }),
    );
  }
  files.set(
    "controller.toml",
    controllerTemplate({
      persistenceFilename: kept("controller.save"),
      metricsUrl: nextUrl("127.0.0.1"),
    }),
  );
  files.set(
    "orchestrator.toml",
    orchestratorTemplate({
      domainId: `domain-${initialPort}`,
      orchestratorUrl,
      orchestratorUrlAnnounced: announced(orchestratorUrl),
      nodeRegisterUrl,
      persistencePath: kept("orchestrator.state"),
      metricsUrl: nextUrl("127.0.0.1"),
    }),
  );
  // With one node its control API is where `edgeless device` looks for it.
  files.set(
    "gateway.toml",
    gatewayTemplate({
      coapUrl: `coap://${host}:${initialPort === 7000 ? 5683 : port++}`,
      nodeRegisterUrl: nodeRegisterUrl.replace("0.0.0.0", "127.0.0.1"),
      invocationUrl: nextUrl(host),
      controlUrl: nextUrl("127.0.0.1"),
      metricsUrl: nextUrl("127.0.0.1"),
      agentHost: host,
      persistencePath: kept("gateway.state"),
    }),
  );
  return files;
}

/** The paths of the configuration files of a box in a folder, or undefined when there are none. */
export function findBoxFiles(folder: string): BoxFiles | undefined {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return undefined;
  const nodes = readdirSync(folder)
    .filter((name) => name.startsWith("node") && name.endsWith(".toml"))
    .sort();
  const controller = join(folder, "controller.toml");
  const orchestrator = join(folder, "orchestrator.toml");
  const missing = [controller, orchestrator].filter((path) => !existsSync(path));
  if (missing.length === 2 && nodes.length === 0) return undefined;
  if (missing.length > 0 || nodes.length === 0) {
    const what = missing.length > 0 ? missing.join(" and ") : join(folder, "node*.toml");
    throw new EdgelessError("EDGELESS_CONFIG_MISSING", `the box lacks ${what}`);
  }
  const gateway = join(folder, "gateway.toml");
  return {
    controller,
    orchestrator,
    nodes: nodes.map((name) => join(folder, name)),
    ...(existsSync(gateway) ? { gateway } : {}),
  };
}
