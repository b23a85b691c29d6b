import { z } from "zod";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";

const url = z.string().superRefine((text, context) => {
  try {
    parseEndpoint(text, "it");
  } catch (error) {
    context.addIssue({ code: "custom", message: reasonOf(error) });
  }
});
const milliseconds = z.number().int().min(10).max(600_000);

/** The configuration file of an ε-CON: the keys of the reference, and optional ones of this project. */
export const controllerConfigSchema = z.object({
  /** Where clients are served; port 0 lets the system choose. */
  controller_url: url,
  /** Where ε-ORCs register; may be the same URL. */
  domain_register_url: url,
  /** Folder of the kept state; empty: nothing outlives the process. A file of the reference is taken over. */
  persistence_filename: z.string(),
  /** Longest wait for an ε-ORC to start a component, milliseconds. */
  start_timeout_ms: milliseconds.default(25_000),
  /** Longest wait for an ε-ORC to stop or wire a component, milliseconds. */
  call_timeout_ms: milliseconds.default(5_000),
  telemetry: z
    .object({
      /** Prometheus page; empty: none. */
      metrics_url: z.union([z.literal(""), url]),
    })
    .default({ metrics_url: "" }),
});

/** A checked configuration of an ε-CON. */
export type ControllerConfig = z.infer<typeof controllerConfigSchema>;

/**
 * Checks a configuration; unknown keys are ignored.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming the first key that is wrong
 */
export function parseControllerConfig(raw: unknown): ControllerConfig {
  const result = controllerConfigSchema.safeParse(raw);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = issue?.path.join(".") ?? "";
  throw new EdgelessError(
    "EDGELESS_BAD_CONFIG",
    `controller configuration, ${key === "" ? "the whole file" : `key ${key}`}: ${issue?.message ?? "not valid"}`,
  );
}
