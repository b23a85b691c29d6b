import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { EdgelessError } from "../../../core/errors.js";
import { readArchive } from "../../../esp32/tools/archive.js";
import { chipFamily } from "../../../esp32/tools/chip-family.js";
import { readEspImage } from "../../../esp32/tools/esp-image.js";
import { fetchFirmware, releaseUrl } from "../../../esp32/tools/fetch-firmware.js";
import { readFirmware, selectImages } from "../../../esp32/tools/firmware-images.js";
import { readPartitionTable, storagePartition } from "../../../esp32/tools/partition-table.js";
import { storageImage } from "../../../esp32/tools/storage-image.js";
import { mergeImages, splitFlash } from "../../../esp32/tools/whole-flash.js";
import { espImage, firmwareFiles, tgz, zip } from "../../kit/firmware-files.js";

const ESP32 = chipFamily("ESP32");
const C3 = chipFamily("ESP32-C3");
const folder = mkdtempSync(join(tmpdir(), "edgeless-firmware-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

function addresses(images: readonly { readonly address: number }[]): number[] {
  return images.map(({ address }) => address);
}

t.test(
  "given a release as folder, ZIP or tar archive, when read, then its images have their places",
  async (t) => {
    const files = firmwareFiles(ESP32, 4_000);
    for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
    const nested = [{ name: "release/espruino_2v29_esp32.tgz", bytes: tgz(files) }];
    for (const images of [
      readFirmware(folder).imagesFor(ESP32),
      selectImages(readArchive(zip(files), "a.zip"), ESP32, "a.zip"),
      selectImages(readArchive(tgz(files, "espruino_2v29_esp32/"), "a.tgz"), ESP32, "a.tgz"),
      selectImages(nested, ESP32, "a whole release"),
    ]) {
      t.same(addresses(images), [0x1000, 0x8000, 0x10000]);
      t.same(
        images.map(({ bytes }) => Buffer.from(bytes)),
        files.slice(0, 3).map(({ bytes }) => Buffer.from(bytes)),
      );
    }
    t.same(addresses(selectImages(firmwareFiles(C3, 4_000), C3, "c3")), [0, 0x8000, 0x10000]);
  },
);

t.test("given a release for another chip, when read, then the error names both", async (t) => {
  t.throws(() => selectImages(firmwareFiles(C3, 4_000), ESP32, "r.tgz"), {
    code: "EDGELESS_BAD_FIRMWARE",
    message: "r.tgz: without a bootloader and an application for ESP32; what it holds is for ESP32-C3",
  });
});

t.test(
  "given a release with something missing or too large, when read, then the error names it",
  async (t) => {
    const files = firmwareFiles(ESP32, 4_000);
    const without = (name: RegExp) => files.filter((file) => !name.test(file.name));
    t.throws(() => selectImages(without(/partitions/), ESP32, "r"), { message: /without a partition table/ });
    t.throws(() => selectImages(without(/boot/), ESP32, "r"), { message: /without a bootloader/ });
    t.throws(() => selectImages([], ESP32, "r"), {
      message: /a bootloader and a partition table and an app/,
    });
    const large = { name: "bootloader.bin", bytes: espImage(0, Buffer.alloc(0x8000)) };
    t.throws(() => selectImages([large, ...without(/boot/)], ESP32, "r"), { message: /too large/ });
    t.throws(() => readFirmware(join(folder, "nothing")), { code: "EDGELESS_FILE_UNREADABLE" });
  },
);

t.test("given an image, when a byte is wrong or missing, then it is refused", async (t) => {
  const image = espImage(5, Buffer.from("some code"));
  t.same(readEspImage(image, "app.bin"), { chipId: 5, segments: 1 });
  fc.assert(
    fc.property(fc.nat(image.length - 1), (length) => {
      try {
        readEspImage(image.subarray(0, length), "app.bin");
        return false;
      } catch (error) {
        return error instanceof EdgelessError && error.code === "EDGELESS_BAD_FIRMWARE";
      }
    }),
  );
  const damaged = Buffer.from(image);
  damaged[34] = 0;
  t.throws(() => readEspImage(damaged, "app.bin"), { message: "app.bin: damaged: its checksum is wrong" });
});

t.test("given a damaged archive, when read, then it is refused or gives files, and never more", async (t) => {
  const files = firmwareFiles(ESP32, 400).map(({ name, bytes }) => ({ name, bytes: bytes.subarray(0, 90) }));
  for (const archive of [zip(files), tgz(files)]) {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { maxLength: 6 }), (edits) => {
        const bytes = Buffer.from(archive);
        for (const [at, value] of edits) bytes[at] = value;
        try {
          return readArchive(bytes, "r").length <= files.length;
        } catch (error) {
          return error instanceof EdgelessError && error.code === "EDGELESS_BAD_FIRMWARE";
        }
      }),
    );
  }
  t.throws(() => readArchive(Buffer.from("no archive at all"), "r"), { code: "EDGELESS_BAD_FIRMWARE" });
});

