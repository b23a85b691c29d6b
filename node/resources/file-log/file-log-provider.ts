import { resolve } from "node:path";
import type { Clock } from "../../../core/clock.js";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import type { StringMap } from "../../../core/specification.js";
import { independentProvider } from "../independent-provider.js";
import { pathWithin } from "../path-within.js";
import type { ResourceClass, ResourceInstance, ResourceProviderHost } from "../resource-provider.js";
import { LineFile } from "./line-file.js";
import { formatLine } from "./log-line.js";

export const FILE_LOG_CLASS: ResourceClass = {
  classType: "file-log",
  version: "1.1",
  outputs: [],
  configurations: new Map([
    ["filename", "file to append to, relative to the working directory of the node; required"],
    ["add-timestamp", "when present, whatever its value: begin lines with the time (UTC, RFC 3339)"],
    ["add-source-id", "when present, whatever its value: begin lines with the id of the sender"],
  ]),
  description: "Appends each message to a file of the node, one per line.",
};

/** What {@link fileLogProvider} works with. */
export interface FileLogParts {
  readonly providerId: string;
  readonly clock: Clock;
  /** Folder that relative file names start from. */
  readonly workingFolder: string;
  /** Folder of the files, which cannot be left; absent: any file that the node may write. */
  readonly folder?: string;
}

/** Resource class `file-log`: one line per event; a call is answered with an empty text once its line is written. */
export function fileLogProvider(parts: FileLogParts): ResourceProviderHost {
  return independentProvider({
    providerId: parts.providerId,
    resourceClass: FILE_LOG_CLASS,
    /** Lines that may share a write; {@link LineFile} keeps their order. */
    concurrency: 1024,
    start: (configuration) => start(parts, configuration),
  });
}

async function start(parts: FileLogParts, configuration: StringMap): Promise<ResourceInstance> {
  const { clock, workingFolder, folder } = parts;
  const filename = configuration.get("filename") ?? "";
  if (filename === "") throw new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", "Field 'filename' missing");
  const format = {
    timestamp: configuration.has("add-timestamp"),
    sourceId: configuration.has("add-source-id"),
  };
  const path =
    folder === undefined ? resolve(workingFolder, filename) : pathWithin(folder, filename, "file-log");
  const file = await openFile(path, filename);
  return {
    async handle({ payload, source }) {
      await file.append(formatLine(format, clock.wallMs(), source, payload));
      return { type: "call-ret", payload: "" };
    },
    patch: () => {},
    stop: () => file.close(),
  };
}

async function openFile(path: string, filename: string): Promise<LineFile> {
  try {
    return await LineFile.open(path);
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_BAD_RESOURCE_CONFIG",
      `filename "${filename}" cannot be opened for appending: ${reasonOf(error)}`,
      error,
    );
  }
}
