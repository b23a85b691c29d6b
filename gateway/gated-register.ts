import type { NodeRegistrationApi, NodeUpdate, Result } from "../core/api.js";
import { BoundedQueue } from "../core/bounded-queue.js";

/**
 * The register of an ε-ORC for thousands of nodes: a few calls at a time, in turn. More at once would only wait for each
 * other until all of them run into their deadlines.
 */
export class GatedRegister implements NodeRegistrationApi {
  readonly #register: NodeRegistrationApi;
  readonly #atATime: number;
  readonly #waiting = new BoundedQueue<() => void>(Number.POSITIVE_INFINITY);
  #running = 0;

  /** @param atATime most calls in progress */
  constructor(register: NodeRegistrationApi, atATime: number) {
    this.#register = register;
    this.#atATime = atATime;
  }

  async updateNode(update: NodeUpdate): Promise<Result<void>> {
    if (this.#running >= this.#atATime) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#register.updateNode(update);
    } finally {
      // The place goes to the next one directly.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
