import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";

/** Why a device refused a request: the payload of its 4.xx and 5.xx answers. */
export interface Diagnostic {
  /** Number of an error in the catalogue of `core/errors.ts`. */
  error: number;
  /** In words; may be empty. */
  reason: string;
}

/** Writes a diagnostic. */
export function encodeDiagnostic(diagnostic: Diagnostic): Uint8Array {
  return new CborWriter(48).array(2).integer(diagnostic.error).text(diagnostic.reason).written();
}

/** @throws WireFault also for diagnostics of other servers, which send plain text (RFC 7252 section 5.5.2) */
export function decodeDiagnostic(bytes: Uint8Array): Diagnostic {
  const reader = new CborReader(bytes);
  reader.arrayOf(2);
  const error = reader.unsigned();
  const reason = reader.text();
  reader.end();
  return { error, reason };
}
