import { existsSync } from "node:fs";
import { z } from "zod";
import type { WorkflowApi } from "../core/api.js";
import { EdgelessError } from "../core/errors.js";
import { connectWorkflow, readTls } from "../grpc-api/index.js";
import { plainFault } from "../platform/plain-fault.js";
import { readConfig } from "./files/toml-file.js";

/** Where `edgeless` finds the ε-CON and the function repository. */
export interface ClientConfig {
  readonly controllerUrl: string;
  readonly functionRepository: { readonly url: string; readonly apiKey: string };
}

const schema = z.object({
  controller_url: z.string(),
  function_repository: z.object({ url: z.string(), api_key: z.string() }).optional(),
});

const DEFAULT_URL = "http://127.0.0.1:7001";

/** The file that `edgeless -t cli.toml` writes. */
export const CLIENT_TEMPLATE = `# Where the controller (ε-CON) listens for clients.
controller_url = "${DEFAULT_URL}"

# Service that keeps compiled functions, for: edgeless function get|download|push
[function_repository]
url = ""
api_key = ""
`;

/** Longest that a request of the command line may take: a start waits for every component. */
const REQUEST_DEADLINE_MS = 30_000;

/**
 * Reads the client configuration; without a file, the ε-CON on this machine is meant.
 * @param path file the user named, or undefined for `cli.toml` in the working directory if it is there
 */
export function readClientConfig(path: string | undefined): ClientConfig {
  if (path === undefined && !existsSync("cli.toml")) {
    return { controllerUrl: DEFAULT_URL, functionRepository: { url: "", apiKey: "" } };
  }
  return readConfig(path ?? "cli.toml", parseClientConfig);
}

function parseClientConfig(raw: unknown): ClientConfig {
  const result = schema.safeParse(raw, { error: plainFault });
  if (!result.success) {
    const reasons = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new EdgelessError("EDGELESS_BAD_CONFIG", reasons.join("; "), result.error);
  }
  const { controller_url, function_repository } = result.data;
  return {
    controllerUrl: controller_url,
    functionRepository: { url: function_repository?.url ?? "", apiKey: function_repository?.api_key ?? "" },
  };
}

/** Runs `use` with a connection to the ε-CON and closes it afterwards. */
export async function withController<T>(
  config: ClientConfig,
  use: (controller: WorkflowApi) => Promise<T>,
): Promise<T> {
  const { client } = readTls();
  const tls = client === undefined ? {} : { tls: client };
  const controller = connectWorkflow(config.controllerUrl, { deadlineMs: REQUEST_DEADLINE_MS, ...tls });
  try {
    return await use(controller);
  } catch (error) {
    if (error instanceof EdgelessError && error.code === "EDGELESS_UNREACHABLE") {
      throw new EdgelessError(
        error.code,
        `the controller at ${config.controllerUrl} cannot be reached`,
        error,
      );
    }
    throw error;
  } finally {
    controller.close();
  }
}
