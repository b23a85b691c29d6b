import { parse } from "smol-toml";
import { parseControllerConfig } from "../../control/controller/config.js";
import { parseOrchestratorConfig } from "../../control/orchestrator/config.js";
import { parseGatewayConfig } from "../../gateway/config.js";
import { parseNodeConfig } from "../../node/config/node-config.js";
import { readConfig } from "../files/toml-file.js";
import { type BoxFiles, type BoxLayout, boxTemplates } from "./box-files.js";
import type { BoxConfig } from "./start-box.js";

/** Reads the configuration files of a box. */
export function readBoxConfig(files: BoxFiles): BoxConfig {
  return {
    controller: readConfig(files.controller, parseControllerConfig),
    orchestrator: readConfig(files.orchestrator, parseOrchestratorConfig),
    nodes: files.nodes.map((path) => readConfig(path, parseNodeConfig)),
    ...(files.gateway === undefined ? {} : { gateway: readConfig(files.gateway, parseGatewayConfig) }),
  };
}

/** The configuration that the templates of a layout give, without writing them. */
export function templateBoxConfig(layout: BoxLayout): BoxConfig {
  const texts = [...boxTemplates(layout)];
  const raw = (start: string) =>
    texts.filter(([name]) => name.startsWith(start)).map(([, text]) => parse(text));
  return {
    controller: parseControllerConfig(raw("controller")[0]),
    orchestrator: parseOrchestratorConfig(raw("orchestrator")[0]),
    nodes: raw("node").map(parseNodeConfig),
    gateway: parseGatewayConfig(raw("gateway")[0]),
  };
}
