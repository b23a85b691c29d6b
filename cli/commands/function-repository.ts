import { basename } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { readJsonFile } from "../../platform/json-file.js";
import { readUserFile } from "../../platform/read-file.js";
import { clientOf, withClientOptions } from "../client-command.js";
import type { ClientConfig } from "../controller-connection.js";
import { functionClassSchema } from "../files/workflow-file.js";

/** Longest that one request to the repository may take. */
const DEADLINE_MS = 30_000;

/** `edgeless function get|download|push`: the REST service that keeps compiled functions. */
export function addRepositoryCommands(group: Command): void {
  withClientOptions(
    group.command("get <NAME>").description("print what the function repository knows of a function"),
  ).action(async (name: string, _options: unknown, command: Command) => {
    const { output, config } = clientOf(command);
    const body = await (await request(config, `function/${encodeURIComponent(name)}`, {})).text();
    output.result(`Successfully get function ${body}`, { body });
  });

  withClientOptions(
    group.command("download <CODE_FILE_ID>").description("save a code file of the function repository"),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { output, config } = clientOf(command);
    const answer = await request(config, `function/download/${encodeURIComponent(id)}`, {});
    const disposition = answer.headers.get("content-disposition") ?? "";
    const name = basename(/filename="?([^";]+)"?/.exec(disposition)?.[1] ?? id);
    writeFileAtomically(name, new Uint8Array(await answer.arrayBuffer()));
    const text = `status code ${answer.status}\nfilename: ${name}\nFile downloaded successfully.`;
    output.result(text, { status: answer.status, filename: name });
  });

  withClientOptions(
    group.command("push <BINARY> <FUNCTION_JSON>").description("store a function in the function repository"),
  ).action(async (binary: string, packageFile: string, _options: unknown, command: Command) => {
    const { output, config } = clientOf(command);
    const description = readJsonFile(packageFile, functionClassSchema, "EDGELESS_BAD_CONFIG");
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(readUserFile(binary))]), "binary");
    const stored = await jsonAnswer(await request(config, "function/upload", { method: "POST", body: form }));
    const { id } = z.object({ id: z.string() }).parse(stored);
    const body = JSON.stringify({
      id: description.id,
      version: description.version,
      outputs: description.outputs,
      function_types: [{ type: description.function_type, code_file_id: id }],
    });
    const headers = { "content-type": "application/json" };
    const saved = z
      .object({ id: z.string().optional(), message: z.string().optional() })
      .parse(await jsonAnswer(await request(config, "function", { method: "POST", body, headers })));
    if (saved.id === undefined) {
      throw new EdgelessError("EDGELESS_REJECTED", `function not saved correctly. ${saved.message ?? ""}`);
    }
    output.result(
      `receive code_file_id ${JSON.stringify(stored)}\nFunction saved with id: ${saved.id}`,
      saved,
    );
  });
}

async function request(config: ClientConfig, path: string, init: RequestInit): Promise<Response> {
  const { url, apiKey } = config.functionRepository;
  if (url === "") {
    throw new EdgelessError(
      "EDGELESS_BAD_CONFIG",
      "function_repository.url is not set in the client configuration",
    );
  }
  const headers = { ...init.headers, Authorization: `ApiKey_${apiKey}` };
  let answer: Response;
  try {
    answer = await fetch(`${url.replace(/\/$/, "")}/${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_UNREACHABLE",
      `the function repository at ${url}: ${reasonOf(error)}`,
      error,
    );
  }
  if (!answer.ok)
    throw new EdgelessError(
      "EDGELESS_REJECTED",
      `the function repository answered ${answer.status} for ${path}`,
    );
  return answer;
}

async function jsonAnswer(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_BAD_MESSAGE",
      `the function repository answered no JSON: ${reasonOf(error)}`,
      error,
    );
  }
}
