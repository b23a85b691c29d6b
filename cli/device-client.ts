import type { Command } from "commander";
import { z } from "zod";
import { EdgelessError, reasonOf } from "../core/errors.js";
import { createOutput, type Output } from "./output.js";

/** Where a gateway has its control API unless it is configured otherwise. */
export const DEFAULT_CONTROL_URL = "http://127.0.0.1:7011";
/** Longest wait for an answer that is no stream. */
const DEADLINE_MS = 10_000;

const summarySchema = z.object({
  id: z.string(),
  name: z.string(),
  present: z.boolean(),
  board: z.string(),
  address: z.string(),
  last_seen: z.string(),
  free_memory_bytes: z.number(),
  instances: z.number(),
  round_trip_ms: z.number().nullable(),
  loss: z.number().nullable(),
  queued_events: z.number(),
});

const updateSchema = z.object({
  version: z.string(),
  state: z.string(),
  reason: z.string(),
  sent_bytes: z.number(),
  total_bytes: z.number(),
});

const detailSchema = summarySchema.extend({
  agent_port: z.number(),
  lifetime_seconds: z.number(),
  uptime_seconds: z.number().nullable(),
  runtimes: z.array(z.string()),
  labels: z.array(z.string()),
  limits: z.object({
    image_bytes: z.number(),
    instances: z.number(),
    function_memory_bytes: z.number(),
    payload_bytes: z.number(),
  }),
  providers: z.array(
    z.object({ provider_id: z.string(), class_type: z.string(), outputs: z.array(z.string()) }),
  ),
  images: z.array(z.string()),
  counters: z.record(z.string(), z.number()),
  firmware: z
    .object({ version: z.string(), state: z.string(), update: updateSchema.nullable() })
    .nullable()
    .default(null),
  components: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      name: z.string(),
      workflow: z.string(),
      state: z.string(),
      restarts: z.number(),
      reason: z.string(),
      outputs: z.record(z.string(), z.string()),
    }),
  ),
});

const logSchema = z.object({
  time: z.string(),
  instance: z.string(),
  name: z.string(),
  level: z.string(),
  target: z.string(),
  message: z.string(),
});

/** A device in a list. */
export type DeviceSummary = z.infer<typeof summarySchema>;
/** All that is known of a device. */
export type DeviceDetail = z.infer<typeof detailSchema>;
/** An update of the firmware of a device, and how far it is. */
export type DeviceUpdate = z.infer<typeof updateSchema>;
/** A log line of a function on a device. */
export type DeviceLogLine = z.infer<typeof logSchema>;

/** The control API of a gateway. */
export class GatewayControl {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, "");
  }

  async list(): Promise<readonly DeviceSummary[]> {
    return (await this.#ask("devices", z.object({ devices: z.array(summarySchema) }))).devices;
  }

  inspect(key: string): Promise<DeviceDetail> {
    return this.#ask(`devices/${encodeURIComponent(key)}`, detailSchema);
  }

  rename(key: string, name: string): Promise<{ id: string; name: string }> {
    const init = { method: "PUT", body: JSON.stringify({ name }) };
    return this.#ask(
      `devices/${encodeURIComponent(key)}/name`,
      z.object({ id: z.string(), name: z.string() }),
      init,
    );
  }

  /** Begins an update; what becomes of it stands in what {@link inspect} gives. */
  update(
    key: string,
    version: string,
    files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  ): Promise<DeviceUpdate> {
    const contents = files.map(({ name, bytes }) => ({
      name,
      content: Buffer.from(bytes).toString("base64"),
    }));
    const init = { method: "PUT", body: JSON.stringify({ version, files: contents }) };
    return this.#ask(`devices/${encodeURIComponent(key)}/firmware`, updateSchema, init);
  }

  /** @returns the id of the device that was forgotten */
  async forget(key: string): Promise<string> {
    const answer = z.object({ forgotten: z.string() });
    return (await this.#ask(`devices/${encodeURIComponent(key)}`, answer, { method: "DELETE" })).forgotten;
  }

  /** Hands over log lines as they come; returns when the gateway ends, or at once after the newest ones. */
  async logs(key: string, follow: boolean, take: (line: DeviceLogLine) => void): Promise<void> {
    const path = `devices/${encodeURIComponent(key)}/logs${follow ? "?follow=1" : ""}`;
    const response = await this.#request(path, follow ? {} : { signal: AbortSignal.timeout(DEADLINE_MS) });
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(logSchema.parse(JSON.parse(line)));
    }
  }

  async #ask<T>(path: string, schema: z.ZodType<T>, init: RequestInit = {}): Promise<T> {
    const response = await this.#request(path, { ...init, signal: AbortSignal.timeout(DEADLINE_MS) });
    const parsed = schema.safeParse(await response.json());
    if (parsed.success) return parsed.data;
    throw new EdgelessError(
      "EDGELESS_BAD_MESSAGE",
      `the gateway at ${this.#url} answered something unknown`,
      parsed.error,
    );
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#url}/${path}`, init);
    } catch (error) {
      throw new EdgelessError(
        "EDGELESS_UNREACHABLE",
        `the gateway at ${this.#url} cannot be reached: ${reasonOf(error)}`,
        error,
      );
    }
    if (response.ok) return response;
    const refusal = z.object({ error: z.string() }).safeParse(await response.json().catch(() => undefined));
    throw new EdgelessError(
      "EDGELESS_REJECTED",
      refusal.success ? refusal.data.error : `the gateway answered ${response.status}`,
    );
  }
}

/** Adds the options of the commands that talk to a gateway. */
export function withDeviceOptions(command: Command): Command {
  return command
    .option("--control-url <URL>", "the control API of the gateway", DEFAULT_CONTROL_URL)
    .option("--json", "print results as JSON");
}

/** The surroundings of such a command. */
export function deviceClient(command: Command): {
  readonly output: Output;
  readonly gateway: GatewayControl;
} {
  const options = command.opts<{ controlUrl: string; json?: boolean }>();
  return { output: createOutput(options.json === true), gateway: new GatewayControl(options.controlUrl) };
}
