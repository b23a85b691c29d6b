import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { URL } from "node:url";
import { z } from "zod";

const creation = z.object({
  Image: z.string(),
  Labels: z.record(z.string(), z.string()),
  HostConfig: z.object({
    PortBindings: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() }))),
    Devices: z.array(z.unknown()),
    ExtraHosts: z.array(z.string()),
  }),
});

/** A container of the scripted engine. */
export interface ScriptedContainer {
  readonly id: string;
  readonly name: string;
  readonly request: z.infer<typeof creation>;
  running: boolean;
  exitCode: number;
  /** Ends its log. */
  readonly logs: Set<ServerResponse>;
}

/** Takes a request in place of the engine; false: leaves it to the engine. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Text as a frame of a log stream. */
export function logFrame(stream: 0 | 1 | 2, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/**
 * Answers as the Docker Engine API describes, on a Unix socket; a "container" is a port of this machine that the test
 * serves. Errors are scripted with {@link misbehave}.
 */
export class ScriptedEngine {
  readonly #folder = mkdtempSync(join(tmpdir(), "edgeless-engine-"));
  readonly path = join(this.#folder, "engine.sock");
  /** Exposed ports by image name. */
  readonly images = new Map<string, readonly string[]>();
  readonly containers = new Map<string, ScriptedContainer>();
  /** Every request, as method and path. */
  readonly requests: string[] = [];
  /** What containers write when they start. */
  output = logFrame(1, "function starts\n");
  misbehave: Misbehaviour = () => false;
  /** Host port of a container. */
  port = 0;
  #server: Server | undefined;
  #count = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Puts a container there that nobody asked for. */
  plant(name: string, labels: Readonly<Record<string, string>>): ScriptedContainer {
    const HostConfig = { PortBindings: {}, Devices: [], ExtraHosts: [] };
    return this.#add(name, { Image: "planted", Labels: labels, HostConfig });
  }

  /** Ends a container by itself. */
  end(container: ScriptedContainer, exitCode: number): void {
    container.running = false;
    container.exitCode = exitCode;
    for (const log of container.logs) log.end();
    container.logs.clear();
  }

  #add(name: string, request: z.infer<typeof creation>): ScriptedContainer {
    const id = `${++this.#count}`.padStart(12, "c0ffee");
    const container = { id, name, request, running: false, exitCode: 0, logs: new Set<ServerResponse>() };
    this.containers.set(id, container);
    return container;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    this.requests.push(`${request.method} ${pathname}`);
    if (this.misbehave(request, response)) return;
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    const missing = (what: string) => json(404, { message: `No such ${what}` });
    const image = /^\/images\/(.+)\/json$/.exec(pathname)?.[1];
    if (image !== undefined) {
      const ports = this.images.get(decodeURIComponent(image));
      if (ports === undefined) return missing(`image: ${decodeURIComponent(image)}`);
      return json(200, { Config: { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) } });
    }
    if (pathname === "/containers/create") {
      const wanted = creation.parse(JSON.parse(Buffer.concat(chunks).toString()));
      if (!this.images.has(wanted.Image)) return missing(`image: ${wanted.Image}`);
      return json(201, { Id: this.#add(searchParams.get("name") ?? "", wanted).id, Warnings: [] });
    }
    if (pathname === "/containers/json") {
      const filter = z
        .object({ label: z.array(z.string()) })
        .parse(JSON.parse(searchParams.get("filters") ?? ""));
      const [name = "", value = ""] = (filter.label[0] ?? "").split("=");
      const found = [...this.containers.values()].filter(({ request: { Labels } }) => Labels[name] === value);
      return json(
        200,
        found.map(({ id, request: { Labels } }) => ({ Id: id, Labels })),
      );
    }
    const [, key = "", action = ""] = /^\/containers\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    const container = [...this.containers.values()].find(({ id, name }) => id === key || name === key);
    if (container === undefined) return missing(`container: ${key}`);
    if (request.method === "DELETE") {
      this.end(container, 137);
      this.containers.delete(container.id);
      response.writeHead(204).end();
    } else if (action === "start") {
      container.running = true;
      response.writeHead(204).end();
    } else if (action === "stop") {
      this.end(container, 0);
      response.writeHead(204).end();
    } else if (action === "json") {
      const ports = Object.keys(container.request.HostConfig.PortBindings);
      const bound = [{ HostIp: "127.0.0.1", HostPort: String(this.port) }];
      json(200, {
        State: { Running: container.running, ExitCode: container.exitCode, Error: "", OOMKilled: false },
        NetworkSettings: { Ports: Object.fromEntries(ports.map((port) => [port, bound])) },
      });
    } else if (action === "logs") {
      response.writeHead(200, { "content-type": "application/vnd.docker.multiplexed-stream" });
      response.write(this.output);
      if (container.running) container.logs.add(response);
      else response.end();
    } else missing("action");
  }
}
