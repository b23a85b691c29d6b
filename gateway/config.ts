import { z } from "zod";
import type { EndpointSettings } from "../coap-api/endpoint/settings.js";
import { parseEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import { DEVICE_DEFAULTS, type DeviceSettings } from "./device-settings.js";

const count = z.int().min(1).max(1_000_000);
const LEAST_STRANGERS = 1_024;
const milliseconds = z.int().min(1).max(3_600_000);

/** A URL with one of these schemes and an explicit port. */
function urlOf(...schemes: readonly string[]) {
  return z.string().superRefine((text, context) => {
    let problem: string | undefined;
    try {
      const { scheme } = parseEndpoint(text, "it");
      if (!schemes.includes(scheme)) problem = `"${text}" must start with ${schemes.join(" or ")}`;
    } catch (error) {
      problem = reasonOf(error);
    }
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

const httpUrl = urlOf("http", "https");
const httpUrlOrEmpty = z.union([z.literal(""), httpUrl]);

/** The configuration file of a gateway. */
const gatewayConfigSchema = z.object({
  general: z.object({
    /** Where devices register and send events. */
    coap_url: urlOf("coap"),
    /** Where the ε-ORC takes registrations. */
    node_register_url: httpUrl,
    /** Where events of nodes for devices come in; port 0 lets the system choose. */
    invocation_url: httpUrl,
    /** What the ε-ORC is told; empty: the bound address. */
    invocation_url_announced: httpUrlOrEmpty,
    /** Name or address on which the agents of the devices listen, each at a port of its own. */
    agent_host: z.string().min(1),
    /** What the ε-ORC is told; empty: the bound address. */
    agent_host_announced: z.string().default(""),
    /** The first of 2 × max_devices ports; 0: any that is free. */
    first_agent_port: z.int().min(0).max(65_535).default(0),
    /** Seconds between two reports to the ε-ORC; each is valid for twice as long. */
    subscription_refresh_interval_sec: z.int().min(1).max(86_400),
    /** Labels that every device gets. */
    labels: z.array(z.string()).default([]),
    /** Folder of the kept state; empty: nothing outlives the process. */
    persistence_path: z.string().default(""),
    /** Where `edgeless device` asks; empty: nowhere. */
    control_url: httpUrlOrEmpty.default(""),
  }),
  telemetry: z.object({
    /** Prometheus page; empty: none. */
    metrics_url: httpUrlOrEmpty,
    /** Whether log lines of functions go to the ε-ORC. */
    performance_samples: z.boolean().default(false),
  }),
  devices: z
    .object({
      max_devices: count.optional(),
      /** Devices that are registered at one address at a time. */
      max_per_address: count.optional(),
      min_lifetime_sec: count.optional(),
      max_lifetime_sec: z.int().min(1).max(100_000_000).optional(),
      queue_events: count.optional(),
      queue_age_ms: milliseconds.optional(),
      pending_calls: count.optional(),
      call_timeout_ms: milliseconds.optional(),
      references: z.int().min(1).max(10_000).optional(),
      overload_sec: z.int().min(1).max(3_600).optional(),
      /** Longest run time of a handler; 0: as the device has it. */
      max_run_time_ms: z.int().min(0).max(3_600_000).optional(),
      max_state_bytes: z.int().min(1).max(1_048_576).optional(),
      log_lines: z.int().min(1).max(100_000).optional(),
    })
    .optional(),
  images: z
    .object({
      /** Whether images may be stored at the gateway ahead of their use. */
      accept: z.boolean().optional(),
      max_images: count.optional(),
      /** Of all these images together. */
      max_bytes: z.int().min(1).max(268_435_456).optional(),
    })
    .optional(),
  coap: z
    .object({
      /** Whether large answers go only to addresses that proved themselves (RFC 9175). */
      verify_peers: z.boolean().optional(),
      ack_timeout_ms: milliseconds.optional(),
      ack_random_factor: z.number().min(1).max(10).optional(),
      max_retransmit: z.int().min(0).max(100).optional(),
      max_timeout_ms: milliseconds.optional(),
      exchange_lifetime_ms: milliseconds.optional(),
      /** Largest body that a device may send, bytes. */
      max_body_bytes: z.int().min(1_024).max(16_777_216).optional(),
      /** Peers without a registration that are remembered. */
      max_strangers: count.optional(),
    })
    .optional(),
});

/** A checked configuration of a gateway. */
export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;

/**
 * Checks a configuration; unknown keys are ignored.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming each key that is wrong and why
 */
export function parseGatewayConfig(raw: unknown): GatewayConfig {
  const result = gatewayConfigSchema.safeParse(raw);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => {
      const key = path.length === 0 ? "the whole file" : `key ${path.join(".")}`;
      return `${key}: ${message.endsWith("received undefined") ? "is missing" : message}`;
    });
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `gateway configuration, ${problems.join("; ")}`);
  }
  const { first_agent_port: first } = result.data.general;
  const last = first + 2 * registryLimits(result.data).maxDevices - 1;
  if (first > 0 && last > 65_535)
    throw new EdgelessError(
      "EDGELESS_BAD_CONFIG",
      `gateway configuration, key general.first_agent_port: the ports up to ${last} are needed for devices.max_devices, the last is 65535`,
    );
  return result.data;
}

/** Bounds of registrations. */
export function registryLimits({ general, devices }: GatewayConfig) {
  const { first_agent_port: firstAgentPort } = general;
  const maxDevices = devices?.max_devices ?? 10_000;
  return {
    maxDevices,
    maxPerAddress: devices?.max_per_address ?? Number.POSITIVE_INFINITY,
    minLifetimeSeconds: devices?.min_lifetime_sec ?? 10,
    maxLifetimeSeconds: devices?.max_lifetime_sec ?? 604_800,
    firstAgentPort,
    sharedAgentPort: firstAgentPort === 0 ? 0 : firstAgentPort + 2 * maxDevices - 1,
  };
}

/** Bounds of the images that are stored ahead of their use. */
export function storedImageLimits({ images }: GatewayConfig) {
  return { maxImages: images?.max_images ?? 32, maxBytes: images?.max_bytes ?? 1_048_576 };
}

/** Bounds and times for each device. */
export function deviceSettings({ devices }: GatewayConfig): DeviceSettings {
  const usual = DEVICE_DEFAULTS;
  return {
    queueEvents: devices?.queue_events ?? usual.queueEvents,
    queueAgeMs: devices?.queue_age_ms ?? usual.queueAgeMs,
    pendingCalls: devices?.pending_calls ?? usual.pendingCalls,
    callTimeoutMs: devices?.call_timeout_ms ?? usual.callTimeoutMs,
    references: devices?.references ?? usual.references,
    overloadSeconds: devices?.overload_sec ?? usual.overloadSeconds,
    maxRunTimeMs: devices?.max_run_time_ms ?? usual.maxRunTimeMs,
    maxStateBytes: devices?.max_state_bytes ?? usual.maxStateBytes,
    logLines: devices?.log_lines ?? usual.logLines,
  };
}

/**
 * Parameters of the CoAP endpoint. Many repetitions with short pauses end within EXCHANGE_LIFETIME: a link that loses every
 * third exchange loses one message in half a million, not one in two hundred as with the parameters of RFC 7252.
 */
export function endpointSettings(config: GatewayConfig): EndpointSettings {
  const { coap } = config;
  return {
    ackTimeoutMs: coap?.ack_timeout_ms ?? 2_000,
    ackRandomFactor: coap?.ack_random_factor ?? 1.5,
    maxRetransmit: coap?.max_retransmit ?? 12,
    maxTimeoutMs: coap?.max_timeout_ms ?? 8_000,
    exchangeLifetimeMs: coap?.exchange_lifetime_ms ?? 247_000,
    responseTimeoutMs: 30_000,
    ackDelayMs: 200,
    duplicatesPerPeer: 64,
    queueCapacity: 4,
    maxBodyBytes: coap?.max_body_bytes ?? 65_536,
    maxHeldBytes: 16 * 1024 * 1024,
    bodiesPerPeer: 2,
    blockExponent: 4,
    maxPeers: strangerCapacity(config),
    maxObservers: 16,
    verifyPeers: coap?.verify_peers ?? false,
  };
}

/** Peers without a registration that are remembered. */
export function strangerCapacity(config: GatewayConfig): number {
  // All devices at once are strangers when they register, over several exchanges that must not push out each other.
  return config.coap?.max_strangers ?? Math.max(LEAST_STRANGERS, registryLimits(config).maxDevices);
}
