import type { Agent, Patch, PeerUpdate, Result } from "../../core/api.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { ResourceSpecification } from "../../core/specification.js";
import type { BridgeTable } from "./bridge-table.js";
import type { Side } from "./half-request.js";

/** The resource class of bridges. */
export const PORTAL_CLASS = "portal";

/** The agent of one of the two nodes that an ε-BAL is: it takes halves of bridges and nothing else. */
export class PortalAgent implements Agent {
  readonly #side: Side;
  readonly #bridges: BridgeTable;
  readonly #peers: { updatePeers(update: PeerUpdate): void };

  constructor(side: Side, bridges: BridgeTable, peers: { updatePeers(update: PeerUpdate): void }) {
    this.#side = side;
    this.#bridges = bridges;
    this.#peers = peers;
  }

  startFunction(): Promise<Result<InstanceId>> {
    const error = {
      summary: "Error when creating a function instance",
      detail: "a balancer runs no functions",
    };
    return Promise.resolve({ ok: false, error });
  }

  async stopFunction(): Promise<void> {}

  async patchFunction(): Promise<void> {}

  async startResource(specification: ResourceSpecification): Promise<Result<InstanceId>> {
    if (specification.classType !== PORTAL_CLASS) {
      const detail = `no provider of class "${specification.classType}" (offered: ${PORTAL_CLASS})`;
      return { ok: false, error: { summary: "Error when creating a resource", detail } };
    }
    return this.#bridges.start(this.#side, specification);
  }

  async stopResource({ functionId }: InstanceId): Promise<void> {
    this.#bridges.stop(this.#side, functionId);
  }

  /** @throws EdgelessError EDGELESS_UNKNOWN_INSTANCE */
  async patchResource(patch: Patch<InstanceId>): Promise<void> {
    this.#bridges.patch(this.#side, patch);
  }

  /** @throws EdgelessError EDGELESS_BAD_URL */
  async updatePeers(update: PeerUpdate): Promise<void> {
    this.#peers.updatePeers(update);
  }

  async reset(): Promise<void> {
    this.#bridges.reset(this.#side);
  }
}
