import type { InstanceId } from "../../core/instance-id.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import { systemRandom } from "../../platform/system-random.js";

/** A wiring in which channels lead to instances that do not exist: each to one of its own, made when first used. */
export class EveryOutput extends Map<string, InstanceId> {
  readonly #nodeId: Uuid;
  readonly #channels: readonly string[] | undefined;
  readonly #names = new Map<Uuid, string>();

  /** @param channels the channels that are mapped; undefined: whatever the function uses */
  constructor(nodeId: Uuid, channels: readonly string[] | undefined) {
    super();
    this.#nodeId = nodeId;
    this.#channels = channels;
  }

  override get(channel: string): InstanceId | undefined {
    const known = super.get(channel);
    if (known !== undefined || this.#channels?.includes(channel) === false) return known;
    const target = { nodeId: this.#nodeId, functionId: randomUuid(systemRandom) };
    this.#names.set(target.functionId, channel);
    super.set(channel, target);
    return target;
  }

  /** The channel that leads to an instance. */
  channelOf({ functionId }: InstanceId): string | undefined {
    return this.#names.get(functionId);
  }
}
