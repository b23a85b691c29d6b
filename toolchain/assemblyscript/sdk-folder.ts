import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Name under which functions import the SDK. */
export const SDK_PACKAGE = "edgeless";

/** Folder of the AssemblyScript SDK; found from the compiled program as well as from its sources. */
export function sdkFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "functions", "sdk", "index.ts")) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return join(folder, "functions", "sdk");
}
