import type { InstanceStatus } from "../../core/status.js";

/** True when two reports say the same about the same instances, in the same order. */
export function sameStatuses(one: readonly InstanceStatus[], other: readonly InstanceStatus[]): boolean {
  if (one.length !== other.length) return false;
  return one.every((status, index) => {
    const twin = other[index];
    return (
      twin !== undefined &&
      status.functionId === twin.functionId &&
      status.state === twin.state &&
      status.restarts === twin.restarts &&
      status.reason === twin.reason
    );
  });
}
