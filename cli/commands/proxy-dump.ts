import type { Command } from "commander";
import type { WorkflowApi } from "../../core/api.js";
import type { Uuid } from "../../core/uuid.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { type ProxyClient, proxyClientOf, withProxyOptions } from "../proxy/proxy-client.js";
import { formatUtc } from "../proxy/proxy-format.js";

/** `edgeless proxy dump …`: what the mirror holds, as files in the working directory or as CSV. */
export function addDumpCommands(proxy: Command): void {
  const dump = proxy.command("dump").description("save what the mirror holds");
  withProxyOptions(
    dump.command("performance").description("save each measured series as a file <series>-<instance>.dat"),
  ).action(async (_options: unknown, command: Command) => {
    const client = proxyClientOf(command);
    const series = await client.redis((reader) => reader.series());
    for (const { functionId, name, points } of series) {
      const lines = points.map(({ seconds, value }) => `${formatUtc(seconds)},${value}\n`);
      save(client, `${fileNameOf(name)}-${functionId}.dat`, lines.join(""));
    }
  });
  withProxyOptions(
    dump.command("performance-csv").description("print all measured series as CSV, with component names"),
  ).action(async (_options: unknown, command: Command) => {
    const client = proxyClientOf(command);
    const names = await client.controller(componentNames);
    const rows = await performanceRows(client, names);
    client.output.result(
      ["metric,name,lid,timestamp,value", ...rows.map((row) => row.join(","))].join("\n"),
      rows.map(([metric, name, lid, timestamp, value]) => ({ metric, name, lid, timestamp, value })),
    );
  });
  withProxyOptions(
    dump.command("instances").description("save each component as a file fun-<LID>.json or res-<LID>.json"),
  ).action(async (_options: unknown, command: Command) => {
    const client = proxyClientOf(command);
    for (const [logicalId, text] of await client.redis((reader) => reader.rawInstances())) {
      const request = requestIn(text);
      if (request === undefined) client.output.note(`instance ${logicalId} cannot be read`);
      else save(client, `${request.prefix}-${logicalId}.json`, `${JSON.stringify(request.value, null, 2)}\n`);
    }
  });
}

async function performanceRows(
  { redis }: ProxyClient,
  names: ReadonlyMap<Uuid, string>,
): Promise<[metric: string, name: string, lid: string, timestamp: string, value: string][]> {
  return await redis(async (reader) => {
    const logicalIds = new Map<Uuid, Uuid>();
    for (const [logicalId, { instances }] of await reader.instances())
      for (const { functionId } of instances) logicalIds.set(functionId, logicalId);
    const series = await reader.series();
    return series.flatMap(({ functionId, name: metric, points }) => {
      const logicalId = logicalIds.get(functionId);
      const name = logicalId === undefined ? undefined : names.get(logicalId);
      if (logicalId === undefined || name === undefined) return [];
      return points.map(({ seconds, value }): [string, string, string, string, string] => [
        ...([metric, name, logicalId, formatUtc(seconds), value] as const),
      ]);
    });
  });
}

/** Component names of all workflows by logical id. */
async function componentNames(controller: WorkflowApi): Promise<ReadonlyMap<Uuid, string>> {
  const names = new Map<Uuid, string>();
  for (const workflowId of await controller.list()) {
    for (const { logicalId, name } of (await controller.inspect(workflowId)).instance.mapping)
      names.set(logicalId, name);
  }
  return names;
}

function save({ output }: ProxyClient, file: string, text: string): void {
  writeFileAtomically(file, text);
  output.result(`saving to ${file}`, { file });
}

/** The targets of log lines may be any text. */
function fileNameOf(series: string): string {
  return series.replace(/[^A-Za-z0-9_.-]/g, "_");
}

/** The request or specification inside the value of an instance key. */
function requestIn(text: string): { readonly prefix: "fun" | "res"; readonly value: unknown } | undefined {
  try {
    const raw = JSON.parse(text) as { Function?: [unknown]; Resource?: [unknown] };
    if (raw.Function !== undefined) return { prefix: "fun", value: raw.Function[0] };
    return raw.Resource === undefined ? undefined : { prefix: "res", value: raw.Resource[0] };
  } catch {
    return undefined;
  }
}
