import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { FileLogProvider } from "./file-log/file-log-provider.js";
import { HttpEgressProvider } from "./http-egress/http-egress-provider.js";
import { HttpIngressProvider } from "./http-ingress/http-ingress-provider.js";
import { HttpPosterProvider } from "./http-poster/http-poster-provider.js";
import { RedisProvider } from "./redis/redis-provider.js";
import type { ResourceProviderHost } from "./resource-provider.js";
import type { ResourceSettings } from "./resource-settings.js";

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
/** Longest answer that http-egress and http-poster take, bytes. */
const LONGEST_ANSWER = 16 * MIB;

/**
 * Makes the resource providers that the settings name; http-ingress listens from here on.
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE or EDGELESS_CANNOT_BIND from http-ingress
 */
export async function createProviders(
  settings: ResourceSettings,
  environment: ProviderEnvironment,
): Promise<ResourceProviderHost[]> {
  const { clock, random, logger, hostname, workingFolder } = environment;
  const idOf = (name: string) => (settings.prepend_hostname ? `${hostname}-${name}` : name);
  const limits = { clock, maxBodyBytes: LONGEST_ANSWER };
  const providers: ResourceProviderHost[] = [];
  if (settings.file_log_provider)
    providers.push(
      new FileLogProvider({ providerId: idOf(settings.file_log_provider), clock, workingFolder }),
    );
  if (settings.http_egress_provider) {
    const timeoutMs = settings.http_egress_timeout_ms ?? 30_000;
    providers.push(new HttpEgressProvider(idOf(settings.http_egress_provider), { ...limits, timeoutMs }));
  }
  if (settings.http_poster_provider) {
    const timeoutMs = settings.http_poster_timeout_ms ?? 10_000;
    providers.push(new HttpPosterProvider(idOf(settings.http_poster_provider), { ...limits, timeoutMs }));
  }
  if (settings.redis_provider)
    providers.push(new RedisProvider({ providerId: idOf(settings.redis_provider), clock, random }));
  for (const name of unavailable(settings))
    logger.warn(`this node has no provider for the resource setting ${name}: it is ignored`);
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

/** Settings of the Rust node that name a provider which does not exist here. */
function unavailable(settings: ResourceSettings): string[] {
  const { dda_provider, kafka_egress_provider, sqlx_provider } = settings;
  const named = Object.entries({
    dda_provider,
    kafka_egress_provider,
    sqlx_provider,
    file_pusher_provider: settings.file_pusher_provider?.provider,
    ollama_provider: settings.ollama_provider?.provider,
    serverless_provider: settings.serverless_provider?.find((one) => one.provider !== "")?.provider,
  });
  return named.filter(([, provider]) => provider !== undefined && provider !== "").map(([name]) => name);
}
