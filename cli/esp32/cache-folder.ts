import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloads of the command line are kept (XDG Base Directory Specification). */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME: base } = process.env;
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "edgeless");
}
