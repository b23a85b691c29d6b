import { resolve } from "node:path";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { TextBudget } from "../functions/text-budget.js";
import { ddaProvider } from "./dda/dda-provider.js";
import { fileLogProvider } from "./file-log/file-log-provider.js";
import { FilePusherProvider } from "./file-pusher/file-pusher-provider.js";
import { httpEgressProvider } from "./http-egress/http-egress-provider.js";
import { HttpIngressProvider } from "./http-ingress/http-ingress-provider.js";
import { httpPosterProvider } from "./http-poster/http-poster-provider.js";
import { kafkaEgressProvider } from "./kafka-egress/kafka-egress-provider.js";
import { ollamaProvider } from "./ollama/ollama-provider.js";
import { redisProvider } from "./redis/redis-provider.js";
import type { ResourceProviderHost } from "./resource-provider.js";
import type { ResourceSettings } from "./resource-settings.js";
import { readFunctionUrl, serverlessProvider } from "./serverless/serverless-provider.js";
import { sqlxProvider } from "./sqlx/sqlx-provider.js";

/** What providers take from their node. */
export interface ProviderEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Put before provider names when the settings say so. */
  readonly hostname: string;
  /** Folder that relative file names start from. */
  readonly workingFolder: string;
}

const MIB = 1024 * 1024;
/** Longest answer that the clients of HTTP servers take, bytes. */
const LONGEST_ANSWER = 16 * MIB;
/** Most that all their answers take while they are read, bytes. */
const MOST_ANSWERS = 256 * MIB;
/** Most that the files of file-pusher take, bytes. */
const MOST_FILES = 256 * MIB;

/**
 * Makes the resource providers that the settings name; http-ingress listens from here on.
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE or EDGELESS_CANNOT_BIND from http-ingress and ollama
 */
export async function createProviders(
  settings: ResourceSettings,
  environment: ProviderEnvironment,
): Promise<ResourceProviderHost[]> {
  const { clock, random, logger, hostname, workingFolder } = environment;
  const idOf = (name: string) => (settings.prepend_hostname ? `${hostname}-${name}` : name);
  const limits = { clock, maxBodyBytes: LONGEST_ANSWER, budget: new TextBudget(MOST_ANSWERS) };
  const providers: ResourceProviderHost[] = [];
  if (settings.file_log_provider) {
    const { file_log_folder: folder } = settings;
    const confined = folder === undefined ? {} : { folder: resolve(workingFolder, folder) };
    const providerId = idOf(settings.file_log_provider);
    providers.push(fileLogProvider({ providerId, clock, workingFolder, ...confined }));
  }
  if (settings.http_egress_provider) {
    const timeoutMs = settings.http_egress_timeout_ms ?? 30_000;
    providers.push(httpEgressProvider(idOf(settings.http_egress_provider), { ...limits, timeoutMs }));
  }
  if (settings.http_poster_provider) {
    const timeoutMs = settings.http_poster_timeout_ms ?? 10_000;
    providers.push(httpPosterProvider(idOf(settings.http_poster_provider), { ...limits, timeoutMs }));
  }
  if (settings.redis_provider)
    providers.push(redisProvider({ providerId: idOf(settings.redis_provider), clock, random }));
  if (settings.file_pusher_provider?.provider && settings.file_pusher_provider.directory) {
    const { provider, directory } = settings.file_pusher_provider;
    const folder = resolve(workingFolder, directory);
    const parts = { providerId: idOf(provider), clock, logger, directory: folder, maxBytes: MOST_FILES };
    providers.push(await FilePusherProvider.open(parts));
  }
  for (const one of settings.serverless_provider ?? []) {
    const functionUrl = readFunctionUrl(one.function_url);
    if (one.provider === "" || one.function_url === "") continue;
    if (functionUrl === undefined || one.class_type === "") {
      logger.warn(
        `serverless provider ${one.provider} is left out: it needs a class_type and an http or https URL`,
      );
      continue;
    }
    const { class_type: classType, version } = one;
    const client = { ...limits, timeoutMs: settings.serverless_timeout_ms ?? 60_000 };
    providers.push(
      serverlessProvider({ providerId: idOf(one.provider), classType, version, functionUrl, client }),
    );
  }
  if (settings.ollama_provider?.provider && settings.ollama_provider.host) {
    const { provider, host, port, messages_number_limit: messagesNumberLimit } = settings.ollama_provider;
    const url = readServerUrl(host, port);
    const client = { ...limits, timeoutMs: settings.ollama_timeout_ms ?? 110_000 };
    providers.push(ollamaProvider({ providerId: idOf(provider), url, messagesNumberLimit, client }));
  }
  if (settings.sqlx_provider) {
    const folder = resolve(workingFolder, settings.sqlx_folder ?? "");
    providers.push(sqlxProvider({ providerId: idOf(settings.sqlx_provider), clock, random, folder }));
  }
  if (settings.kafka_egress_provider)
    providers.push(kafkaEgressProvider({ providerId: idOf(settings.kafka_egress_provider), clock, random }));
  if (settings.dda_provider)
    providers.push(ddaProvider({ providerId: idOf(settings.dda_provider), clock, random }));
  if (settings.http_ingress_provider && settings.http_ingress_url) {
    const ingress = await HttpIngressProvider.open({
      providerId: idOf(settings.http_ingress_provider),
      url: settings.http_ingress_url,
      maxBodyBytes: settings.http_ingress_max_body_bytes ?? 8 * MIB,
      maxRequests: 4096,
      clock,
      random,
      logger,
    });
    logger.info(`http-ingress listens on ${ingress.url}`);
    providers.push(ingress);
  }
  return providers;
}

/** A host is a name, or the beginning of an http or https URL. */
function readServerUrl(host: string, port: number): URL {
  const text = `${host.includes("://") ? "" : "http://"}${host}:${port}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new EdgelessError("EDGELESS_BAD_URL", "host and port of [resources.ollama_provider] give no URL");
}
