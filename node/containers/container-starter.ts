import type { Clock } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import { withDeadline } from "../../platform/deadline.js";
import { containerLabels, NODE_LABEL } from "./container-labels.js";
import { ContainerWatch, endOf } from "./container-watch.js";
import type { EngineClient } from "./engine/engine-client.js";
import type { GuestPlace } from "./guest-place.js";

/** What a {@link ContainerStarter} works with. */
export interface ContainerStarterParts {
  readonly nodeId: Uuid;
  readonly engine: EngineClient;
  /** What functions are told about the node. */
  readonly hostUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The function that a container is for. */
export interface ContainerPurpose {
  readonly functionId: Uuid;
  readonly workflowId: string;
  readonly image: string;
}

/** How long the program in a container may take to end before it is killed. */
const GRACE_SECONDS = 1;
/** How long the rest of the log of a container is waited for, milliseconds. */
const LAST_LINES_MS = 500;
/** Images of this name use the SGX device of the machine (EDGELESS 1.2). */
const SGX_IMAGE = "edgeless-sgx-function-";
const SGX_DEVICE = "/dev/isgx";
/** Name under which the engines offer this machine to a container on request. */
const HOST_NAME = "host.docker.internal";

/** Starts containers, and removes those that a former life of this node left behind before it starts the first. */
export class ContainerStarter {
  readonly #parts: ContainerStarterParts;
  /** Names of containers whose removal failed. */
  readonly #leftovers = new Set<string>();
  #swept: Promise<void> | undefined;

  constructor(parts: ContainerStarterParts) {
    this.#parts = parts;
  }

  /**
   * Removes the containers with the label of this node, once; tried again at the next call when it fails.
   * @throws EdgelessError as {@link EngineClient}
   */
  async removeOrphans(): Promise<void> {
    this.#swept ??= this.#sweep();
    try {
      await this.#swept;
    } catch (error) {
      this.#swept = undefined;
      throw error;
    }
  }

  /**
   * Starts a container; when that fails, nothing of it stays behind.
   * @throws EdgelessError EDGELESS_CONTAINER_IMAGE, EDGELESS_CONTAINER_ENGINE, EDGELESS_TIMEOUT or EDGELESS_BAD_MESSAGE
   */
  async start(purpose: ContainerPurpose): Promise<GuestPlace> {
    const { nodeId, engine, hostUrl, random } = this.#parts;
    const { image, functionId, workflowId } = purpose;
    await this.removeOrphans();
    for (const name of [...this.#leftovers]) await this.#remove(name);
    const { tcpPorts } = await engine.image(image);
    const [port] = tcpPorts;
    if (port === undefined)
      throw new EdgelessError("EDGELESS_CONTAINER_IMAGE", `the image ${image} exposes no TCP port`);
    const name = `edgeless-${randomUuid(random)}`;
    try {
      const id = await engine.create({
        name,
        image,
        labels: containerLabels(nodeId, functionId, workflowId),
        ports: tcpPorts,
        devices: image.includes(SGX_IMAGE) ? [SGX_DEVICE] : [],
        hosts: parseEndpoint(hostUrl, "host URL").host === HOST_NAME ? [`${HOST_NAME}:host-gateway`] : [],
      });
      await engine.start(id);
      return await this.#open(id, port, name, functionId);
    } catch (error) {
      // By name: the creation may have succeeded without its answer having arrived.
      await this.#remove(name);
      throw error;
    }
  }

  async #open(containerId: string, port: number, name: string, functionId: Uuid): Promise<GuestPlace> {
    const { clock } = this.#parts;
    const watch = new ContainerWatch({ ...this.#parts, containerId, functionId });
    const watching = watch.run();
    const published = await this.#publishedPort(containerId, port).catch(async (error: unknown) => {
      // What it wrote tells why; the log ends with the container.
      await withDeadline(clock, LAST_LINES_MS, watching);
      watch.close();
      throw error;
    });
    return {
      url: `http://127.0.0.1:${published}/`,
      watch(onGone) {
        watching.then(
          (reason) => reason !== undefined && onGone(reason),
          (error: unknown) => onGone(reasonOf(error)),
        );
      },
      close: async () => {
        await this.#stop(name);
        await withDeadline(clock, LAST_LINES_MS, watching);
        watch.close();
        await this.#remove(name);
      },
    };
  }

  async #publishedPort(containerId: string, port: number): Promise<number> {
    const info = await this.#parts.engine.inspect(containerId);
    const published = info?.published.get(port);
    if (info?.running === true && published !== undefined) return published;
    const why = info?.running === true ? `its port ${port} is not published` : endOf(info);
    throw new EdgelessError("EDGELESS_CONTAINER_ENGINE", `the container cannot be used: ${why}`);
  }

  async #stop(name: string): Promise<void> {
    try {
      await this.#parts.engine.stop(name, GRACE_SECONDS);
    } catch (error) {
      this.#parts.logger.warn("a container did not stop; it is removed as it is", {
        reason: reasonOf(error),
      });
    }
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#parts.engine.remove(name);
      this.#leftovers.delete(name);
    } catch (error) {
      this.#leftovers.add(name);
      const fields = { container: name, reason: reasonOf(error) };
      this.#parts.logger.warn("a container cannot be removed yet", fields);
    }
  }

  async #sweep(): Promise<void> {
    const { engine, nodeId, logger } = this.#parts;
    const orphans = await engine.labelled(NODE_LABEL, nodeId);
    for (const id of orphans) await engine.remove(id);
    if (orphans.length > 0)
      logger.info("containers of a former life were removed", { count: orphans.length });
  }
}
