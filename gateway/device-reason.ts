import { ERRORS } from "../core/errors.js";

const CODES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRORS).map(([code, { number }]): [number, string] => [number, code]),
);

/** The reason that a device gives for the end of an instance, with the code of its error number in front. */
export function deviceReason(reason: string): string {
  const [, digits, text] = /^([0-9]{1,5})(?: (.*))?$/s.exec(reason) ?? [];
  const code = digits === undefined ? undefined : CODES.get(Number(digits));
  return code === undefined ? reason : `${code}: ${text ?? ""}`;
}
