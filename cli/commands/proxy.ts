import type { Command } from "commander";
import type { Intent } from "../../control/orchestrator/proxy/intent.js";
import type { ProxyReader } from "../../control/orchestrator/proxy/proxy-reader.js";
import { EdgelessError } from "../../core/errors.js";
import { parseUuid, requireUuid, type Uuid } from "../../core/uuid.js";
import { type ProxyClient, proxyClientOf, withProxyOptions } from "../proxy/proxy-client.js";
import {
  describeCapabilities,
  describeHealth,
  describeProvider,
  instancesByNode,
  nodeNamer,
} from "../proxy/proxy-format.js";
import { addDumpCommands } from "./proxy-dump.js";
import { addTopCommands } from "./proxy-top.js";

/** `edgeless proxy …`: the mirror of a domain in Redis, seen and used as a delegated orchestrator does. */
export function addProxyCommands(program: Command): void {
  const proxy = withProxyOptions(
    program.command("proxy").description("see the mirror of a domain in Redis and submit intents"),
  );
  addShowCommands(proxy);
  addTopCommands(proxy);
  addIntentCommands(proxy);
  addDumpCommands(proxy);
}

function addShowCommands(proxy: Command): void {
  const show = proxy.command("show").description("print the state of the domain");
  leaf(show, "functions", "print on which nodes the functions run", async ({ output }, reader) => {
    const entries = [...(await reader.instances())].filter(([, { kind }]) => kind === "function");
    const nodes = entries.map(([id, { instances }]) => [id, instances.map(({ nodeId }) => nodeId)] as const);
    output.result(arrows(nodes.filter(([, ids]) => ids.length > 0)), Object.fromEntries(nodes));
  });
  leaf(show, "resources", "print on which nodes the resources run", async (client, reader) => {
    const name = nodeNamer(client.nodeFormat, await reader.capabilities());
    const entries = [...(await reader.instances())].filter(([, { kind }]) => kind === "resource");
    const nodes = entries.map(([id, { instances }]) => [id, instances.map(({ nodeId }) => nodeId)] as const);
    client.output.result(
      arrows(nodes.map(([id, ids]) => [id, ids.length === 0 ? ["none"] : ids.map(name)])),
      Object.fromEntries(nodes),
    );
  });
  leaf(show, "logical-to-physical", "print the instances of the components", async ({ output }, reader) => {
    const ids = [...(await reader.instances())].map(
      ([id, { instances }]) => [id, instances.map(({ functionId }) => functionId)] as const,
    );
    output.result(arrows(ids.filter(([, physical]) => physical.length > 0)), Object.fromEntries(ids));
  });
  leaf(show, "logical-to-workflow", "print the workflows of the components", async ({ output }, reader) => {
    const ids = [...(await reader.instances())].map(([id, { workflowId }]) => [id, workflowId] as const);
    output.result(arrows(ids.map(([id, workflow]) => [id, [workflow]])), Object.fromEntries(ids));
  });
  addShowNodeCommands(show.command("node").description("print the state of the nodes"));
}

function addShowNodeCommands(node: Command): void {
  leaf(node, "capabilities", "print what the nodes can do", async ({ output, nodeFormat }, reader) => {
    const nodes = await reader.capabilities();
    const name = nodeNamer(nodeFormat, nodes);
    output.result(
      arrows([...nodes].map(([id, capabilities]) => [name(id), [describeCapabilities(capabilities)]])),
      Object.fromEntries(nodes),
    );
  });
  leaf(node, "resource-providers", "print the resource providers", async ({ output }, reader) => {
    const providers = await reader.providers();
    output.result(
      arrows([...providers].map(([id, provider]) => [id, [describeProvider(provider)]])),
      Object.fromEntries(providers),
    );
  });
  leaf(
    node,
    "health",
    "print the last health report of the nodes",
    async ({ output, nodeFormat }, reader) => {
      const name = nodeNamer(nodeFormat, await reader.capabilities());
      const latest = [...(await reader.health())].flatMap(([id, reports]) => {
        const last = reports.at(-1);
        return last === undefined ? [] : [[id, last.health] as const];
      });
      output.result(
        arrows(latest.map(([id, health]) => [name(id), [describeHealth(health)]])),
        Object.fromEntries(latest),
      );
    },
  );
  leaf(node, "instances", "print what runs on each node", async ({ output, nodeFormat }, reader) => {
    const name = nodeNamer(nodeFormat, await reader.capabilities());
    const nodes = instancesByNode(await reader.instances());
    const lines = [...nodes].flatMap(([id, items]) => [
      name(id),
      ...items.map(({ kind, logicalId }) => `[${kind === "function" ? "F" : "R"}] ${logicalId}`),
    ]);
    output.result(lines.join("\n"), Object.fromEntries(nodes));
  });
}

function addIntentCommands(proxy: Command): void {
  const intent = proxy.command("intent").description("ask the orchestrator for something");
  const command = (usage: string, description: string) =>
    withProxyOptions(intent.command(usage).description(description));
  command("migrate <LID> <NODE>", "move a component to a node").action(
    (logicalId: string, node: string, _options: unknown, self: Command) =>
      submit(self, node, (target) => ({
        type: "migrate",
        logicalId: requireUuid(logicalId, "logical id"),
        targets: [target],
      })),
  );
  command("cordon <NODE>", "let a node take nothing new").action(
    (node: string, _options: unknown, self: Command) =>
      submit(self, node, (nodeId) => ({ type: "cordon", nodeId, isCordoned: true })),
  );
  command("uncordon <NODE>", "let a cordoned node take again").action(
    (node: string, _options: unknown, self: Command) =>
      submit(self, node, (nodeId) => ({ type: "cordon", nodeId, isCordoned: false })),
  );
}

async function submit(command: Command, node: string, intentFor: (node: Uuid) => Intent): Promise<void> {
  const client = proxyClientOf(command);
  await client.redis(async (reader) => {
    const intent = intentFor(await findNode(node, client, reader));
    await reader.submit([intent]);
    client.output.result("", intent);
  });
}

/** A node given by its id or by the name that the other commands print. */
async function findNode(text: string, { nodeFormat }: ProxyClient, reader: ProxyReader): Promise<Uuid> {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  const nodes = await reader.capabilities();
  const name = nodeNamer(nodeFormat, nodes);
  const found = [...nodes.keys()].filter((nodeId) => name(nodeId) === text);
  const [first] = found;
  if (first === undefined) throw new EdgelessError("EDGELESS_USAGE", `there is no node ${text}`);
  if (found.length > 1)
    throw new EdgelessError("EDGELESS_USAGE", `${found.length} nodes are called ${text}: give the id of one`);
  return first;
}

function leaf(
  group: Command,
  name: string,
  description: string,
  print: (client: ProxyClient, reader: ProxyReader) => Promise<void>,
): void {
  withProxyOptions(group.command(name).description(description)).action(
    async (_options: unknown, command: Command) => {
      const client = proxyClientOf(command);
      await client.redis((reader) => print(client, reader));
    },
  );
}

function arrows(entries: readonly (readonly [string, readonly string[]])[]): string {
  return entries.map(([key, values]) => `${key} -> ${values.join(",")}`).join("\n");
}
