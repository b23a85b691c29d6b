import { z } from "zod";
import { EdgelessError } from "../../../core/errors.js";

/** What an image says about itself. */
export interface ImageInfo {
  /** TCP ports that it exposes, ascending. */
  readonly tcpPorts: readonly number[];
}

/** Where a container stands. */
export interface ContainerInfo {
  readonly running: boolean;
  readonly exitStatus: number;
  /** What the engine says about the end; often empty. */
  readonly error: string;
  readonly outOfMemory: boolean;
  /** Port of the container to port of this machine. */
  readonly published: ReadonlyMap<number, number>;
}

const TCP_PORT = /^([0-9]{1,5})\/tcp$/;
const refusal = z.object({ message: z.string() });
const image = z.object({
  Config: z.object({ ExposedPorts: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});
const id = z.string().regex(/^[0-9A-Za-z_.-]{1,200}$/);
const created = z.object({ Id: id });
const container = z.object({
  State: z.object({
    Running: z.boolean(),
    ExitCode: z.int().nullish(),
    Error: z.string().nullish(),
    OOMKilled: z.boolean().nullish(),
  }),
  NetworkSettings: z
    .object({
      Ports: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullish()).nullish(),
    })
    .nullish(),
});
const listed = z.array(z.object({ Id: id }));

/** Reads the answer to `GET /images/{name}/json`. @throws EdgelessError EDGELESS_BAD_MESSAGE */
export function readImage(body: Uint8Array): ImageInfo {
  const ports = Object.keys(read(image, body, "image").Config?.ExposedPorts ?? {});
  return { tcpPorts: ports.flatMap(tcpPort).sort((a, b) => a - b) };
}

/** Reads the answer to `POST /containers/create`: the id. @throws EdgelessError EDGELESS_BAD_MESSAGE */
export function readCreated(body: Uint8Array): string {
  return read(created, body, "new container").Id;
}

/** Reads the answer to `GET /containers/{id}/json`. @throws EdgelessError EDGELESS_BAD_MESSAGE */
export function readContainer(body: Uint8Array): ContainerInfo {
  const { State: state, NetworkSettings: network } = read(container, body, "container");
  const published = new Map<number, number>();
  for (const [name, bindings] of Object.entries(network?.Ports ?? {})) {
    const [port] = tcpPort(name);
    const host = Number(bindings?.[0]?.HostPort ?? 0);
    if (port !== undefined && Number.isInteger(host) && host > 0 && host < 65_536) published.set(port, host);
  }
  return {
    running: state.Running,
    exitStatus: state.ExitCode ?? 0,
    error: state.Error ?? "",
    outOfMemory: state.OOMKilled ?? false,
    published,
  };
}

/** Reads the answer to `GET /containers/json`: the ids. @throws EdgelessError EDGELESS_BAD_MESSAGE */
export function readList(body: Uint8Array): string[] {
  return read(listed, body, "list of containers").map((container) => container.Id);
}

/** The sentence of a refusal, or what there is instead. */
export function readRefusal(body: Uint8Array): string {
  const text = Buffer.from(body).toString().trim();
  try {
    return refusal.parse(JSON.parse(text)).message;
  } catch {
    return text === "" ? "no reason given" : text.slice(0, 300);
  }
}

function read<T>(schema: z.ZodType<T>, body: Uint8Array, what: string): T {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(body).toString());
  } catch (error) {
    throw new EdgelessError(
      "EDGELESS_BAD_MESSAGE",
      `the container engine's ${what} cannot be read: no JSON`,
      error,
    );
  }
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined ? "" : `, ${issue.path.join(".") || "the whole"}: ${issue.message}`;
  throw new EdgelessError("EDGELESS_BAD_MESSAGE", `the container engine's ${what} cannot be read${where}`);
}

function tcpPort(name: string): number[] {
  const port = Number(TCP_PORT.exec(name)?.[1] ?? 0);
  return port > 0 && port < 65_536 ? [port] : [];
}
