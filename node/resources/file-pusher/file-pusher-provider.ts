import { isUtf8 } from "node:buffer";
import type { Clock, Timer } from "../../../core/clock.js";
import { METADATA_NONE } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { Logger } from "../../../core/log.js";
import type { StringMap } from "../../../core/specification.js";
import { readFlag } from "../read-flag.js";
import type {
  ResourceClass,
  ResourceContext,
  ResourceInstance,
  ResourceProviderHost,
} from "../resource-provider.js";
import { type PushedFile, readFiles } from "./pushed-files.js";

export const FILE_PUSHER_CLASS: ResourceClass = {
  classType: "file-pusher",
  version: "1.0",
  outputs: ["out"],
  configurations: new Map([
    ["period-ms", "time between two files, milliseconds; default 1000"],
    ["encode-base64", "true: cast the content as base64 instead of as UTF-8 text; default false"],
  ]),
  description: "Casts the files of a folder of the node, one after the other, again and again.",
};

/** What {@link FilePusherProvider} works with. */
export interface FilePusherParts {
  readonly providerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder whose files are read, once. */
  readonly directory: string;
  /** Memory for the files together, bytes. */
  readonly maxBytes: number;
}

const DEFAULT_PERIOD_MS = 1_000;

/** Resource class `file-pusher`: every instance goes round the files at its own pace; events to it are refused. */
export class FilePusherProvider implements ResourceProviderHost {
  readonly resourceClass = FILE_PUSHER_CLASS;
  readonly concurrency = 1;
  readonly #parts: FilePusherParts;
  readonly #files: readonly PushedFile[];

  private constructor(parts: FilePusherParts, files: readonly PushedFile[]) {
    this.#parts = parts;
    this.#files = files;
  }

  /** Reads the files; a folder that cannot be read counts as empty. */
  static async open(parts: FilePusherParts): Promise<FilePusherProvider> {
    return new FilePusherProvider(parts, await readFiles(parts.directory, parts.maxBytes, parts.logger));
  }

  get providerId(): string {
    return this.#parts.providerId;
  }

  async start(configuration: StringMap, context: ResourceContext): Promise<ResourceInstance> {
    const { clock } = this.#parts;
    const periodMs = readPeriod(configuration);
    const encode = readFlag(configuration, "encode-base64");
    let target: InstanceId | undefined;
    let position = 0;
    let timer: Timer;
    const push = () => {
      timer = clock.setTimer(periodMs, push);
      const content = this.#files[position]?.content ?? Buffer.alloc(0);
      position = (position + 1) % Math.max(1, this.#files.length);
      if (target !== undefined)
        context.cast(target, encode ? content.toString("base64") : textOf(content), METADATA_NONE);
    };
    timer = clock.setTimer(0, push);
    return {
      handle: async () => ({ type: "err" }),
      patch(outputs) {
        target = outputs.get("out");
      },
      stop: async () => timer.cancel(),
    };
  }

  async close(): Promise<void> {}
}

/** What is not UTF-8 becomes an empty message, as in the Rust node. */
function textOf(content: Buffer): string {
  return isUtf8(content) ? content.toString() : "";
}

/** At least 1 ms; anything that is no whole number means the default. */
function readPeriod(configuration: StringMap): number {
  const text = configuration.get("period-ms") ?? "";
  const value = /^\+?\d{1,15}$/.test(text) ? Number(text) : DEFAULT_PERIOD_MS;
  return Math.max(1, value);
}
