import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { EdgelessError, type ErrorCode, reasonOf } from "../core/errors.js";

/** Trailer with the code of an error; other implementations skip it. */
const CODE_TRAILER = "edgeless-error";

/** Longest text of a status: it travels in a header, whose size peers limit. */
const LONGEST_DETAILS = 2000;

/** The statuses that servers of the EDGELESS API answer with. */
export type FaultStatus = "INVALID_ARGUMENT" | "INTERNAL";

/** An error status that carries the sentence and, between programs of this project, the code of what was thrown. */
export function statusOf(thrown: unknown, code: FaultStatus): Partial<StatusObject> {
  const metadata = new Metadata();
  if (thrown instanceof EdgelessError) metadata.set(CODE_TRAILER, thrown.code);
  return { code: status[code], details: headerText(reasonOf(thrown)), metadata };
}

/** Cut to a length that fits into a header, and well-formed, so that it can be percent-encoded. */
function headerText(text: string): string {
  return Buffer.from(text.slice(0, LONGEST_DETAILS)).toString();
}

/** Codes that an interface of `core` promises to its caller, wherever it is served. */
const KEPT_CODES: readonly ErrorCode[] = ["EDGELESS_UNKNOWN_WORKFLOW"];

/**
 * What a failed call means: EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, or EDGELESS_REJECTED when the peer answered with an
 * error; but EDGELESS_UNKNOWN_WORKFLOW when the peer is of this project and says so.
 */
export function errorOf(error: ServiceError, what: string): EdgelessError {
  const reason = error.details === "" ? error.message : error.details;
  switch (error.code) {
    case status.UNAVAILABLE:
    case status.CANCELLED:
      return new EdgelessError("EDGELESS_UNREACHABLE", `${what} cannot be reached: ${reason}`, error);
    case status.DEADLINE_EXCEEDED:
      return new EdgelessError("EDGELESS_TIMEOUT", `${what} did not answer in time`, error);
    default:
      return new EdgelessError(peerCode(error), `${what} refused: ${reason}`, error);
  }
}

function peerCode(error: ServiceError): ErrorCode {
  const [code] = error.metadata.get(CODE_TRAILER);
  return KEPT_CODES.find((kept) => kept === code) ?? "EDGELESS_REJECTED";
}

/** True when the peer does not know the method that was called. */
export function isUnimplemented(error: unknown): boolean {
  if (!(error instanceof EdgelessError) || error.code !== "EDGELESS_REJECTED") return false;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && cause.code === status.UNIMPLEMENTED;
}
