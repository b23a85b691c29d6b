/** Ports that are tried for one device before it is told to come back later. */
const MOST_TRIED = 20;

/** Which ports the agents of devices have: each its former one as long as it can be had. */
export class AgentPorts {
  readonly #taken = new Set<number>();
  readonly #first: number;
  readonly #count: number;

  /** @param first port of the range; 0: any that is free */
  constructor(first: number, count: number) {
    this.#first = first;
    this.#count = count;
  }

  /** A port belongs to a device from now on; 0: none does. */
  take(port: number): void {
    if (port !== 0) this.#taken.add(port);
  }

  release(port: number): void {
    this.#taken.delete(port);
  }

  /** Ports to try for a device: the former one, then those of the range that no device has, or 0 for any. */
  candidates(former: number): number[] {
    const ports = former === 0 ? [] : [former];
    if (this.#first === 0) return [...ports, 0];
    const end = this.#first + this.#count;
    for (let port = this.#first; port < end && ports.length < MOST_TRIED; port++)
      if (!this.#taken.has(port)) ports.push(port);
    return ports;
  }
}
