import { z } from "zod";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";
import { BRIDGE_DEFAULTS, type BridgeSettings } from "./bridge-settings.js";

const count = z.int().min(1).max(1_000_000_000);
const milliseconds = z.int().min(10).max(3_600_000);
const url = z.string().superRefine((text, context) => {
  const problem = urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});
const urlOrEmpty = z.union([z.literal(""), url]);
const uuid = z.string().transform((text, context): Uuid => {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: `"${text.slice(0, 60)}" is not a UUID` });
  return z.NEVER;
});

/** The keys of a node's `[general]`, once per domain. */
const sideSchema = z.object({
  node_id: uuid,
  /** Where the ε-ORC calls; port 0 lets the system choose. */
  agent_url: url,
  /** What the ε-ORC is told; empty: the bound address. */
  agent_url_announced: urlOrEmpty,
  /** Where events come in; may be the same as `agent_url`. */
  invocation_url: url,
  invocation_url_announced: urlOrEmpty,
  node_register_url: url,
  /** Seconds between two reports; each is valid for twice as long. */
  subscription_refresh_interval_sec: z.int().min(1).max(86_400),
});

const balancerConfigSchema = z.object({
  general: z.object({
    /** Name of the local domain. */
    domain: z.string().min(1),
  }),
  local: sideSchema,
  portal: sideSchema,
  telemetry: z.object({
    /** Prometheus page; empty: none. */
    metrics_url: urlOrEmpty,
    /** Whether durations go to the ε-ORC of the local domain. */
    performance_samples: z.boolean(),
  }),
  bridges: z
    .object({
      queue_events: count.optional(),
      queue_age_ms: milliseconds.optional(),
      call_timeout_ms: milliseconds.optional(),
      max_calls: count.optional(),
    })
    .optional(),
});

/** A checked configuration of an ε-BAL. */
export type BalancerConfig = z.infer<typeof balancerConfigSchema>;

/** One of the two nodes that an ε-BAL is. */
export type SideConfig = z.infer<typeof sideSchema>;

/**
 * Checks a configuration; unknown keys are ignored.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming each key that is wrong and why
 */
export function parseBalancerConfig(raw: unknown): BalancerConfig {
  const result = balancerConfigSchema.safeParse(raw);
  const problems = result.success
    ? []
    : result.error.issues.map(({ path, message }) => {
        const key = path.length === 0 ? "the whole file" : `key ${path.join(".")}`;
        return `${key}: ${message.endsWith("received undefined") ? "is missing" : message}`;
      });
  if (result.success && result.data.local.node_id === result.data.portal.node_id)
    problems.push("key portal.node_id: must not be the same as local.node_id");
  if (result.success && problems.length === 0) return result.data;
  throw new EdgelessError("EDGELESS_BAD_CONFIG", `balancer configuration, ${problems.join("; ")}`);
}

/** Bounds and times of the bridges that a configuration asks for. */
export function bridgeSettings({ bridges }: BalancerConfig): BridgeSettings {
  return {
    queueEvents: bridges?.queue_events ?? BRIDGE_DEFAULTS.queueEvents,
    queueAgeMs: bridges?.queue_age_ms ?? BRIDGE_DEFAULTS.queueAgeMs,
    callTimeoutMs: bridges?.call_timeout_ms ?? BRIDGE_DEFAULTS.callTimeoutMs,
    maxCalls: bridges?.max_calls ?? BRIDGE_DEFAULTS.maxCalls,
  };
}

function urlProblem(text: string): string | undefined {
  try {
    const { scheme } = parseEndpoint(text, "it");
    return scheme === "coap" ? `"${text}" must start with http or https` : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
