import { z } from "zod";

const name = z.string().optional();

/**
 * The table `[resources]` of node.toml, with the keys of the Rust node. A provider is made when its name is there and
 * not empty. Keys from `http_ingress_max_body_bytes` on are this project's own.
 */
export const resourceSettingsSchema = z.object({
  prepend_hostname: z.boolean(),
  http_ingress_url: z.string().optional(),
  http_ingress_provider: name,
  http_egress_provider: name,
  http_poster_provider: name,
  file_log_provider: name,
  redis_provider: name,
  dda_provider: name,
  kafka_egress_provider: name,
  sqlx_provider: name,
  file_pusher_provider: z.object({ directory: z.string(), provider: z.string() }).optional(),
  ollama_provider: z
    .object({
      host: z.string(),
      port: z.int().min(0).max(65535),
      messages_number_limit: z.int().min(0).max(65535),
      provider: z.string(),
    })
    .optional(),
  serverless_provider: z
    .array(
      z.object({
        class_type: z.string(),
        version: z.string(),
        function_url: z.string(),
        provider: z.string(),
      }),
    )
    .optional(),
  /** Longest body that http-ingress takes, bytes. */
  http_ingress_max_body_bytes: z.int().positive().optional(),
  /** How long http-egress waits for the whole answer, milliseconds. */
  http_egress_timeout_ms: z.int().positive().optional(),
  /** How long http-poster waits for the whole answer, milliseconds. */
  http_poster_timeout_ms: z.int().positive().optional(),
  /** Folder of the files of file-log, which then cannot be left. */
  file_log_folder: z.string().optional(),
  /** Folder of the SQLite files of sqlx, which cannot be left; the working directory by default. */
  sqlx_folder: z.string().optional(),
  /** How long a serverless resource waits for the whole answer, milliseconds. */
  serverless_timeout_ms: z.int().positive().optional(),
  /** How long ollama waits for the whole answer, milliseconds; events are given up after 120 s whatever it says. */
  ollama_timeout_ms: z.int().positive().optional(),
});

export type ResourceSettings = z.infer<typeof resourceSettingsSchema>;
