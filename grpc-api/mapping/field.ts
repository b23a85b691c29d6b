import { EdgelessError } from "../../core/errors.js";
import type { Timestamp } from "../../core/event.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";

/** A fault in a received message that names the field, as `Message.field`. */
export function badField(field: string, why: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_MESSAGE", `${field} ${why}`);
}

/**
 * A sub-message that must be there.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE
 */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw badField(field, "is missing");
  return value;
}

/**
 * Text that must not be empty.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE
 */
export function nonEmpty(text: string, field: string): string {
  if (text === "") throw badField(field, "is empty");
  return text;
}

/**
 * A UUID in any usual form.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE
 */
export function uuidField(text: string, field: string): Uuid {
  const uuid = parseUuid(text);
  if (uuid === undefined) throw badField(field, `is not a UUID: "${text.slice(0, 60)}"`);
  return uuid;
}

/**
 * A point in time from its two fields.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE when it is beyond what a number holds exactly or has too many nanoseconds
 */
export function timestampField(seconds: bigint, nanoseconds: number, field: string): Timestamp {
  const whole = Number(seconds);
  if (!Number.isSafeInteger(whole) || nanoseconds > 999_999_999)
    throw badField(field, "is not a point in time");
  return { seconds: whole, nanoseconds };
}
