import type { Command } from "commander";
import { DURATION_SERIES } from "../../control/orchestrator/proxy/measurements.js";
import type { ProxyReader, Series } from "../../control/orchestrator/proxy/proxy-reader.js";
import { requireUuid, type Uuid } from "../../core/uuid.js";
import type { WorkflowInfo } from "../../core/workflow.js";
import { systemClock } from "../../platform/system-clock.js";
import { alignColumns } from "../format.js";
import { type ProxyClient, proxyClientOf, withProxyOptions } from "../proxy/proxy-client.js";
import { nodeNamer, nodeRow, statisticsOf } from "../proxy/proxy-format.js";
import { clearScreen, repeat } from "../proxy/repeat.js";

/** Samples older than this do not count, seconds. */
const WINDOW_S = 60;

const NODE_HEAD = ["Node", "Runtimes", "Load", "Proc CPU", "Memory", "GPU util", "Power"];
const WORKFLOW_HEAD = [
  ...["Name", "Domain", "Node", "Exec Avg (ms)", "Exec Min", "Exec Max"],
  ...["Transfer Avg (ms)", "Transfer Min", "Transfer Max"],
];

/** `edgeless proxy top …`: tables that are shown again each second. */
export function addTopCommands(proxy: Command): void {
  const top = proxy.command("top").description("watch nodes or a workflow, each second");
  withProxyOptions(top.command("nodes").description("watch the nodes of the domain"))
    .option("--once", "show it once and exit")
    .action((options: { once?: boolean }, command: Command) => {
      const client = proxyClientOf(command);
      return client.redis((reader) =>
        repeat(options.once === true, async () => show(client, NODE_HEAD, await nodeRows(client, reader))),
      );
    });
  withProxyOptions(top.command("workflow <ID>").description("watch the components of a workflow"))
    .option("--once", "show it once and exit")
    .action((id: string, options: { once?: boolean }, command: Command) => {
      const client = proxyClientOf(command);
      const workflowId = requireUuid(id, "workflow id");
      return client.controller((controller) =>
        client.redis((reader) =>
          repeat(options.once === true, async () => {
            const info = await controller.inspect(workflowId);
            show(client, WORKFLOW_HEAD, await workflowRows(info, client, reader));
          }),
        ),
      );
    });
}

function show({ output }: ProxyClient, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const objects = rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
  output.result(clearScreen() + alignColumns([head, ...rows]), objects);
}

async function nodeRows({ nodeFormat }: ProxyClient, reader: ProxyReader): Promise<string[][]> {
  const nodes = await reader.capabilities();
  const health = await reader.health();
  const name = nodeNamer(nodeFormat, nodes);
  return [...nodes].map(([id, capabilities]) =>
    nodeRow(name(id), capabilities, health.get(id)?.at(-1)?.health),
  );
}

/** Measurements exist for the components in the mirrored domain only. */
async function workflowRows(
  { instance }: WorkflowInfo,
  { nodeFormat }: ProxyClient,
  reader: ProxyReader,
): Promise<string[][]> {
  const domain = await reader.domainId();
  const name = nodeNamer(nodeFormat, await reader.capabilities());
  const instances = await reader.instances();
  const series = await reader.series(systemClock.wallMs() / 1000 - WINDOW_S);
  const pointsOf = (ids: ReadonlySet<Uuid>, wanted: string) => pointsFor(series, ids, wanted);
  return instance.mapping.map(({ name: component, domainId, logicalId }) => {
    if (domainId !== domain) return [component, domainId, "", "", "", "", "", "", ""];
    const placed = instances.get(logicalId)?.instances ?? [];
    const ids = new Set(placed.map(({ functionId }) => functionId));
    return [
      ...[component, domainId, placed.map(({ nodeId }) => name(nodeId)).join(",")],
      ...statisticsOf(pointsOf(ids, DURATION_SERIES.executionTimes)),
      ...statisticsOf(pointsOf(ids, DURATION_SERIES.transferTimes)),
    ];
  });
}

function pointsFor(series: readonly Series[], ids: ReadonlySet<Uuid>, wanted: string) {
  return series
    .filter(({ functionId, name }) => name === wanted && ids.has(functionId))
    .flatMap(({ points }) => points);
}
