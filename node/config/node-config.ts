import { z } from "zod";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";
import {
  DATA_PLANE_DEFAULTS,
  type DataPlaneSettings,
} from "../../grpc-api/data-plane/data-plane-settings.js";
import { type ContainerSettings, DEFAULT_CONTAINER_SETTINGS } from "../containers/container-settings.js";
import { DEFAULT_FUNCTION_SETTINGS, type FunctionSettings } from "../functions/function-settings.js";
import { resourceSettingsSchema } from "../resources/resource-settings.js";

const count = z.int().min(1).max(1_000_000_000);
const uint32 = z.int().min(0).max(0xffffffff);

/** `http` or `https` with an explicit port. */
const url = z.string().superRefine((text, context) => {
  const problem = urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});
const urlOrEmpty = z.string().superRefine((text, context) => {
  const problem = text === "" ? undefined : urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});
const uuid = z.string().transform((text, context): Uuid => {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: `"${text.slice(0, 60)}" is not a UUID` });
  return z.NEVER;
});

/** The configuration file of a node: the keys of the reference, and optional ones of this project. */
const nodeConfigSchema = z.object({
  general: z.object({
    node_id: uuid,
    /** Where the ε-ORC calls; port 0 lets the system choose. */
    agent_url: url,
    /** What the ε-ORC is told; empty: the bound address. */
    agent_url_announced: urlOrEmpty,
    /** Where events come in; may be the same as `agent_url`. */
    invocation_url: url,
    invocation_url_announced: urlOrEmpty,
    /** Not available: devices are reached through the gateway. */
    invocation_url_coap: z.string().max(0, "is not available: run a gateway for CoAP devices").optional(),
    /** Without effect, as in the reference. */
    invocation_url_announced_coap: z.string().optional(),
    node_register_url: url,
    /** Seconds between two reports; each is valid for twice as long. */
    subscription_refresh_interval_sec: z.int().min(1).max(86_400),
  }),
  telemetry: z.object({
    /** Prometheus page; empty: none. */
    metrics_url: urlOrEmpty,
    /** Whether durations and log lines of functions go to the ε-ORC. */
    performance_samples: z.boolean(),
  }),
  wasm_runtime: z
    .object({
      enabled: z.boolean(),
      /** Folder of the state that functions keep. */
      state_folder: z.string().min(1).optional(),
      /** Worker threads for functions; 0: none. */
      threads: z.int().min(0).max(1024).optional(),
      max_instances: count.optional(),
      max_module_bytes: count.optional(),
      max_memory_mib: z.int().min(1).max(4096).optional(),
      max_run_time_ms: count.optional(),
      /** Also of calls that resources make. */
      call_timeout_ms: count.optional(),
      /** Events that wait for one instance; also of resources. */
      mailbox_capacity: count.optional(),
      max_waiting_text: count.optional(),
      max_timers: count.optional(),
      worker_queue_capacity: count.optional(),
      worker_timeout_ms: count.optional(),
      worker_heap_mib: count.optional(),
    })
    .optional(),
  container_runtime: z
    .object({
      enabled: z.boolean(),
      /** Where the node listens for its functions in containers, and what they are told. */
      guest_api_host_url: z.string(),
      /** What they are told instead. */
      guest_api_host_url_announced: urlOrEmpty.optional(),
      /** Unix socket of Docker or Podman. */
      engine_socket: z.string().min(1).optional(),
      engine_timeout_ms: count.optional(),
      max_instances: count.optional(),
      /** How long a function may take until it answers the boot. */
      start_timeout_ms: count.optional(),
      /** Waiting included. */
      max_run_time_ms: count.optional(),
      call_timeout_ms: count.optional(),
      /** Events that wait for one instance. */
      mailbox_capacity: count.optional(),
      max_waiting_text: count.optional(),
      max_timers: count.optional(),
    })
    .superRefine(({ enabled, guest_api_host_url: given }, context) => {
      const problem = enabled ? urlProblem(given) : undefined;
      if (problem !== undefined)
        context.addIssue({ code: "custom", path: ["guest_api_host_url"], message: problem });
    })
    .optional(),
  resources: resourceSettingsSchema.optional(),
  user_node_capabilities: z
    .object({
      num_cpus: uint32.optional(),
      model_name_cpu: z.string().optional(),
      /** MHz. */
      clock_freq_cpu: z.number().min(0).optional(),
      num_cores: uint32.optional(),
      /** MiB. */
      mem_size: uint32.optional(),
      labels: z.array(z.string()).optional(),
      is_tee_running: z.boolean().optional(),
      has_tpm: z.boolean().optional(),
      /** MiB. */
      disk_tot_space: uint32.optional(),
      num_gpus: uint32.optional(),
      model_name_gpu: z.string().optional(),
      /** MiB. */
      mem_size_gpu: uint32.optional(),
    })
    .optional(),
  /** An electric power meter that speaks Modbus/TCP. */
  power_info: z
    .object({
      modbus_endpoint: z.string().regex(/^\S+:[0-9]{1,5}$/, "is not address:port"),
      outlet_number: z.int().min(1).max(128),
    })
    .optional(),
  dataplane: z
    .object({
      /** Most events that wait for one peer. */
      queue_events: count.optional(),
      /** Most payload that waits for one peer, UTF-16 code units. */
      queue_payload: count.optional(),
      /** How long an event may wait for a peer, milliseconds. */
      queue_age_ms: count.optional(),
      /** Events in flight to one peer. */
      in_flight: z.int().min(1).max(10_000).optional(),
      /** Deadline of the transfer of one event, milliseconds. */
      deadline_ms: z.int().min(10).max(600_000).optional(),
    })
    .optional(),
});

