import type {
  CallOutcome,
  GuestDelayedOutput,
  GuestHostApi,
  GuestLog,
  GuestOutput,
  GuestRawOutput,
  GuestState,
} from "../../core/guest-api.js";
import { formatInstanceId, INSTANCE_NONE, type InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Uuid } from "../../core/uuid.js";
import type { ContainerInstance } from "./container-instance.js";

const ERR: CallOutcome = { type: "err" };
/** Strangers that are remembered, so that each is logged once. */
const REMEMBERED_STRANGERS = 100;

/**
 * What a node does for its functions in containers. Each request stands for itself: one that waits keeps no other from
 * being served. A request of an unknown originator has no effect and is answered as if it had, but a call fails.
 */
export class GuestHost implements GuestHostApi {
  readonly #find: (originator: InstanceId) => ContainerInstance | undefined;
  readonly #logger: Logger;
  readonly #strangers = new Set<Uuid>();

  /** @param find the instance with exactly this id */
  constructor(find: (originator: InstanceId) => ContainerInstance | undefined, logger: Logger) {
    this.#find = find;
    this.#logger = logger;
  }

  async cast({ originator, channel, payload }: GuestOutput): Promise<void> {
    this.#instance(originator)?.outputs.cast(channel, payload);
  }

  async castRaw({ originator, target, payload }: GuestRawOutput): Promise<void> {
    this.#instance(originator)?.outputs.castRaw(target, payload);
  }

  async call({ originator, channel, payload }: GuestOutput): Promise<CallOutcome> {
    return (await this.#instance(originator)?.outputs.call(channel, payload)) ?? ERR;
  }

  async callRaw({ originator, target, payload }: GuestRawOutput): Promise<CallOutcome> {
    return (await this.#instance(originator)?.outputs.callRaw(target, payload)) ?? ERR;
  }

  async telemetryLog({ originator, level, target, message }: GuestLog): Promise<void> {
    this.#instance(originator)?.log(level, target, message);
  }

  /** The none instance: the request does not say who asks. A function knows its id from its boot. */
  async slf(): Promise<InstanceId> {
    return INSTANCE_NONE;
  }

  async delayedCast({ originator, channel, payload, delayMs }: GuestDelayedOutput): Promise<void> {
    this.#instance(originator)?.outputs.delayedCast(channel, payload, delayMs);
  }

  /** @throws EdgelessError EDGELESS_BAD_MESSAGE when the state is not UTF-8 */
  async sync({ originator, state }: GuestState): Promise<void> {
    this.#instance(originator)?.sync(state);
  }

  #instance(originator: InstanceId): ContainerInstance | undefined {
    const instance = this.#find(originator);
    const { functionId } = originator;
    if (instance !== undefined || this.#strangers.has(functionId)) return instance;
    if (this.#strangers.size < REMEMBERED_STRANGERS) {
      this.#strangers.add(functionId);
      const fields = { originator: formatInstanceId(originator) };
      this.#logger.warn("a function that is not one of this node's uses its guest API", fields);
    }
    return undefined;
  }
}
