import type { Uuid } from "../core/uuid.js";
import type { DeviceOutput, InstanceRecord } from "./instance-record.js";

/** Stands for the route or handle that an output does not have. */
const NONE = -1;

/**
 * The channels of an instance as its device should know them: what runs on the same device is reached directly, all else
 * through a route of the gateway, which keeps events for a target that is about to start.
 * @param handleOf the handle of an instance on the same device while it runs
 */
export function wiringOf(
  nodeId: Uuid,
  instance: Pick<InstanceRecord, "outputs">,
  handleOf: (functionId: Uuid) => number | undefined,
): DeviceOutput[] {
  return instance.outputs.map(({ channel, target, route }) => {
    const handle = target.nodeId === nodeId ? handleOf(target.functionId) : undefined;
    return handle === undefined ? { channel, route, handle: NONE } : { channel, route: NONE, handle };
  });
}

/** True when a device that has `known` needs no other wiring. */
export function sameWiring(wanted: readonly DeviceOutput[], known: readonly DeviceOutput[] = []): boolean {
  if (wanted.length !== known.length) return false;
  return wanted.every((output, index) => {
    const twin = known[index];
    return (
      twin !== undefined &&
      twin.channel === output.channel &&
      twin.route === output.route &&
      twin.handle === output.handle
    );
  });
}
