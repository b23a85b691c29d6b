// Writes the firmware of boards into dist/firmware/ when its inputs changed. Runs after tsc -b.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, fingerprint, isFresh, markFresh, ROOT } from "./freshness.mjs";

const OUT = join("dist", "firmware");
const INPUTS = [
  "core",
  "coap-api",
  "embedded",
  "esp32/boot",
  "esp32/bundle",
  "esp32/drivers",
  "esp32/firmware",
];

const sources = INPUTS.flatMap((folder) => filesBelow(folder, [".ts"]));
const print = fingerprint(["package.json", "package-lock.json", "scripts/build-firmware.mjs", ...sources]);
if (!isFresh(join(OUT, ".stamp"), print)) await write();

async function write() {
  const { firmwareFiles, firmwareManifest } = await import("../dist/esp32/bundle/firmware-files.js");
  const files = await firmwareFiles(ROOT);
  const manifest = firmwareManifest(files);
  rmSync(join(ROOT, OUT), { recursive: true, force: true });
  mkdirSync(join(ROOT, OUT), { recursive: true });
  for (const { file, content } of files) writeFileSync(join(ROOT, OUT, file), content);
  writeFileSync(join(ROOT, OUT, "firmware.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  markFresh(join(OUT, ".stamp"), print);
  for (const { name, bytes } of manifest.files) process.stderr.write(`${name}: ${bytes} bytes\n`);
}
