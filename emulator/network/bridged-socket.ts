import type { Clock } from "../../core/clock.js";
import type { Random } from "../../core/random.js";
import type { FleetSocket } from "../fleet.js";
import type { LinkConditions } from "./link-conditions.js";
import { SimulatedNetwork } from "./simulated-network.js";

/** Where the board stands in the network between it and the real socket. */
const BOARD = "board";
const PORT = 1;

/** A real socket, with the faults of a radio in front of it, both ways. */
export class BridgedSocket implements FleetSocket {
  readonly network: SimulatedNetwork;
  readonly #real: FleetSocket;
  readonly #board: ReturnType<SimulatedNetwork["open"]>;
  readonly #far = new Map<string, ReturnType<SimulatedNetwork["open"]>>();

  constructor(real: FleetSocket, clock: Clock, random: Random, conditions: Partial<LinkConditions>) {
    this.#real = real;
    this.network = new SimulatedNetwork(clock, random, conditions);
    this.#board = this.network.open(BOARD, PORT);
    real.onDatagram((datagram, address, port) => this.#farSide(address, port).send(datagram, BOARD, PORT));
  }

  send(datagram: Uint8Array, address: string, port: number): void {
    this.#farSide(address, port);
    this.#board.send(datagram, address, port);
  }

  onDatagram(handler: (datagram: Uint8Array, address: string, port: number) => void): void {
    this.#board.onDatagram(handler);
  }

  close(): unknown {
    return this.#real.close();
  }

  #farSide(address: string, port: number): ReturnType<SimulatedNetwork["open"]> {
    const name = `${address}:${port}`;
    let far = this.#far.get(name);
    if (far === undefined) {
      far = this.network.open(address, port);
      far.onDatagram((datagram) => this.#real.send(datagram, address, port));
      this.#far.set(name, far);
    }
    return far;
  }
}
