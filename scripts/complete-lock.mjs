// Adds to package-lock.json the optional packages for other platforms that the registry in use did not serve, so that
// `npm ci` finds every name that a package lists; they are only fetched on the platform they are for.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./freshness.mjs";

const OS = { android: "android", darwin: "darwin", freebsd: "freebsd", linux: "linux", win32: "win32" };
const CPU = {
  arm64: "arm64",
  armv7: "arm",
  arm: "arm",
  x64: "x64",
  ia32: "ia32",
  ppc64: "ppc64",
  s390x: "s390x",
  riscv64: "riscv64",
};

const path = join(ROOT, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (place === "" || lock.packages[key] !== undefined) continue;
    const words = name.split("-");
    const os = words.map((word) => OS[word]).find((word) => word !== undefined);
    const cpu = words.map((word) => CPU[word]).find((word) => word !== undefined);
    if (os === undefined || cpu === undefined) continue;
    lock.packages[key] = {
      version,
      cpu: [cpu],
      ...(entry.dev === true ? { dev: true } : {}),
      ...(os === "linux" && /-(musl|gnu)/.test(name)
        ? { libc: [name.includes("musl") ? "musl" : "glibc"] }
        : {}),
      optional: true,
      os: [os],
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
