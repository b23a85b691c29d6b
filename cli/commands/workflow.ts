import type { Command } from "commander";
import type { WorkflowApi } from "../../core/api.js";
import { EdgelessError } from "../../core/errors.js";
import { requireUuid, type Uuid } from "../../core/uuid.js";
import type { WorkflowInstance } from "../../core/workflow.js";
import { systemClock } from "../../platform/system-clock.js";
import { accepted, describeRefusal } from "../accepted.js";
import { clientOf, withClientOptions } from "../client-command.js";
import { readWorkflow, workflowWarnings } from "../files/workflow-file.js";
import { alignColumns, componentRows, formatInspection } from "../format.js";
import type { Output } from "../output.js";
import { untilSignal } from "../until-signal.js";
import { waitUntilRunning } from "../wait-until-running.js";
import { WatchedWorkflow, type WatchedWorkflowParts } from "../watch/watched-workflow.js";

interface StartOptions {
  readonly wait?: boolean;
  readonly timeout: string;
  readonly watch?: boolean;
}

/** `edgeless workflow …`: everything a client can do with workflows. */
export function addWorkflowCommands(program: Command): void {
  const workflow = program.command("workflow").description("start, watch, move and stop workflows");

  withClientOptions(
    workflow.command("start <SPEC>").description("start the workflow in a JSON file; prints its id"),
  )
    .option("--wait", "return only when every component runs")
    .option("--timeout <SECONDS>", "with --wait: give up after so long", "60")
    .option(
      "--watch",
      "build functions from the source beside their module, and replace the workflow when a file of it is saved, until Ctrl-C",
    )
    .action(async (path: string, options: StartOptions, command: Command) => {
      const { output, controller } = clientOf(command);
      if (options.watch === true) {
        await controller((api) => watch({ path, api, clock: systemClock, output }));
        return;
      }
      const spec = readWorkflow(path);
      for (const warning of workflowWarnings(path, spec)) output.note(`Warning: ${warning}`);
      const timeoutMs = secondsOption(options.timeout, "--timeout");
      await controller(async (api) => {
        const instance = accepted(await api.start(spec));
        output.result(instance.workflowId, describe(instance));
        if (options.wait === true) await waitUntilRunning(api, instance.workflowId, timeoutMs, systemClock);
      });
    });

  withClientOptions(
    workflow.command("stop <ID>").description("stop a workflow, or all of them with the id all"),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { output, controller } = clientOf(command);
    await controller(async (api) => {
      for (const workflowId of await selected(api, id)) {
        await api.stop(workflowId);
        output.result(`Workflow ${workflowId} stopped`, { workflowId, stopped: true });
      }
    });
  });

  withClientOptions(workflow.command("list").description("print the ids of the known workflows")).action(
    async (_options: unknown, command: Command) => {
      const { output, controller } = clientOf(command);
      const ids = await controller((api) => api.list());
      output.result(ids.join("\n"), ids);
    },
  );

  withClientOptions(
    workflow
      .command("inspect <ID>")
      .description("print what a workflow is made of and where it runs (ID or all)"),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { output, controller } = clientOf(command);
    await controller(async (api) => {
      for (const workflowId of await selected(api, id)) {
        const info = await api.inspect(workflowId);
        const head = id === "all" ? `** workflow ${workflowId}\n` : "";
        output.result(head + formatInspection(info), info);
      }
    });
  });

  withClientOptions(
    workflow
      .command("status <ID>")
      .description("print where each component of a workflow stands (ID or all)"),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { output, controller } = clientOf(command);
    await controller(async (api) => {
      for (const workflowId of await selected(api, id)) {
        const rows = componentRows(await api.inspect(workflowId));
        const table = rows.map((row) => [
          row.name,
          row.state,
          row.domain,
          row.node,
          row.restarts > 0 ? `restarts ${row.restarts}` : "",
          row.reason,
        ]);
        const head = id === "all" ? `** workflow ${workflowId}\n` : "";
        output.result(head + alignColumns(table), { workflowId, components: rows });
      }
    });
  });

  withClientOptions(
    workflow.command("migrate <ID> <DOMAIN>").description("move a workflow to another domain"),
  ).action((id: string, domain: string, _options: unknown, command: Command) =>
    migrate(command, id, domain, ""),
  );

  withClientOptions(
    workflow
      .command("migrate-component <ID> <DOMAIN> <COMPONENT>")
      .description("move one component to another domain"),
  ).action((id: string, domain: string, component: string, _options: unknown, command: Command) =>
    migrate(command, id, domain, component),
  );
}

async function watch(parts: WatchedWorkflowParts): Promise<void> {
  const watched = new WatchedWorkflow(parts);
  try {
    await watched.start();
  } catch (error) {
    await watched.close();
    throw error;
  }
  await untilSignal(watched);
}

async function migrate(command: Command, id: string, domainId: string, component: string): Promise<void> {
  const { output, controller } = clientOf(command);
  await controller(async (api) => {
    const workflowId = requireUuid(id, "workflow id");
    const result = await api.migrate({ workflowId, domainId, component });
    if (!result.ok) {
      const why = describeRefusal(result.error, [id, domainId, component]);
      throw new EdgelessError("EDGELESS_REJECTED", `migration of ${id} to ${domainId} failed: ${why}`);
    }
    output.result(`migration of ${id} to ${domainId} successful`, describe(result.value));
  });
}

/** One id that the ε-CON knows, or all of them. */
async function selected(api: WorkflowApi, id: string): Promise<readonly Uuid[]> {
  const known = await api.list();
  if (id === "all") return known;
  const workflowId = requireUuid(id, "workflow id");
  if (!known.includes(workflowId)) {
    throw new EdgelessError("EDGELESS_UNKNOWN_WORKFLOW", `unknown or invalid workflow ${id}`);
  }
  return [workflowId];
}

function describe(instance: WorkflowInstance): Parameters<Output["result"]>[1] {
  return { workflowId: instance.workflowId, mapping: instance.mapping };
}

function secondsOption(text: string, option: string): number {
  const seconds = Number(text);
  if (!(seconds > 0))
    throw new EdgelessError("EDGELESS_USAGE", `${option} takes a number of seconds above 0, not "${text}"`);
  return seconds * 1000;
}
