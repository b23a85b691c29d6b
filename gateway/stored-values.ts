import { z } from "zod";
import { parseUuid, type Uuid } from "../core/uuid.js";

/** A UUID in a stored record or a configuration. */
export const uuidSchema = z.string().transform((text, context): Uuid => {
  const id = parseUuid(text);
  if (id !== undefined) return id;
  context.addIssue({ code: "custom", message: `"${text.slice(0, 60)}" is not a UUID` });
  return z.NEVER;
});