/** A checked configuration of a node. */
export type NodeConfig = z.infer<typeof nodeConfigSchema>;

/**
 * Checks a configuration; unknown keys are ignored.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming each key that is wrong and why
 */
export function parseNodeConfig(raw: unknown): NodeConfig {
  const result = nodeConfigSchema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const key = path.length === 0 ? "the whole file" : `key ${path.join(".")}`;
    return `${key}: ${message.endsWith("received undefined") ? "is missing" : message}`;
  });
  throw new EdgelessError("EDGELESS_BAD_CONFIG", `node configuration, ${problems.join("; ")}`);
}

/** Bounds and times of the data plane that a configuration asks for. */
export function dataPlaneSettings({ dataplane }: NodeConfig): DataPlaneSettings {
  return withDefaults(DATA_PLANE_DEFAULTS, {
    queueEvents: dataplane?.queue_events,
    queuePayload: dataplane?.queue_payload,
    queueAgeMs: dataplane?.queue_age_ms,
    inFlight: dataplane?.in_flight,
    deadlineMs: dataplane?.deadline_ms,
  });
}

/** Limits of the function run-time that a configuration asks for. */
export function functionSettings({ wasm_runtime: wasm }: NodeConfig): FunctionSettings {
  return withDefaults(DEFAULT_FUNCTION_SETTINGS, {
    threads: wasm?.threads,
    maxInstances: wasm?.max_instances,
    maxModuleBytes: wasm?.max_module_bytes,
    maxMemoryMib: wasm?.max_memory_mib,
    maxRunTimeMs: wasm?.max_run_time_ms,
    callTimeoutMs: wasm?.call_timeout_ms,
    mailboxCapacity: wasm?.mailbox_capacity,
    maxWaitingText: wasm?.max_waiting_text,
    maxTimers: wasm?.max_timers,
    workerQueueCapacity: wasm?.worker_queue_capacity,
    workerTimeoutMs: wasm?.worker_timeout_ms,
    workerHeapMib: wasm?.worker_heap_mib,
  });
}

/** Limits and addresses of the container run-time that a configuration asks for. */
export function containerSettings({ container_runtime: containers }: NodeConfig): ContainerSettings {
  return withDefaults(DEFAULT_CONTAINER_SETTINGS, {
    guestApiHostUrl: containers?.guest_api_host_url,
    guestApiHostUrlAnnounced: containers?.guest_api_host_url_announced,
    engineSocket: containers?.engine_socket,
    engineTimeoutMs: containers?.engine_timeout_ms,
    maxInstances: containers?.max_instances,
    startTimeoutMs: containers?.start_timeout_ms,
    maxRunTimeMs: containers?.max_run_time_ms,
    callTimeoutMs: containers?.call_timeout_ms,
    mailboxCapacity: containers?.mailbox_capacity,
    maxWaitingText: containers?.max_waiting_text,
    maxTimers: containers?.max_timers,
  });
}

function withDefaults<T extends object>(
  defaults: T,
  given: { readonly [Key in keyof T]?: T[Key] | undefined },
): T {
  return {
    ...defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
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
