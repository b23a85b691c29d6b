import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { chipFamily } from "../../../esp32/tools/chip-family.js";
import { selectImages } from "../../../esp32/tools/firmware-images.js";
import { mergeImages } from "../../../esp32/tools/whole-flash.js";
import { esptool, mergedByEsptool, NO_ESPTOOL } from "../../kit/esptool.js";
import { firmwareFiles } from "../../kit/firmware-files.js";
import { servePort } from "../../kit/port-server.js";
import { serveRfc2217 } from "../../kit/rfc2217-server.js";
import { ROM_CHIPS, ScriptedRom } from "../../kit/scripted-rom.js";

t.setTimeout(240_000);
t.jobs = 3;

const folder = mkdtempSync(join(tmpdir(), "edgeless-esptool-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** The scripted ROM stands for real chips in all other tests: the tool that all the world flashes with must take it for one. */
for (const chip of ["esp32", "esp32c3"] as const) {
  for (const mode of ["stub", "no-stub"]) {
    t.test(
      `given a scripted ${chip}, when Espressif's tool works on it (${mode}), then it finds nothing odd`,
      { skip: NO_ESPTOOL },
      async (t) => {
        const flash = Buffer.alloc(4 << 20, 0);
        const served = await servePort((line) => new ScriptedRom(line, ROM_CHIPS[chip], {}, flash));
        t.teardown(() => served.close());
        const how = mode === "stub" ? [] : ["--no-stub"];
        const run = (...args: string[]) => esptool(served.port, ...how, ...args);
        const family = chipFamily(chip);
        const image = selectImages(firmwareFiles(family, 6_000), family, "r")[2]?.bytes ?? Buffer.of();
        const file = join(folder, `${chip}-${mode}.bin`);
        writeFileSync(file, image);

        const id = await run("flash-id");
        t.equal(id.isDone, true, id.output);
        t.match(id.output, /Detected flash size: 4MB/);
        t.match(id.output, /MAC: +24:0a:c4:00:01:10/);
        t.match(id.output, mode === "stub" ? /Stub flasher running/ : /Enabling default SPI flash mode/);
        const written = await run("write-flash", "0x10000", file);
        t.match(written, { isDone: true, output: /Hash of data verified/ });
        t.ok(flash.subarray(0x10000, 0x10000 + image.length).equals(image));
        const plain = await run("write-flash", "--no-compress", "0x200000", file);
        t.match(plain, { isDone: true, output: /Hash of data verified/ });
        t.match(await run("verify-flash", "0x10000", file), {
          isDone: true,
          output: /Verification successful/,
        });
        const erased = await run("erase-flash");
        if (mode === "stub") {
          t.equal(erased.isDone, true, erased.output);
          t.ok(flash.every((byte) => byte === 0xff));
        } else t.match(erased.output, /ROM does not support function erase_flash/);
      },
    );
  }
}

t.test(
  "given a scripted board with modem lines, when Espressif's tool resets it, then it is in its loader, then in its program",
  { skip: NO_ESPTOOL },
  async (t) => {
    const roms: ScriptedRom[] = [];
    const served = await serveRfc2217((line) => roms.push(new ScriptedRom(line, ROM_CHIPS.esp32)));
    t.teardown(() => served.close());
    const id = await esptool(served.port, "--no-stub", "read-mac");
    t.match(id, { isDone: true, output: /MAC: +24:0a:c4:00:01:10/ });
    t.match(id.output, /Hard resetting via RTS pin/);
    t.equal(roms[0]?.inLoader, false);
  },
);

t.test(
  "given the images of a release, when put into one file, then Espressif's tool makes the same",
  { skip: NO_ESPTOOL },
  async (t) => {
    const family = chipFamily("esp32");
    const images = selectImages(firmwareFiles(family, 6_000), family, "r");
    const placed = images.map(({ name, address, bytes }) => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return { address, path };
    });
    const output = join(folder, "merged.bin");
    const merged = await mergedByEsptool("esp32", output, placed);
    t.equal(merged.isDone, true, merged.output);
    t.ok(readFileSync(output).equals(mergeImages(images, 4 << 20)));
  },
);
