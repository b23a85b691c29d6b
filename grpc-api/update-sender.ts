import type { NodeRegistrationApi, NodeUpdate, Result } from "../core/api.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError } from "../core/errors.js";
import { SILENT } from "../core/log.js";
import { systemClock } from "../platform/system-clock.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { updateNodeMethod, updateNodesMethod } from "./node-registration.js";
import { isUnimplemented } from "./status.js";

/** Most that one batch carries. */
const BATCH_UPDATES = 64;
const BATCH_BYTES = 256 * 1024;
/** Least time between two batches, so that updates that trickle in travel together too. */
const GATHER_MS = 50;

interface Entry {
  readonly bytes: Uint8Array;
  resolve(result: Result<void>): void;
  reject(error: unknown): void;
}

/**
 * Sends the updates of many nodes to one ε-ORC, in batches: the first at once, what comes soon after it together. To one that
 * knows no batches they go one by one, as they come. How many wait is bounded by whoever sends.
 */
export class UpdateSender {
  readonly #peer: PeerConnection;
  readonly #clock: Clock;
  readonly #method = updateNodeMethod(SILENT);
  #waiting: Entry[] = [];
  #isBusy = false;
  #knowsBatches = true;

  constructor(peer: PeerConnection, clock: Clock) {
    this.#peer = peer;
    this.#clock = clock;
  }

  /** Resolves with the answer to this update. */
  send(update: NodeUpdate): Promise<Result<void>> {
    if (!this.#knowsBatches) return this.#peer.call(this.#method, update);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: this.#method.request.encode(update), resolve, reject });
      // After others that are given in this very turn.
      if (!this.#isBusy) queueMicrotask(() => this.#pump());
    });
  }

  #pump(): void {
    if (this.#isBusy || this.#waiting.length === 0) return;
    this.#isBusy = true;
    const startedMs = this.#clock.monotonicMs();
    void this.#sendBatch(this.#gather()).finally(() => {
      const restMs = startedMs + GATHER_MS - this.#clock.monotonicMs();
      const isFull = this.#waiting.length >= BATCH_UPDATES;
      this.#clock.setTimer(isFull ? 0 : Math.max(0, restMs), () => {
        this.#isBusy = false;
        this.#pump();
      });
    });
  }

  #gather(): Entry[] {
    let count = 0;
    let bytes = 0;
    for (const entry of this.#waiting) {
      bytes += entry.bytes.length;
      if (count > 0 && (count >= BATCH_UPDATES || bytes > BATCH_BYTES)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendBatch(entries: readonly Entry[]): Promise<void> {
    try {
      const answers = await this.#peer.call(
        updateNodesMethod,
        entries.map(({ bytes }) => bytes),
      );
      if (answers.length !== entries.length)
        throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the orchestrator did not answer every update");
      entries.forEach(({ resolve }, index) => {
        resolve(this.#method.answer.decode(answers[index] as Uint8Array));
      });
    } catch (error) {
      if (isUnimplemented(error)) {
        this.#knowsBatches = false;
        for (const entry of [...entries, ...this.#waiting.splice(0)]) void this.#sendOne(entry);
      } else for (const { reject } of entries) reject(error);
    }
  }

  async #sendOne({ bytes, resolve, reject }: Entry): Promise<void> {
    try {
      resolve(this.#method.answer.decode(await this.#peer.callRaw(this.#method.path, bytes)));
    } catch (error) {
      reject(error);
    }
  }
}

/**
 * The node register of an ε-ORC at `url` for many nodes: what comes in short succession travels together, if the ε-ORC is
 * of this project. See {@link PeerConnection.call} for what its method throws.
 */
export function connectNodesRegistration(
  url: string,
  options: ClientOptions,
): NodeRegistrationApi & Connection {
  const peer = new PeerConnection(url, options);
  const sender = new UpdateSender(peer, options.clock ?? systemClock);
  return { updateNode: (update) => sender.send(update), close: () => peer.close() };
}
