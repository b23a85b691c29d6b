import type { Agent, Patch, PeerUpdate, Result } from "../core/api.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import type { InstanceId } from "../core/instance-id.js";
import type { Logger } from "../core/log.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../core/specification.js";
import type { Device } from "./device.js";

/**
 * What the ε-ORC sees of a device: an agent like any other. It answers as soon as a request is admitted and written down;
 * the device follows in the background, so that a slow radio delays nobody.
 */
export class VirtualNode implements Agent {
  readonly #device: Device;
  readonly #peers: { updatePeers(update: PeerUpdate): Promise<void> };
  readonly #logger: Logger;

  constructor(device: Device, peers: { updatePeers(update: PeerUpdate): Promise<void> }, logger: Logger) {
    this.#device = device;
    this.#peers = peers;
    this.#logger = logger;
  }

  startFunction(request: SpawnFunctionRequest): Promise<Result<InstanceId>> {
    return this.#attempt("Error when creating a function instance", request.code.id, () =>
      this.#device.startFunction(request),
    );
  }

  stopFunction(id: InstanceId): Promise<void> {
    return this.#device.stop(id.functionId);
  }

  patchFunction(patch: Patch<InstanceId>): Promise<void> {
    return this.#device.patch(patch);
  }

  startResource(specification: ResourceSpecification): Promise<Result<InstanceId>> {
    return this.#attempt("Error when creating a resource", specification.classType, () =>
      this.#device.startResource(specification),
    );
  }

  stopResource(id: InstanceId): Promise<void> {
    return this.#device.stop(id.functionId);
  }

  patchResource(patch: Patch<InstanceId>): Promise<void> {
    return this.#device.patch(patch);
  }

  updatePeers(update: PeerUpdate): Promise<void> {
    return this.#peers.updatePeers(update);
  }

  reset(): Promise<void> {
    return this.#device.reset();
  }

  async #attempt(
    summary: string,
    name: string,
    work: () => Promise<InstanceId>,
  ): Promise<Result<InstanceId>> {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      const detail = error instanceof EdgelessError ? `${error.code}: ${error.message}` : reasonOf(error);
      this.#logger.warn("a component was refused", { device: this.#device.name, class: name, detail });
      return { ok: false, error: { summary, detail } };
    }
  }
}
