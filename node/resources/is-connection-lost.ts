import { EdgelessError } from "../../core/errors.js";

/** Whether an error tells of the way to a server rather than of what the server said. */
export function isConnectionLost(error: unknown): boolean {
  return (
    error instanceof EdgelessError &&
    (error.code === "EDGELESS_UNREACHABLE" || error.code === "EDGELESS_TIMEOUT")
  );
}
