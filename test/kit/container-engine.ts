import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, writeFileSync } from "node:fs";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { eventually } from "./eventually.js";
import { findProgram, ServerProcess, serverFolder } from "./server-process.js";

/** A program that offers the Docker Engine API. */
export interface ContainerEngineKind {
  readonly name: string;
  /** Why tests with it are left out; undefined when they may be tried. */
  readonly missing: string | undefined;
  /** Name of this machine within containers. */
  readonly hostName: string;
  /** Whether it needs a network device of its own, {@link ContainerEngine} makes it. */
  readonly needsBridge: boolean;
  /** Program and arguments that keep everything in a folder and listen on a socket. */
  command(folder: string, socket: string, bridge: string): [string, readonly string[]];
}

const DOCKER_PROGRAM = findProgram("dockerd");
const PODMAN_PROGRAM = findProgram("podman");
const RUNC = findProgram("runc");

/** Docker's daemon, which leaves the packet filter of the machine alone. */
export const DOCKER: ContainerEngineKind = {
  name: "Docker",
  hostName: "host.docker.internal",
  needsBridge: true,
  missing: reasonAgainst(DOCKER_PROGRAM, "dockerd", "docker.io"),
  command: (folder, socket, bridge) => [
    DOCKER_PROGRAM ?? "",
    [
      ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
      ...["--pidfile", join(folder, "pid"), "--host", `unix://${socket}`],
      ...["--storage-driver", "vfs", "--iptables=false", "--ip-forward=false", "--bridge", bridge],
    ],
  ],
};

/** Podman's service of the same API. */
export const PODMAN: ContainerEngineKind = {
  name: "Podman",
  hostName: "host.containers.internal",
  needsBridge: false,
  missing: reasonAgainst(PODMAN_PROGRAM, "podman", "podman"),
  command: (folder, socket) => [
    PODMAN_PROGRAM ?? "",
    [
      ...["--root", join(folder, "data"), "--runroot", join(folder, "exec"), "--tmpdir", join(folder, "tmp")],
      ...["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"],
      // It also starts containers where both versions of control groups are mounted.
      ...(RUNC === undefined ? [] : ["--runtime", RUNC]),
      ...["system", "service", "--time=0", `unix://${socket}`],
    ],
  ],
};

const containers = z.array(z.object({ Id: z.string() }));

function reasonAgainst(file: string | undefined, program: string, debianPackage: string): string | undefined {
  if (file === undefined) return `the program ${program} is not installed (Debian package ${debianPackage})`;
  if (process.getuid?.() !== 0) return `${program} is started by the tests only when root runs them`;
  return undefined;
}

/** A container engine of a test's own. */
export class ContainerEngine {
  readonly socket: string;
  readonly #folder: string;
  readonly #process: ServerProcess;
  /** Network device that comes with it. */
  readonly #bridge: string | undefined;

  private constructor(kind: ContainerEngineKind) {
    this.#folder = serverFolder(kind.name.toLowerCase());
    this.socket = join(this.#folder, "engine.sock");
    // A process can have no more files than its parent, whatever an engine takes for usual.
    const settings = join(this.#folder, "containers.conf");
    writeFileSync(settings, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
    const bridge = `edgeless-${process.pid}`.slice(0, 15);
    this.#bridge = kind.needsBridge ? bridge : undefined;
    const [file, args] = kind.command(this.#folder, this.socket, bridge);
    const variables = [`CONTAINERS_CONF=${settings}`];
    this.#process = new ServerProcess("/usr/bin/env", [...variables, file, ...args], { cwd: this.#folder });
  }

  /** Starts an engine and gives it an image that exposes a TCP port; a text says why that is impossible here. */
  static async start(kind: ContainerEngineKind, image: EngineImage): Promise<ContainerEngine | string> {
    const engine = new ContainerEngine(kind);
    try {
      engine.#makeBridge();
      await engine.run();
      await engine.#import(image);
      await engine.#try(image);
      return engine;
    } catch (error) {
      await engine.close();
      return `${kind.name} starts no containers here: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** A network of its own: several engines would give the same addresses away. */
  #makeBridge(): void {
    if (this.#bridge === undefined) return;
    const ip = (...args: readonly string[]) => execFileSync("ip", [...args, "dev", this.#bridge ?? ""]);
    execFileSync("ip", ["link", "add", this.#bridge, "type", "bridge"], { stdio: "ignore" });
    ip("addr", "add", `172.30.${process.pid % 256}.1/24`);
    ip("link", "set", "up");
  }

  /** Starts it; again after it ended. */
  async run(): Promise<void> {
    this.#process.run();
    await eventually("an answer of the engine", async () => (await this.ask("GET", "/_ping")).status === 200);
  }

  /** Ends it; Docker ends its containers with it, those of Podman go on. */
  end(): Promise<void> {
    return this.#process.end("SIGTERM");
  }

  /** Removes everything of it. */
  async close(): Promise<void> {
    try {
      const { body } = await this.ask("GET", "/containers/json?all=true");
      for (const { Id } of containers.parse(JSON.parse(body)))
        await this.ask("DELETE", `/containers/${Id}?force=true&v=true`);
    } catch {
      // It never ran.
    }
    await this.end();
    // Docker mounts its folder onto itself.
    spawnSync("umount", [join(this.#folder, "data")], { stdio: "ignore" });
    await this.#process.close();
    if (this.#bridge !== undefined) spawnSync("ip", ["link", "del", this.#bridge], { stdio: "ignore" });
  }

  /** One request; gives whatever it is answered with. */
  ask(method: string, path: string, body?: string | EngineImage): Promise<{ status: number; body: string }> {
    const isFile = typeof body === "object";
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["content-type"] = isFile ? "application/x-tar" : "application/json";
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = httpRequest(
        { socketPath: this.socket, method, path, headers, agent: false, timeout: 60_000 },
        (message) =>
          void textOf(message).then(
            (text) => resolve({ status: message.statusCode ?? 0, body: text }),
            reject,
          ),
      );
      sent.on("error", reject);
      sent.on("timeout", () => sent.destroy(new Error("no answer in a minute")));
      if (isFile) createReadStream(body.tar).on("error", reject).pipe(sent);
      else sent.end(body);
    });
  }

  async #import(image: EngineImage): Promise<void> {
    const changes = [`CMD ${JSON.stringify(image.command)}`, `EXPOSE ${image.port}/tcp`];
    const query = new URLSearchParams({ fromSrc: "-", repo: image.name });
    for (const change of changes) query.append("changes", change);
    const { status, body } = await this.ask("POST", `/images/create?${query}`, image);
    if (status !== 200) throw new Error(`the image is refused: ${body.slice(0, 300)}`);
  }

  /** A container of it has to start: not every place that has the program allows that. */
  async #try({ name }: EngineImage): Promise<void> {
    const created = await this.ask("POST", "/containers/create?name=try", JSON.stringify({ Image: name }));
    const started = await this.ask("POST", "/containers/try/start");
    await this.ask("DELETE", "/containers/try?force=true&v=true");
    if (started.status >= 300) throw new Error(`${created.body} ${started.body}`.slice(0, 300));
  }
}

/** A file system to make an image of. */
export interface EngineImage {
  /** Without a tag: it gets `latest`. */
  readonly name: string;
  /** Path of the archive. */
  readonly tar: string;
  readonly command: readonly string[];
  readonly port: number;
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message.setEncoding("utf8")) text += String(chunk);
  return text;
}
