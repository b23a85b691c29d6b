import type { InvocationApi, PeerUpdate } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { type Event, isAnswer } from "../../core/event.js";
import { formatInstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import { withDeadline } from "../../platform/deadline.js";
import type { DataPlaneSettings } from "./data-plane-settings.js";
import { errorAnswer } from "./error-answer.js";
import type { LossReason } from "./loss-reason.js";
import { OutstandingCalls } from "./outstanding-calls.js";
import { type ConnectPeer, PeerLink } from "./peer-link.js";
import type { Receiver } from "./receiver.js";
import { shareConnections } from "./shared-connections.js";

/** What a {@link DataPlane} works with. */
export interface DataPlaneParts {
  /** True for the ids of the nodes that are served here: one for a node, one per device for a gateway. */
  readonly isLocal: (nodeId: Uuid) => boolean;
  readonly connect: ConnectPeer;
  /** Told of events that were lost. */
  readonly telemetry: { dropped(reason: LossReason, count: number): void };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: DataPlaneSettings;
}

interface Peer {
  readonly link: PeerLink;
  readonly calls: OutstandingCalls;
}

/** How long closing waits for events on their way to peers. */
const DRAIN_LIMIT_MS = 500;

/**
 * Routes events between the instances that are served here and those of peers. An event that cannot be delivered is counted
 * by reason; a call among them is answered with `err`.
 */
export class DataPlane implements InvocationApi {
  readonly #parts: DataPlaneParts;
  readonly #receivers: Receiver[] = [];
  readonly #peers = new Map<Uuid, Peer>();
  #closed = false;

  constructor(parts: DataPlaneParts) {
    this.#parts = { ...parts, connect: shareConnections(parts.connect) };
  }

  /** Adds an owner of local instances. */
  attach(receiver: Receiver): void {
    this.#receivers.push(receiver);
  }

  /** The invocation URL of each peer; nodes served here are not among them. */
  get peers(): ReadonlyMap<Uuid, string> {
    const urls = new Map<Uuid, string>();
    for (const [nodeId, { link }] of this.#peers) urls.set(nodeId, link.url);
    return urls;
  }

  /** True when an event for a node that is served elsewhere would be lost now, because too many wait for it. */
  isCongested(nodeId: Uuid): boolean {
    const peer = this.#peers.get(nodeId);
    return peer !== undefined && peer.link.length >= this.#parts.settings.queueEvents;
  }

  /** Takes an event of a local instance for any instance, see `SendEvent`. */
  send(event: Event, settled?: () => void): void {
    const isLocal = this.#parts.isLocal(event.target.nodeId);
    const peer = isLocal ? undefined : this.#peers.get(event.target.nodeId);
    if (peer !== undefined) {
      if (event.data.type === "call") peer.calls.add(event);
      peer.link.send(event, settled);
      return;
    }
    if (isLocal) this.#deliver(event);
    else this.#lose([event], "unknown-peer");
    settled?.();
  }

  /** Takes an event of a peer for an instance on this node; an unknown instance is no error (see {@link InvocationApi}). */
  handle(event: Event): void {
    if (!this.#parts.isLocal(event.target.nodeId)) {
      throw new EdgelessError(
        "EDGELESS_UNKNOWN_INSTANCE",
        `event is for ${formatInstanceId(event.target)}, which is not here`,
      );
    }
    if (isAnswer(event.data)) {
      this.#peers.get(event.source.nodeId)?.calls.settle(event.streamId, event.target.functionId);
    }
    this.#deliver(event);
  }

  /**
   * Changes the table of peers; connections are made in the background. The id of a node that is served here is accepted and needs none.
   * @throws EdgelessError EDGELESS_BAD_URL
   */
  updatePeers(update: PeerUpdate): void {
    if (this.#closed) return;
    if (update.type === "add") this.#add(update.nodeId, update.invocationUrl);
    else if (update.type === "delete") this.#delete(update.nodeId);
    else for (const nodeId of [...this.#peers.keys()]) this.#delete(nodeId);
  }

  /** Gives what waits for peers a moment to leave, then ends all connections and drops the rest. */
  async close(): Promise<void> {
    this.#closed = true;
    const drained = Promise.all([...this.#peers.values()].map(({ link }) => link.drained()));
    await withDeadline(this.#parts.clock, DRAIN_LIMIT_MS, drained);
    this.#receivers.length = 0;
    for (const nodeId of [...this.#peers.keys()]) this.#delete(nodeId);
  }

  #add(nodeId: Uuid, invocationUrl: string): void {
    const endpoint = parseEndpoint(invocationUrl, `invocation_url of peer ${nodeId}`);
    if (endpoint.scheme === "coap" || endpoint.port === 0) {
      const why = endpoint.port === 0 ? "port 0" : "a node reaches devices through their gateway";
      throw new EdgelessError(
        "EDGELESS_BAD_URL",
        `invocation_url of peer ${nodeId} cannot be used (${why}): "${invocationUrl.slice(0, 120)}"`,
      );
    }
    if (this.#parts.isLocal(nodeId)) return;
    const known = this.#peers.get(nodeId);
    if (known !== undefined) {
      known.link.renew(invocationUrl);
      return;
    }
    const onLost = (events: readonly Event[], reason: LossReason) => this.#lose(events, reason);
    this.#peers.set(nodeId, {
      link: new PeerLink(invocationUrl, { ...this.#parts, onLost }),
      calls: new OutstandingCalls(this.#parts.settings.queueEvents),
    });
  }

  /** Callers that wait for an answer of the peer are told that none will come. */
  #delete(nodeId: Uuid): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return;
    peer.link.close("unknown-peer", this.#closed);
    this.#peers.delete(nodeId);
    for (const call of peer.calls.clear()) this.#answerError(call);
  }

  #deliver(event: Event): void {
    if (!this.#receivers.some((receiver) => this.#offer(receiver, event))) {
      this.#lose([event], "unknown-instance");
    }
  }

  #offer(receiver: Receiver, event: Event): boolean {
    try {
      return receiver.deliver(event);
    } catch (error) {
      this.#parts.logger.error("an event could not be enqueued", { reason: reasonOf(error) });
      return false;
    }
  }

  #lose(events: readonly Event[], reason: LossReason): void {
    this.#parts.telemetry.dropped(reason, events.length);
    for (const event of events) {
      if (event.data.type !== "call") continue;
      this.#peers.get(event.target.nodeId)?.calls.settle(event.streamId, event.source.functionId);
      this.#answerError(event);
    }
  }

  #answerError(call: Event): void {
    const answer = errorAnswer(call);
    // Later, so that a caller is never answered before its own send has returned.
    if (answer !== undefined) queueMicrotask(() => this.send(answer));
  }
}
