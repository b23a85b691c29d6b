import { formatInstanceId, type InstanceId } from "../../../core/instance-id.js";

/** What stands before the message in a line. */
export interface LineFormat {
  readonly timestamp: boolean;
  readonly sourceId: boolean;
}

/** A line of the log without its end: time, source, message, separated by blanks. */
export function formatLine(format: LineFormat, wallMs: number, source: InstanceId, message: string): string {
  const time = format.timestamp ? `${formatTime(wallMs)} ` : "";
  const origin = format.sourceId ? `${formatInstanceId(source)} ` : "";
  return `${time}${origin}${message}`;
}

/**
 * A time in UTC as RFC 3339 with microseconds and the offset written as +00:00.
 * @param wallMs milliseconds since the Unix epoch
 */
export function formatTime(wallMs: number): string {
  const micros = Math.floor(wallMs * 1000);
  const seconds = Math.floor(micros / 1e6);
  const fraction = String(micros - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}+00:00`;
}
