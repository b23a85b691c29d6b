import type { Command } from "commander";
import { ProxyReader } from "../../control/orchestrator/proxy/proxy-reader.js";
import type { WorkflowApi } from "../../core/api.js";
import { EdgelessError } from "../../core/errors.js";
import { RedisSession, redisUrlProblem } from "../../platform/redis/redis-session.js";
import { systemClock } from "../../platform/system-clock.js";
import { readClientConfig, withController } from "../controller-connection.js";
import { createOutput, type Output } from "../output.js";
import type { NodePrintFormat } from "./proxy-format.js";

interface ProxyOptions {
  readonly proxyType?: string;
  readonly redisUrl?: string;
  readonly controllerUrl?: string;
  readonly nodePrintFormat?: string;
  readonly json?: boolean;
}

/** What a command that works with the mirror of a domain uses. */
export interface ProxyClient {
  readonly output: Output;
  readonly nodeFormat: NodePrintFormat;
  /** Runs `use` with a connection to Redis. */
  redis<T>(use: (reader: ProxyReader) => Promise<T>): Promise<T>;
  /** Runs `use` with a connection to the ε-CON. */
  controller<T>(use: (controller: WorkflowApi) => Promise<T>): Promise<T>;
}

const DEFAULT_REDIS_URL = "redis://localhost:6379";
const FORMATS: readonly string[] = ["uuid", "labels", "hostname"] satisfies NodePrintFormat[];
/** Longest wait for one answer of Redis. */
const REDIS_DEADLINE_MS = 5_000;

/** Adds the options of every proxy command; they may stand before or after its name. */
export function withProxyOptions(command: Command): Command {
  return command
    .option("-p, --proxy-type <TYPE>", "kind of the proxy: Redis, the only one (default: Redis)")
    .option("-r, --redis-url <URL>", `where Redis is (default: ${DEFAULT_REDIS_URL})`)
    .option("-c, --controller-url <URL>", "the controller, for the commands that ask it for names")
    .option("--node-print-format <FORMAT>", "name nodes by uuid, labels or hostname (default: hostname)")
    .option("--json", "print results as JSON");
}

/** The surroundings of a proxy command. */
export function proxyClientOf(command: Command): ProxyClient {
  const options = command.optsWithGlobals<ProxyOptions>();
  const { proxyType = "Redis", redisUrl = DEFAULT_REDIS_URL, nodePrintFormat = "hostname" } = options;
  if (proxyType.toLowerCase() !== "redis")
    throw new EdgelessError("EDGELESS_USAGE", `--proxy-type is Redis, not "${proxyType}"`);
  const problem = redisUrlProblem(redisUrl);
  if (problem !== undefined) throw new EdgelessError("EDGELESS_USAGE", `--redis-url: ${problem}`);
  if (!FORMATS.includes(nodePrintFormat))
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `--node-print-format is one of ${FORMATS.join(", ")}, not "${nodePrintFormat}"`,
    );
  return {
    output: createOutput(options.json === true),
    nodeFormat: nodePrintFormat as NodePrintFormat,
    redis: (use) => withReader(redisUrl, use),
    controller: (use) => {
      const file = readClientConfig(undefined);
      const { controllerUrl = file.controllerUrl } = options;
      return withController({ ...file, controllerUrl }, use);
    },
  };
}

async function withReader<T>(url: string, use: (reader: ProxyReader) => Promise<T>): Promise<T> {
  const reader = new ProxyReader(
    await RedisSession.open(url, { clock: systemClock, deadlineMs: REDIS_DEADLINE_MS }),
  );
  try {
    return await use(reader);
  } finally {
    reader.close();
  }
}
