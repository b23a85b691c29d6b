import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import { INSTANCE_NONE } from "../../core/instance-id.js";
import { requireUuid } from "../../core/uuid.js";
import { connectInvocation, readTls } from "../../grpc-api/index.js";
import { createOutput } from "../output.js";

/** Longest that the node may take to accept the event. */
const DEADLINE_MS = 10_000;

/** `edgeless function invoke`: sends one event straight to an instance, from outside of any workflow. */
export function addInvokeCommand(group: Command): void {
  group
    .command("invoke <TYPE> <URL> <NODE> <FUNCTION> <PAYLOAD>")
    .description("send an event (TYPE: cast) to the instance FUNCTION of NODE, whose invocation URL is URL")
    .option("--json", "print results as JSON")
    .action(
      async (
        type: string,
        url: string,
        node: string,
        instance: string,
        payload: string,
        options: { json?: boolean },
      ) => {
        if (type !== "cast") {
          throw new EdgelessError(
            "EDGELESS_USAGE",
            `only events of type cast can be sent from outside, not "${type}"`,
          );
        }
        const target = { nodeId: requireUuid(node, "NODE"), functionId: requireUuid(instance, "FUNCTION") };
        const { client } = readTls();
        const connection = connectInvocation(url, {
          deadlineMs: DEADLINE_MS,
          ...(client === undefined ? {} : { tls: client }),
        });
        try {
          await connection.handle({
            target,
            source: INSTANCE_NONE,
            streamId: 0n,
            data: { type: "cast", payload },
            created: TIMESTAMP_ZERO,
            metadata: METADATA_NONE,
          });
        } finally {
          connection.close();
        }
        createOutput(options.json === true).result("event casted", { casted: true });
      },
    );
}
