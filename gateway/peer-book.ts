import type { PeerUpdate } from "../core/api.js";
import { reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Uuid } from "../core/uuid.js";
import { change, type SavedDevices } from "./saved-devices.js";

/**
 * The peers of all virtual nodes of a gateway in one table, kept over a restart. Every virtual node of a domain is told the
 * same peers, so one that is told to clear them forgets nothing that the others need.
 */
export class PeerBook {
  readonly #plane: { updatePeers(update: PeerUpdate): void };
  readonly #saved: SavedDevices;
  readonly #logger: Logger;
  readonly #announced: (nodeId: Uuid, invocationUrl: string) => void;
  readonly #urls = new Map<Uuid, string>();

  /** @param announced told where each peer is, the devices of this gateway included */
  constructor(
    plane: { updatePeers(update: PeerUpdate): void },
    saved: SavedDevices,
    logger: Logger,
    announced: (nodeId: Uuid, invocationUrl: string) => void,
  ) {
    this.#plane = plane;
    this.#saved = saved;
    this.#logger = logger;
    this.#announced = announced;
  }

  /** Takes back the peers of a former life; those that cannot be used any more are left out. */
  restore(peers: ReadonlyMap<Uuid, string>): void {
    for (const [nodeId, invocationUrl] of peers) {
      try {
        this.#plane.updatePeers({ type: "add", nodeId, invocationUrl });
        this.#urls.set(nodeId, invocationUrl);
      } catch (error) {
        this.#logger.warn("a kept peer cannot be used", { nodeId, reason: reasonOf(error) });
      }
    }
  }

  /** @throws EdgelessError EDGELESS_BAD_URL */
  async updatePeers(update: PeerUpdate): Promise<void> {
    if (update.type === "clear") return;
    // A device that went elsewhere is a peer like any other from now on.
    if (update.type === "add") this.#announced(update.nodeId, update.invocationUrl);
    this.#plane.updatePeers(update);
    if (update.type === "delete") {
      if (this.#urls.delete(update.nodeId)) await this.#saved.write([change.noPeer(update.nodeId)]);
      return;
    }
    const { nodeId, invocationUrl } = update;
    if (this.#urls.get(nodeId) === invocationUrl) return;
    this.#urls.set(nodeId, invocationUrl);
    await this.#saved.write([change.peer(nodeId, invocationUrl)]);
  }
}
