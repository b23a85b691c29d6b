import type { DomainCapabilities } from "../core/capabilities.js";
import type { WorkflowInfo } from "../core/workflow.js";

/** Capabilities of a domain in the words of the reference's command line. */
export function formatCapabilities(c: DomainCapabilities): string {
  const list = (items: readonly string[]) => `[${items.join(",")}]`;
  return (
    `${c.numNodes} nodes, ${c.numCpus} CPUs (${c.numCores} cores) with ${c.memSize} MiB, labels ${list(c.labels)}, ` +
    `num TEE ${c.numTee}, num TPM ${c.numTpm}, runtimes ${list(c.runtimes)}, ` +
    `resources classes ${list(c.resourceClasses)} providers ${list(c.resourceProviders)}, ` +
    `disk space ${c.diskTotSpace} MiB, ${c.numGpus} GPUs with ${c.memSizeGpu} MiB`
  );
}

/** A workflow and its placement in the lines of the reference's `workflow inspect`. */
export function formatInspection({ workflow, instance }: WorkflowInfo): string {
  const lines: string[] = [];
  for (const { name, functionClass, outputMapping, annotations } of workflow.functions) {
    const { functionType, id, version, code } = functionClass;
    lines.push(`* function ${name}`);
    lines.push(
      `run-time ${functionType} class ${id} version ${version} code ${code === undefined ? "None" : `Some("${code}")`}`,
    );
    for (const [channel, target] of outputMapping) lines.push(`OUT ${channel} -> ${target}`);
    for (const [key, value] of annotations) lines.push(`F_ANN ${key} -> ${value}`);
  }
  for (const { name, classType, outputMapping, configurations } of workflow.resources) {
    lines.push(`* resource ${name}`, classType);
    for (const [channel, target] of outputMapping) lines.push(`OUT ${channel} -> ${target}`);
    for (const [key, value] of configurations) lines.push(`CONF ${key} -> ${value}`);
  }
  lines.push("* mapping");
  for (const [key, value] of workflow.annotations) lines.push(`W_ANN ${key} -> ${value}`);
  for (const { name, domainId, logicalId } of instance.mapping) {
    lines.push(`MAP ${name} -> ${domainId} [logical ID ${logicalId}]`);
  }
  return lines.join("\n");
}

/** Where one component of a workflow stands. */
export interface ComponentRow {
  readonly name: string;
  readonly state: string;
  readonly domain: string;
  readonly node: string;
  readonly restarts: number;
  readonly reason: string;
}

/** State per component; `unknown` where the ε-CON does not report it, `pending` while the workflow waits. */
export function componentRows({ workflow, instance }: WorkflowInfo): ComponentRow[] {
  const placed = new Map(instance.mapping.map((entry) => [entry.name, entry]));
  const statuses = new Map(instance.statuses.map((status) => [status.logicalId, status]));
  const names = [...workflow.functions, ...workflow.resources].map(({ name }) => name);
  return names.map((name) => {
    const mapping = placed.get(name);
    if (mapping === undefined) {
      return {
        name,
        state: "pending",
        domain: "",
        node: "",
        restarts: 0,
        reason: "no domain can host the workflow now",
      };
    }
    const status = statuses.get(mapping.logicalId);
    return {
      name,
      state: status?.state ?? "unknown",
      domain: mapping.domainId,
      node: status?.instance?.nodeId ?? "",
      restarts: status?.restarts ?? 0,
      reason: status?.reason ?? "",
    };
  });
}

/** Rows in aligned columns, without trailing blanks. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
