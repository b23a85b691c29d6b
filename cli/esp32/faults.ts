import type { z } from "zod";
import { fieldName } from "../../platform/json-file.js";

/** All that is wrong with what a person said, in one line. */
export function faultsOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${fieldName(path)}: ${message}`).join("; ");
}