t.test(
  "given a server with a release, when fetched twice, then it is downloaded and checked once",
  async (t) => {
    const archive = tgz(firmwareFiles(ESP32, 4_000));
    let requests = 0;
    let answer: Buffer | number = archive;
    const server = createServer((_request, response) => {
      requests++;
      if (typeof answer === "number") response.writeHead(answer).end();
      else response.writeHead(200, { "content-length": answer.length }).end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const url = `http://127.0.0.1:${port}/espruino_2v29_esp32.tgz`;
    const cache = join(folder, "cache");
    const source = { release: "2v29", family: ESP32, url };
    const seen: number[] = [];

    const fetched = await fetchFirmware(source, cache, (received, total) => seen.push(received / total));
    t.equal(fetched.wasCached, false);
    t.equal(seen.at(-1), 1);
    t.same(addresses(readFirmware(fetched.path).imagesFor(ESP32)), [0x1000, 0x8000, 0x10000]);
    t.same(await fetchFirmware(source, cache, () => {}), { ...fetched, wasCached: true });
    t.equal(requests, 1);

    writeFileSync(fetched.path, "damaged on disk");
    t.equal(
      (await fetchFirmware(source, cache, () => {})).wasCached,
      false,
      "a damaged file is fetched again",
    );

    t.same(
      [...spawnSync("tar", ["tf", fetched.path], { encoding: "utf8" }).stdout.matchAll(/.+/g)].join(),
      "bootloader.bin,partitions_espruino.bin,espruino_esp32.bin",
      "every tar reads what is kept",
    );

    const wrong = { ...source, sha256: "00".repeat(32) };
    await t.rejects(
      fetchFirmware(wrong, cache, () => {}),
      { code: "EDGELESS_BAD_FIRMWARE", message: /SHA-256/ },
    );
    rmSync(fetched.path);
    answer = tgz(firmwareFiles(ESP32, 6_000));
    await t.rejects(
      fetchFirmware(source, cache, () => {}),
      { message: /SHA-256 is/ },
      "a release never changes",
    );
    answer = Buffer.from("<html>");
    await t.rejects(
      fetchFirmware({ ...source, release: "2v30" }, cache, () => {}),
      { code: "EDGELESS_BAD_FIRMWARE" },
    );
    answer = 404;
    await t.rejects(
      fetchFirmware({ ...source, release: "2v30" }, cache, () => {}),
      {
        code: "EDGELESS_REJECTED",
        message: /404/,
      },
    );
    server.closeAllConnections();
    server.close();
    await t.rejects(
      fetchFirmware({ ...source, release: "2v30" }, cache, () => {}),
      {
        code: "EDGELESS_UNREACHABLE",
        message: /^cannot download .*; have the archive from elsewhere.* --from PATH$/,
      },
    );

    const file = join(folder, "from-a-friend.tgz");
    writeFileSync(file, archive);
    const taken = await fetchFirmware({ release: "2v31", family: ESP32, file }, cache, () => {});
    t.equal(taken.wasCached, false);
    t.same(addresses(readFirmware(taken.path).imagesFor(ESP32)), [0x1000, 0x8000, 0x10000]);
    t.equal((await fetchFirmware({ release: "2v31", family: ESP32 }, cache, () => {})).wasCached, true);
    writeFileSync(file, "<html>");
    await t.rejects(
      fetchFirmware({ release: "2v32", family: ESP32, file }, cache, () => {}),
      { code: "EDGELESS_BAD_FIRMWARE" },
    );
    await t.rejects(
      fetchFirmware({ release: "2v32", family: ESP32, file: `${file}.not` }, cache, () => {}),
      { code: "EDGELESS_FILE_UNREADABLE" },
    );
  },
);

t.test(
  "given a folder of images on a server, by the names of either build, when a release is fetched, then it is the one that an archive gives",
  async (t) => {
    const names = {
      esp32: ["bootloader.bin", "partitions_espruino.bin", "espruino_esp32.bin"],
      esp32c3: ["bootloader.bin", "partition-table.bin", "espruino-esp32c3.bin"],
    };
    for (const family of [ESP32, C3]) {
      const files = firmwareFiles(family, 4_000);
      const served = new Map(
        names[family === C3 ? "esp32c3" : "esp32"].map((name, at) => [
          `/binaries/${name}`,
          Buffer.from(files[at]?.bytes ?? []),
        ]),
      );
      const server = createServer(({ url }, response) => {
        const file = served.get(url ?? "");
        if (file === undefined) response.writeHead(404).end();
        else response.writeHead(200, { "content-length": file.length }).end(file);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      t.teardown(() => server.close());
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      const url = `http://127.0.0.1:${port}/binaries/`;
      const cache = join(folder, `cache-${family.fileName}`);

      const fetched = await fetchFirmware({ release: "2v29", family, url }, cache, () => {});
      t.same(
        readFirmware(fetched.path)
          .imagesFor(family)
          .map(({ bytes }) => Buffer.from(bytes)),
        [...served.values()],
      );
      const file = join(folder, `${family.fileName}.zip`);
      writeFileSync(
        file,
        zip([...served].map(([name, bytes]) => ({ name: name.replace("/binaries/", "x/"), bytes }))),
      );
      t.equal(
        (await fetchFirmware({ release: "2v29", family, file }, cache, () => {})).sha256,
        fetched.sha256,
      );

      served.delete([...served.keys()][1] ?? "");
      await t.rejects(
        fetchFirmware({ release: "2v30", family, url }, cache, () => {}),
        { code: "EDGELESS_REJECTED", message: /partitions_espruino\.bin: the server answered 404; .*--from/ },
      );
    }
    t.equal(releaseUrl("2v29", C3), "https://www.espruino.com/binaries/espruino_2v29_esp32c3/");
  },
);

function releaseImages(family = ESP32) {
  return selectImages(firmwareFiles(family, 4_000), family, "r");
}

t.test(
  "given a flash with all images and files, when taken apart, then it gives what was put in",
  async (t) => {
    const images = releaseImages();
    const files = [
      { name: "edgeless.json", bytes: Buffer.from('{"name":"pörch"}') },
      { name: ".boot0", bytes: Buffer.from("1") },
    ];
    const table = images[1]?.bytes ?? Buffer.of();
    const { address, size } = storagePartition(readPartitionTable(table, "r"), "r");
    t.same([address, size], [0x320000, 0xe0000]);
    const storage = storageImage(files, size);
    // Header: size, name; then the content, and the next file at a multiple of four.
    t.equal(
      storage.toString("hex", 0, 32),
      `11000000${Buffer.from("edgeless.json").toString("hex").padEnd(56, "0")}`,
    );
    t.equal(storage.toString("latin1", 32, 49), Buffer.from('{"name":"pörch"}').toString("latin1"));
    t.equal(storage.toString("hex", 49, 56), "ffffff01000000");
    t.equal(storage.toString("latin1", 56, 62), ".boot0");
    t.equal(storage[84], 0x31);
    t.ok(storage.subarray(85).every((byte) => byte === 0xff));

    const flash = mergeImages([...images, { name: "storage", address, bytes: storage }], 4 << 20);
    t.equal(flash.length, 4 << 20);
    t.ok(
      flash.subarray(0, 0x1000).every((byte) => byte === 0xff),
      "what belongs to no image is erased",
    );
    const parts = splitFlash(flash, ESP32, "flash.bin");
    t.same(addresses(parts), [0x1000, 0x8000, 0x10000, 0x320000]);
    t.ok(mergeImages(parts, 4 << 20).equals(flash));
    t.equal(parts[3]?.bytes.length, size, "files are written with the room behind them");
    t.same(addresses(splitFlash(mergeImages(images, 4 << 20), ESP32, "f")), [0x1000, 0x8000, 0x10000]);
  },
);

t.test("given what is no flash for a chip, when taken apart, then the error says why", async (t) => {
  const flash = mergeImages(releaseImages(), 4 << 20);
  const faults =
    (bytes: Uint8Array, family = ESP32) =>
    () =>
      splitFlash(bytes, family, "f.bin");
  t.throws(faults(flash.subarray(0, 2 << 20)), { message: /^f\.bin: not the content of a whole flash/ });
  t.throws(faults(Buffer.alloc(4 << 20)), { message: /not the content of a whole flash/ });
  t.throws(faults(flash, C3), { message: /without a bootloader for ESP32-C3/ });
  const s3 = mergeImages(releaseImages(chipFamily("ESP32-S3")), 4 << 20);
  t.throws(faults(s3, C3), { message: "f.bin: made for ESP32-S3, not for ESP32-C3" });
  const damaged = Buffer.from(flash);
  damaged[0x10040] = (damaged[0x10040] ?? 0) ^ 1;
  t.throws(faults(damaged), { code: "EDGELESS_BAD_FIRMWARE", message: /application: damaged/ });
  t.throws(() => storageImage([{ name: "a", bytes: Buffer.alloc(100) }], 128), {
    code: "EDGELESS_BOARD_FULL",
  });
  t.throws(() => readPartitionTable(Buffer.alloc(3072, 0xff), "t"), { message: /empty/ });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.nat(0xbff), (noise, at) => {
      const changed = Buffer.from(flash);
      changed.set(noise, 0x8000 + at);
      try {
        return splitFlash(changed, ESP32, "f").length > 0;
      } catch (error) {
        return error instanceof EdgelessError && error.code === "EDGELESS_BAD_FIRMWARE";
      }
    }),
    { numRuns: 25 },
  );
});
