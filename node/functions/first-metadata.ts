import { type EventMetadata, METADATA_NONE } from "../../core/event.js";
import type { Sending } from "./guest-imports.js";

/** Trace contexts of what is sent before the first event (EDGELESS 1.2). */
export const FIRST_METADATA: Readonly<Record<Sending, EventMetadata>> = {
  cast: { traceId: METADATA_NONE.traceId, spanId: "42a42bdecaf00022" },
  "cast-raw": { traceId: METADATA_NONE.traceId, spanId: "42a42bdecaf00023" },
  call: { traceId: METADATA_NONE.traceId, spanId: "42a42bdecaf00024" },
  "delayed-cast": { traceId: METADATA_NONE.traceId, spanId: "42a42bdecaf00025" },
};
