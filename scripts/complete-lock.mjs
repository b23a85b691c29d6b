// Adds to package-lock.json the optional packages for other platforms that the registry in use did not serve, so that
// `npm ci` finds every name that a package lists; they are only fetched on the platform they are for.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";

const path = join(ROOT, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const [, os, cpu] = /-(android|darwin|linux|win32)-(arm64|armv7|x64)(?:-musl)?$/.exec(name) ?? [];
    const key = `node_modules/${name}`;
    if (place === "" || os === undefined || lock.packages[key] !== undefined) continue;
    lock.packages[key] = {
      version,
      cpu: [cpu === "armv7" ? "arm" : cpu],
      ...(entry.dev === true ? { dev: true } : {}),
      ...(os === "linux" ? { libc: [name.endsWith("-musl") ? "musl" : "glibc"] } : {}),
      optional: true,
      os: [os],
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
