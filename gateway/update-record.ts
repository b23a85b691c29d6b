import { z } from "zod";
import type { Firmware, UpdateState } from "./firmware-update.js";

/** An update of a device as it is kept over a restart of the gateway. */
export interface UpdateRecord {
  readonly version: string;
  readonly state: UpdateState;
  /** Why it failed; else empty. */
  readonly reason: string;
  /** Of the boot of the device that runs without the new firmware. */
  readonly bootNonce: number;
  readonly totalBytes: number;
  /** Nothing is kept of them when the update is over. */
  readonly files: Firmware["files"];
}

const updateRecordSchema = z.object({
  version: z.string(),
  state: z.enum(["sending", "trial", "done", "failed"]),
  reason: z.string(),
  bootNonce: z.int().min(0),
  totalBytes: z.int().min(0),
  files: z.array(
    z.object({
      name: z.string(),
      content: z.base64().transform((text): Uint8Array => Buffer.from(text, "base64")),
    }),
  ),
});

/** Reads what {@link formatUpdateRecord} wrote. @throws ZodError */
export function parseUpdateRecord(raw: unknown): UpdateRecord {
  return updateRecordSchema.parse(raw);
}

/** What is stored of an update, ready for JSON. */
export function formatUpdateRecord({ files, ...others }: UpdateRecord): unknown {
  const texts = files.map(({ name, content }) => ({
    name,
    content: Buffer.from(content).toString("base64"),
  }));
  return { ...others, files: texts };
}
