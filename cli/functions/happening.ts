import type { LogLevel } from "../../core/log.js";

/** Something a function did, as an observer outside sees it. */
export type Happening =
  /** Sent on a channel. */
  | { readonly type: "cast" | "call"; readonly output: string; readonly payload: string }
  /** Sent to an instance: `source`, who sent the event, or `NODE/FUNCTION`. */
  | { readonly type: "cast-raw" | "call-raw"; readonly target: string; readonly payload: string }
  | { readonly type: "log"; readonly level: LogLevel; readonly target: string; readonly message: string }
  /** Handed over with `sync`. */
  | { readonly type: "state"; readonly state: string }
  /** A remark of the host, for example on a cast that leads nowhere. */
  | { readonly type: "remark"; readonly message: string };
