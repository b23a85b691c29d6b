import { z } from "zod";

/** A new firmware for devices. */
export interface Firmware {
  readonly version: string;
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
}

/** How far an update is: its files are sent, the device tries it, it runs, it does not. */
export type UpdateState = "sending" | "trial" | "done" | "failed";

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

/** An update that begins. @param bootNonce of the boot of the device that runs now */
export function newUpdate({ version, files }: Firmware, bootNonce: number): UpdateRecord {
  const totalBytes = files.reduce((sum, { content }) => sum + content.length, 0);
  return { version, files, totalBytes, bootNonce, state: "sending", reason: "" };
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
