import type { Clock } from "../../../core/clock.js";
import { EdgelessError } from "../../../core/errors.js";
import type { Random } from "../../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../../core/retry-schedule.js";
import {
  type ContainerInfo,
  type ImageInfo,
  readContainer,
  readCreated,
  readImage,
  readList,
  readRefusal,
} from "./engine-answers.js";
import { type EngineAnswer, type EngineRequest, EngineSocket, isTransient } from "./engine-socket.js";
import { LogFrames, type LogLine } from "./log-frames.js";

/** What an {@link EngineClient} works with. */
export interface EngineClientOptions {
  /** Unix socket of Docker or of Podman's compatible service. */
  readonly socketPath: string;
  /** Longest answer, milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** A container to create. */
export interface ContainerRequest {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** TCP ports of the container; each gets a free port of 127.0.0.1. */
  readonly ports: readonly number[];
  /** Devices of this machine that the container may read, write and make nodes of. */
  readonly devices: readonly string[];
  /** Lines for the hosts file, `name:address`. */
  readonly hosts: readonly string[];
}

/** Tries of a request that may be repeated. */
const MOST_TRIES = 4;
const RETRY: RetryPolicy = { initialMs: 100, factor: 3, maximumMs: 2000, jitter: 0.2 };

/**
 * The part of the Docker Engine API that the node uses, without a version in the path: the engine then speaks its own.
 * Requests that change nothing twice are repeated when the engine is restarting; all have a deadline.
 * Every method throws EdgelessError EDGELESS_CONTAINER_ENGINE, EDGELESS_TIMEOUT or EDGELESS_BAD_MESSAGE.
 */
export class EngineClient {
  readonly #socket: EngineSocket;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ socketPath, timeoutMs, clock, random }: EngineClientOptions) {
    this.#socket = new EngineSocket({ path: socketPath, timeoutMs, clock });
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws EdgelessError also EDGELESS_CONTAINER_IMAGE when the engine does not have the image */
  async image(name: string): Promise<ImageInfo> {
    const answer = await this.#repeat({ method: "GET", path: `/images/${pathOf(name)}/json` });
    if (answer.status === 404) throw missingImage(name, answer);
    return readImage(accepted(answer, `image ${name}`, 200).body);
  }

  /**
   * Creates a container and gives its id. Not repeated: when it fails, there may be a container of this name.
   * @throws EdgelessError also EDGELESS_CONTAINER_IMAGE
   */
  async create(request: ContainerRequest): Promise<string> {
    const { name, image, labels, ports, devices, hosts } = request;
    const body = {
      Image: image,
      Labels: labels,
      Tty: false,
      ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
      HostConfig: {
        PortBindings: Object.fromEntries(
          ports.map((port) => [`${port}/tcp`, [{ HostIp: "127.0.0.1", HostPort: "" }]]),
        ),
        Devices: devices.map((path) => ({
          PathOnHost: path,
          PathInContainer: path,
          CgroupPermissions: "rwm",
        })),
        ExtraHosts: hosts,
      },
    };
    const path = `/containers/create?name=${encodeURIComponent(name)}`;
    const answer = await this.#socket.send({ method: "POST", path, body });
    if (answer.status === 404) throw missingImage(image, answer);
    return readCreated(accepted(answer, `creation of a container from ${image}`, 201).body);
  }

  /** Starts a container; one that runs already is no error. */
  async start(id: string): Promise<void> {
    const answer = await this.#repeat({ method: "POST", path: `/containers/${pathOf(id)}/start` });
    accepted(answer, "start of a container", 204, 304);
  }

  /** Undefined when there is no such container. */
  async inspect(id: string): Promise<ContainerInfo | undefined> {
    const answer = await this.#repeat({ method: "GET", path: `/containers/${pathOf(id)}/json` });
    if (answer.status === 404) return undefined;
    return readContainer(accepted(answer, "inspection of a container", 200).body);
  }

  /**
   * Stops a container; one that does not run, or is not there, is no error.
   * @param graceSeconds how long its program may take before it is killed
   */
  async stop(id: string, graceSeconds: number): Promise<void> {
    const path = `/containers/${pathOf(id)}/stop?t=${graceSeconds}`;
    const answer = await this.#repeat({ method: "POST", path }, graceSeconds * 1000);
    accepted(answer, "stop of a container", 204, 304, 404);
  }

  /** Removes a container and its volumes, running or not; one that is not there, or is being removed, is no error. */
  async remove(id: string): Promise<void> {
    const path = `/containers/${pathOf(id)}?force=true&v=true`;
    const answer = await this.#repeat({ method: "DELETE", path });
    if (answer.status === 409 && /already in progress/.test(readRefusal(answer.body))) return;
    accepted(answer, "removal of a container", 204, 200, 404);
  }

  /** Ids of all containers with a label, running or not. */
  async labelled(name: string, value: string): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${name}=${value}`] }));
    const answer = await this.#repeat({
      method: "GET",
      path: `/containers/json?all=true&filters=${filters}`,
    });
    return readList(accepted(answer, "list of containers", 200).body);
  }

  /**
   * Gives what a container writes, line by line, until it ends or `signal` ends it.
   * @param fromStart false: only what comes from now on
   */
  async followLogs(
    id: string,
    fromStart: boolean,
    onLine: (line: LogLine) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const query = `follow=true&stdout=true&stderr=true&tail=${fromStart ? "all" : "0"}`;
    const request: EngineRequest = { method: "GET", path: `/containers/${pathOf(id)}/logs?${query}` };
    const message = await this.#socket.stream(request, signal);
    if (message.statusCode !== 200) {
      message.destroy();
      throw new EdgelessError(
        "EDGELESS_CONTAINER_ENGINE",
        `the log of a container: the engine answered ${message.statusCode}`,
      );
    }
    const frames = new LogFrames();
    try {
      for await (const chunk of message) {
        if (chunk instanceof Uint8Array) for (const line of frames.push(chunk)) onLine(line);
      }
    } finally {
      message.destroy();
      for (const line of frames.finish()) onLine(line);
    }
  }

  /** Gives up all requests. */
  close(): void {
    this.#socket.close();
  }

  async #repeat(request: EngineRequest, extraMs = 0): Promise<EngineAnswer> {
    const schedule = new RetrySchedule(RETRY, this.#random);
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.#socket.send(request, extraMs);
        if (answer.status < 500 || tries === MOST_TRIES) return answer;
      } catch (error) {
        if (tries === MOST_TRIES || !isTransient(error)) throw error;
      }
      await new Promise<void>((resolve) => this.#clock.setTimer(schedule.nextMs(), resolve));
    }
  }
}

function accepted(answer: EngineAnswer, what: string, ...statuses: readonly number[]): EngineAnswer {
  if (statuses.includes(answer.status)) return answer;
  const reason = `the engine answered ${answer.status}: ${readRefusal(answer.body)}`;
  throw new EdgelessError("EDGELESS_CONTAINER_ENGINE", `${what}: ${reason}`);
}

function missingImage(name: string, answer: EngineAnswer): EdgelessError {
  const sentence = `the container engine has no image ${name}: ${readRefusal(answer.body)}`;
  return new EdgelessError("EDGELESS_CONTAINER_IMAGE", sentence);
}

/** A name within a path; slashes and colons stay, as the engines expect. */
function pathOf(name: string): string {
  return encodeURI(name).replace(/[?#]/g, encodeURIComponent);
}
