import { z } from "zod";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError } from "../../core/errors.js";
import { redisUrlProblem } from "../../platform/redis/redis-session.js";

const seconds = z.number().int().min(0);
const port = (what: string) =>
  z.string().superRefine((url, context) => {
    try {
      parseEndpoint(url, what);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    }
  });

/** The configuration file of an ε-ORC: the keys of the reference, and optional ones of this project. */
export const orchestratorConfigSchema = z.object({
  general: z.object({
    /** Where the ε-CON takes registrations. */
    domain_register_url: port("domain_register_url"),
    /** Seconds between two registrations; each is valid for twice as long. */
    subscription_refresh_interval_sec: seconds.min(1),
    domain_id: z.string().min(1),
    /** Where the ε-CON calls this ε-ORC; port 0 lets the system choose. */
    orchestrator_url: port("orchestrator_url"),
    /** What the ε-CON is told; empty: the bound address. */
    orchestrator_url_announced: z.union([z.literal(""), port("orchestrator_url_announced")]),
    /** Where nodes register. */
    node_register_url: port("node_register_url"),
    /** Registration over CoAP as in the reference. */
    node_register_coap_url: z.string().optional(),
    /** Folder of the kept state; missing or empty: nothing outlives the process. */
    persistence_path: z.string().default(""),
    /** Longest wait for one answer of a node, milliseconds. */
    node_call_timeout_ms: z.number().int().min(10).max(600_000).default(5_000),
    /** Longest time to look for a node that takes a new component, milliseconds. */
    start_timeout_ms: z.number().int().min(10).max(3_600_000).default(20_000),
  }),
  telemetry: z
    .object({
      /** Prometheus page; empty: none. */
      metrics_url: z.union([z.literal(""), port("metrics_url")]),
    })
    .default({ metrics_url: "" }),
  baseline: z.object({
    orchestration_strategy: z.enum(["Random", "RoundRobin"]),
  }),
  proxy: z.object({
    /** Case does not matter. */
    proxy_type: z.string(),
    /** Both the period of the purge and the age beyond which samples go; 0: never. */
    proxy_gc_period_seconds: seconds,
    /** Needed, and looked at, only for the proxy Redis. */
    redis_url: z.string().optional(),
    dataset_settings: z
      .object({
        /** Prefix of the file names. */
        dataset_path: z.string(),
        append: z.boolean(),
        additional_fields: z.string(),
        additional_header: z.string(),
      })
      .optional(),
  }),
});

/** A checked configuration of an ε-ORC. */
export type OrchestratorConfig = z.infer<typeof orchestratorConfigSchema>;

/** Where the proxy of a checked configuration is; undefined: there is none. */
export function proxyUrlOf({ proxy }: OrchestratorConfig): string | undefined {
  return proxy.proxy_type.toLowerCase() === "redis" ? proxy.redis_url : undefined;
}

/**
 * Checks a configuration; unknown keys are ignored.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming the first key that is wrong
 */
export function parseOrchestratorConfig(raw: unknown): OrchestratorConfig {
  const result = orchestratorConfigSchema.safeParse(raw);
  if (!result.success) {
    const issue = result.error.issues[0];
    const key = issue === undefined ? "" : issue.path.join(".");
    throw new EdgelessError(
      "EDGELESS_BAD_CONFIG",
      `orchestrator configuration, ${key === "" ? "the whole file" : `key ${key}`}: ${issue?.message ?? "not valid"}`,
    );
  }
  const problem = proxyProblem(result.data.proxy);
  if (problem !== undefined)
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `orchestrator configuration, key proxy.${problem}`);
  return result.data;
}

function proxyProblem(proxy: OrchestratorConfig["proxy"]): string | undefined {
  const type = proxy.proxy_type.toLowerCase();
  if (type === "none") return undefined;
  if (type !== "redis") return `proxy_type: unknown proxy "${proxy.proxy_type}"; use "None" or "Redis"`;
  if (proxy.redis_url === undefined) return "redis_url: is missing, but the proxy is Redis";
  const problem = redisUrlProblem(proxy.redis_url);
  return problem === undefined ? undefined : `redis_url: ${problem}`;
}
