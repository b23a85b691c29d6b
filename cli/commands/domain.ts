import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { clientOf, withClientOptions } from "../client-command.js";
import { formatCapabilities } from "../format.js";

/** `edgeless domain …`: which domains there are and what they offer. */
export function addDomainCommands(program: Command): void {
  const domain = program.command("domain").description("see the domains and what they offer");

  withClientOptions(
    domain.command("list").description("print the domains and how many nodes they have"),
  ).action(async (_options: unknown, command: Command) => {
    const { output, controller } = clientOf(command);
    const domains = await controller((api) => api.domains(""));
    const lines = [...domains].map(([id, { numNodes }]) => `domain ${id} (${numNodes} nodes)`);
    output.result(
      lines.join("\n"),
      [...domains].map(([id, { numNodes }]) => ({ domainId: id, numNodes })),
    );
  });

  withClientOptions(
    domain.command("inspect <ID>").description("print the capabilities of a domain (ID or all)"),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { output, controller } = clientOf(command);
    const domains = await controller((api) => api.domains(id === "all" ? "" : id));
    if (id !== "all" && !domains.has(id))
      throw new EdgelessError("EDGELESS_UNKNOWN_DOMAIN", `domain ${id} not found`);
    const lines = [...domains].map(
      ([name, capabilities]) => `domain ${name},${formatCapabilities(capabilities)}`,
    );
    output.result(
      lines.join("\n"),
      [...domains].map(([domainId, capabilities]) => ({ domainId, ...capabilities })),
    );
  });
}
