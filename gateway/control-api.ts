import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { z } from "zod";
import type { Peer } from "../coap-api/endpoint/peer.js";
import { formatEndpoint, parseEndpoint } from "../core/endpoint.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { parseUuid } from "../core/uuid.js";
import { closeHttp, listenHttp } from "../platform/listen-http.js";
import type { Device } from "./device.js";
import type { DeviceRegistry } from "./device-registry.js";
import { detailOf, summaryOf, updateOf } from "./device-view.js";
import type { LogEntry } from "./log-book.js";

/** What a control API works with. */
export interface ControlApiParts {
  readonly url: string;
  readonly registry: DeviceRegistry;
  readonly peerOf: (device: Device) => Peer | undefined;
  readonly logger: Logger;
}

/** A control API that listens. */
export interface RunningControlApi {
  /** With the actual port. */
  readonly url: string;
  close(): Promise<void>;
}

/** Largest body of a request, and of one with a firmware, bytes. */
const MOST_BODY_BYTES = 4_096;
const MOST_FIRMWARE_BYTES = 1_048_576;
/** Unsent bytes of a log stream at which its reader is cut off. */
const MOST_UNSENT_BYTES = 1_048_576;

/** What there is of a device beside itself. */
const ITEMS: readonly string[] = ["name", "logs", "firmware"];

const firmwareSchema = z.object({
  version: z.string().min(1).max(60),
  files: z
    .array(
      z.object({
        name: z.string().regex(/^edgeless[a-z0-9.-]{0,18}$/),
        content: z.base64().transform((text) => Buffer.from(text, "base64")),
      }),
    )
    .min(1)
    .max(16),
});
const nameSchema = z.object({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/) });

/**
 * Serves the control API of a gateway, JSON over HTTP: `GET /devices`, `GET /devices/<id or name>`,
 * `GET /devices/<…>/logs` (JSON lines; `?follow=1` goes on), `PUT /devices/<…>/name`, `PUT /devices/<…>/firmware`, `DELETE /devices/<…>`.
 * @returns undefined when `url` is empty
 * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export async function startControlApi(parts: ControlApiParts): Promise<RunningControlApi | undefined> {
  if (parts.url === "") return undefined;
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
    handle(parts, request, response).catch((error: unknown) => {
      if (error instanceof Refusal) send(response, error.status, { error: error.message });
      else if (error instanceof EdgelessError)
        send(response, 409, { error: error.message, code: error.code });
      else {
        parts.logger.error("the control API failed", { reason: reasonOf(error) });
        send(response, 500, { error: "internal error" });
      }
    });
  });
  const endpoint = await listenHttp(server, parseEndpoint(parts.url, "control_url"), "control_url");
  return { url: formatEndpoint(endpoint), close: () => closeHttp(server, 200) };
}

/** A request that is not carried out. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function handle(
  parts: ControlApiParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  refuseForeignHosts(request);
  const { registry, peerOf } = parts;
  const url = new URL(request.url ?? "/", "http://gateway");
  const [root, key, item, ...rest] = url.pathname.split("/").filter((part) => part !== "");
  if (root !== "devices" || rest.length > 0) throw new Refusal(404, "not found: the devices are at /devices");
  const { method } = request;
  if (key === undefined) {
    if (method !== "GET") throw new Refusal(405, "only GET");
    send(response, 200, { devices: registry.devices.map((device) => summaryOf(device, peerOf(device))) });
    return;
  }
  const device = findDevice(registry, decodeURIComponent(key));
  if (item === undefined && method === "GET") send(response, 200, detailOf(device, peerOf(device)));
  else if (item === undefined && method === "DELETE") {
    await registry.forget(device);
    send(response, 200, { forgotten: device.nodeId });
  } else if (item === "name" && method === "PUT") {
    const wanted = nameSchema.safeParse(await readJson(request));
    if (!wanted.success)
      throw new Refusal(400, "a name has letters, digits, dots, dashes and underscores, at most 63");
    await registry.rename(device, wanted.data.name);
    send(response, 200, { id: device.nodeId, name: device.name });
  } else if (item === "firmware" && method === "PUT") {
    const wanted = firmwareSchema.safeParse(await readJson(request, MOST_FIRMWARE_BYTES));
    if (!wanted.success) throw new Refusal(400, `no firmware: ${z.prettifyError(wanted.error)}`);
    send(response, 202, updateOf(await device.updateFirmware(wanted.data)));
  } else if (item === "logs" && method === "GET")
    sendLogs(device, url.searchParams.get("follow") === "1", response);
  else throw new Refusal(item === undefined || ITEMS.includes(item) ? 405 : 404, "not possible");
}

/** A page of another site that a browser on this machine shows must not read this API under a name of its own. */
function refuseForeignHosts({ headers }: IncomingMessage): void {
  const host = (headers.host ?? "").replace(/:[0-9]*$/, "").replace(/^\[|\]$/g, "");
  if (host !== "localhost" && isIP(host) === 0)
    throw new Refusal(403, "use an address or localhost, not another name");
}

/** By id, name, or the beginning of an id that fits only one. */
function findDevice(registry: DeviceRegistry, key: string): Device {
  const id = parseUuid(key);
  const known = id === undefined ? undefined : registry.find(id);
  if (known !== undefined) return known;
  const named = registry.devices.find((device) => device.name === key);
  if (named !== undefined) return named;
  const fitting = key.length < 4 ? [] : registry.devices.filter(({ nodeId }) => nodeId.startsWith(key));
  const [first] = fitting;
  if (first === undefined) throw new Refusal(404, `no device "${key.slice(0, 80)}"`);
  if (fitting.length > 1)
    throw new Refusal(409, `"${key}" fits ${fitting.length} devices: use more of the id`);
  return first;
}

async function readJson(request: IncomingMessage, mostBytes = MOST_BODY_BYTES): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > mostBytes) throw new Refusal(413, "the request is too large");
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new Refusal(400, "the request is not JSON");
  }
}

function sendLogs(device: Device, follow: boolean, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const write = (entry: LogEntry) => {
    const { timeMs, functionId, ...others } = entry;
    const line = { time: new Date(timeMs).toISOString(), instance: functionId, ...others };
    response.write(`${JSON.stringify(line)}\n`);
    if (response.writableLength > MOST_UNSENT_BYTES) response.destroy();
  };
  for (const entry of device.logs.newest()) write(entry);
  if (!follow) {
    response.end();
    return;
  }
  response.flushHeaders();
  response.on("close", device.logs.follow(write));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
