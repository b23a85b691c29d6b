import type { ErrorCode } from "../core/errors.js";
import { ERRORS } from "../core/errors.js";

/** Why a device was not registered, as it is told. */
export class RegistrationRefusal {
  /** CoAP code. */
  readonly code: number;
  readonly error: number;
  readonly reason: string;
  /** Seconds after which it may try again; undefined: when it has changed. */
  readonly maxAge: number | undefined;

  constructor(code: number, error: ErrorCode, reason: string, maxAge?: number) {
    this.code = code;
    this.error = ERRORS[error].number;
    this.reason = reason;
    this.maxAge = maxAge;
  }
}
