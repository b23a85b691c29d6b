import fc from "fast-check";
import t from "tap";
import { CHIP_FAMILIES, chipFamily } from "../../../esp32/tools/chip-family.js";
import { selectImages } from "../../../esp32/tools/firmware-images.js";
import type { FlashImage } from "../../../esp32/tools/flash-image.js";
import { RomBlocks } from "../../../esp32/tools/rom-blocks.js";
import { RomLoader } from "../../../esp32/tools/rom-loader.js";
import { systemClock } from "../../../platform/system-clock.js";
import { firmwareFiles } from "../../kit/firmware-files.js";
import { MemoryPort } from "../../kit/memory-port.js";
import { ROM_CHIPS, type RomFaults, ScriptedRom } from "../../kit/scripted-rom.js";

// Most of the time is waiting for a board that does not answer.
t.jobs = 6;

const OPTIONS = { baudRate: 460_800, attempts: 2, before: "default-reset", useStub: true } as const;

function imagesFor(chip: string): readonly FlashImage[] {
  const family = chipFamily(chip);
  return selectImages(firmwareFiles(family), family, "a release");
}

async function flashAll(port: MemoryPort, images: readonly FlashImage[]): Promise<boolean[]> {
  const loader = await RomLoader.connect(port, systemClock, OPTIONS);
  const written: boolean[] = [];
  for (const image of images) written.push(await loader.write(image, false, () => {}));
  await loader.finish("hard-reset");
  return written;
}

function holds(rom: ScriptedRom, images: readonly FlashImage[]): boolean {
  return images.every(({ address, bytes }) =>
    rom.flash.subarray(address, address + bytes.length).equals(bytes),
  );
}

for (const { name, fileName } of CHIP_FAMILIES) {
  t.test(`given an ${name}, when it is flashed, then its flash holds all images and it starts`, async (t) => {
    const port = new MemoryPort(true);
    const rom = new ScriptedRom(port, ROM_CHIPS[fileName as keyof typeof ROM_CHIPS]);
    const images = imagesFor(fileName);
    const details: string[] = [];
    const loader = await RomLoader.connect(port, systemClock, {
      ...OPTIONS,
      onDetail: (line) => details.push(line),
    });
    t.equal(loader.chip.family.name, name);
    t.equal(loader.chip.flashBytes, 4 << 20);
    t.match(loader.chip.mac, /^(..:){5}..$/);
    const progress: number[] = [];
    for (const image of images)
      t.equal(await loader.write(image, false, (_image, sent, total) => progress.push(sent / total)), true);
    t.ok(progress.includes(1), "progress was told");
    await loader.finish("hard-reset");
    t.ok(holds(rom, images));
    t.equal(rom.inLoader, false);
    t.ok(port.baudRates.includes(460_800), "the speed was raised");
    t.equal(port.baudRates.at(-1), 115_200, "and is that of the console again");
    t.ok(details.length > 0);
  });
}

t.test(
  "given a flash that holds the images, when it is flashed again, then nothing is written",
  async (t) => {
    const port = new MemoryPort(true);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32);
    const images = imagesFor("esp32");
    t.same(await flashAll(port, images), [true, true, true]);
    const { blocks } = rom;
    t.same(await flashAll(port, images), [false, false, false]);
    t.equal(rom.blocks, blocks);
  },
);

const RECOVERED: Record<string, RomFaults> = {
  "blocks are refused": { refusedBlocks: 2 },
  "an image is damaged on its way": { damagedImages: 1 },
  "the first reset is missed": { missedResets: 1 },
  "its cable is too bad for the higher speed": { deafWhenFast: true },
};

for (const [what, faults] of Object.entries(RECOVERED)) {
  t.test(`given a board, when ${what}, then it is flashed all the same`, async (t) => {
    const port = new MemoryPort(true);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32, faults);
    const images = imagesFor("esp32");
    await flashAll(port, images);
    t.ok(holds(rom, images));
  });
}

t.test(
  "given a chip that takes its time for a block, when flashed, then the block is not sent twice",
  async (t) => {
    const images = imagesFor("esp32");
    const blocks: number[] = [];
    for (const slowMs of [0, 6_000]) {
      const port = new MemoryPort(true);
      const rom = new ScriptedRom(port, ROM_CHIPS.esp32, { slowMs });
      await flashAll(port, images);
      t.ok(holds(rom, images));
      blocks.push(rom.blocks);
    }
    t.equal(blocks[0], blocks[1]);
  },
);

const ROM_FAULTS: Record<string, [RomFaults, number]> = {
  "blocks arrive damaged": [{ refusedBlocks: 3 }, 6],
  "an answer is lost": [{ lostAnswers: 1 }, 1],
};

for (const [what, [faults, more]] of Object.entries(ROM_FAULTS)) {
  t.test(
    `given a ROM without a stub, when ${what}, then the block is sent again as the ROM wants it`,
    async (t) => {
      const images = imagesFor("esp32");
      const counts: number[] = [];
      for (const given of [{}, faults]) {
        const port = new MemoryPort(true);
        const rom = new ScriptedRom(port, ROM_CHIPS.esp32, { ...given });
        const loader = await RomLoader.connect(port, systemClock, { ...OPTIONS, useStub: false });
        for (const image of images) await loader.write(image, false, () => {});
        t.ok(holds(rom, images));
        counts.push(rom.blocks);
      }
      t.equal((counts[1] ?? 0) - (counts[0] ?? 0), more, "and no image from its beginning");
    },
  );
}

t.test(
  "given blocks that go astray in any way, when sent to a ROM, then it has each once, in order",
  async (t) => {
    const fault = fc.constantFrom("damaged", "block lost", "answer lost");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fault, { maxLength: 3 }), { minLength: 1, maxLength: 12 }),
        async (plan) => {
          const written: number[] = [];
          let expected = 0;
          const faults = plan.map((of) => (new Set(of).size > 1 ? of.slice(0, 1) : [...of]));
          const blocks = new RomBlocks(
            async ([at = 0], number) => {
              const next = faults[at]?.shift();
              if (next === "block lost") return "late";
              if (number !== expected) return 5;
              expected++;
              if (next === "damaged") return 7;
              written.push(at);
              return next === "answer lost" ? "late" : "taken";
            },
            async () => {},
          );
          blocks.begin();
          for (const at of plan.keys()) await blocks.send(Uint8Array.of(at), at);
          t.same(written, [...plan.keys()]);
        },
      ),
    );
  },
);

t.test("given a flash that cannot be written, when its ROM flashes it, then the error says so", async (t) => {
  for (const [unwritableBlocks, isHopeless] of [
    [1, false],
    [100, true],
  ] as const) {
    const port = new MemoryPort(true);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32, { unwritableBlocks });
    const loader = await RomLoader.connect(port, systemClock, { ...OPTIONS, useStub: false });
    const [image] = imagesFor("esp32");
    if (image === undefined) throw new Error("a release without images");
    const written = loader.write(image, false, () => {});
    if (!isHopeless) t.ok(holds(rom, (await written) ? [image] : []), "the image is sent again");
    else
      await t.rejects(written, {
        code: "EDGELESS_SERIAL_VERIFY",
        message: /refused block 0: its flash does not hold what was written$/,
      });
  }
});

t.test("given a flash that always keeps a wrong bit, when it is flashed, then verifying fails", async (t) => {
  const port = new MemoryPort(true);
  new ScriptedRom(port, ROM_CHIPS.esp32, { damagedImages: 100 });
  await t.rejects(flashAll(port, imagesFor("esp32")), { code: "EDGELESS_SERIAL_VERIFY" });
});

t.test(
  "given a cable that is pulled, when it is plugged in again, then the board can be flashed",
  async (t) => {
    const images = imagesFor("esp32");
    const first = new MemoryPort(true);
    const { flash } = new ScriptedRom(first, ROM_CHIPS.esp32, { pullAtBlock: 3 });
    let pulledMs = 0;
    void first.lost.then(() => {
      pulledMs = performance.now();
    });
    await t.rejects(flashAll(first, images), { code: "EDGELESS_SERIAL_LOST" });
    t.ok(performance.now() - pulledMs < 2_000, "the loss is noticed at once");
    const second = new MemoryPort(true);
    const rom = new ScriptedRom(second, ROM_CHIPS.esp32, {}, flash);
    await flashAll(second, images);
    t.ok(holds(rom, images));
  },
);

const HOPELESS: Record<string, RomFaults> = {
  "says nothing": { silent: true },
  "sends only noise": { noise: Buffer.from("rst:0x10 (RTCWDT_RTC_RESET)\r\n") },
  "never enters its loader": { missedResets: 100 },
};

for (const [what, faults] of Object.entries(HOPELESS)) {
  t.test(`given a board that ${what}, when it is called, then the error tells what to press`, async (t) => {
    const port = new MemoryPort(true);
    new ScriptedRom(port, ROM_CHIPS.esp32, faults);
    await t.rejects(RomLoader.connect(port, systemClock, OPTIONS), {
      code: "EDGELESS_SERIAL_SILENT",
      help: /Hold BOOT/,
    });
  });
}

t.test("given a chip without firmware, when it is called, then its name is told", async (t) => {
  const port = new MemoryPort(true);
  new ScriptedRom(port, ROM_CHIPS.esp32s2);
  await t.rejects(RomLoader.connect(port, systemClock, OPTIONS), {
    code: "EDGELESS_BAD_FIRMWARE",
    message: /ESP32-S2/,
  });
});

t.test(
  "given a line without reset, when a person started the loader, then the board is flashed",
  async (t) => {
    const port = new MemoryPort(false);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32c3);
    const images = imagesFor("esp32c3");
    await flashAll(port, images);
    t.ok(holds(rom, images));
    t.ok(
      port.baudRates.every((rate) => rate === 115_200),
      "its speed is not changed",
    );
  },
);

for (const { name, fileName } of CHIP_FAMILIES) {
  t.test(
    `given an ${name}, when it is flashed without the stub, then its ROM writes and verifies`,
    async (t) => {
      const port = new MemoryPort(true);
      const rom = new ScriptedRom(port, ROM_CHIPS[fileName as keyof typeof ROM_CHIPS]);
      rom.flash.fill(0);
      const images = imagesFor(fileName);
      const options = { ...OPTIONS, useStub: false };
      const loader = await RomLoader.connect(port, systemClock, options);
      t.equal(loader.chip.flashBytes, 4 << 20);
      for (const image of images) t.equal(await loader.write(image, false, () => {}), true);
      t.ok(holds(rom, images));
      t.equal(rom.hasStub, false);
      for (const image of images) t.equal(await loader.write(image, false, () => {}), false, "it is there");
      const erased: number[] = [];
      await loader.eraseAll((bytes, total) => erased.push(bytes / total));
      t.ok(rom.flash.every((byte) => byte === 0xff));
      t.equal(erased.at(-1), 1);
      t.equal(await loader.finish("no-reset"), false);
      t.equal(rom.inLoader, true);
    },
  );
}

const STUBS: Record<string, [NonNullable<RomFaults["stub"]>, boolean]> = {
  "does not take the stub": ["refused", true],
  "does not take the stub, on a line without reset": ["refused", false],
  "hangs in the stub": ["hangs", true],
  "crashes in the stub, on a line without reset": ["crashes", false],
};

for (const [what, [stub, hasSignals]] of Object.entries(STUBS)) {
  t.test(`given a board that ${what}, when it is flashed, then its ROM does it`, async (t) => {
    const port = new MemoryPort(hasSignals);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32, { stub });
    const notes: string[] = [];
    const options = { ...OPTIONS, onNote: (text: string) => notes.push(text) };
    const loader = await RomLoader.connect(port, systemClock, options);
    const images = imagesFor("esp32");
    for (const image of images) await loader.write(image, false, () => {});
    t.ok(holds(rom, images));
    t.match(notes, [/the flasher stub does not start .*: going on without it/]);
  });
}

t.test("given a board that hangs in the stub without reset, then the error tells of --no-stub", async (t) => {
  const port = new MemoryPort(false);
  new ScriptedRom(port, ROM_CHIPS.esp32, { stub: "hangs" });
  await t.rejects(RomLoader.connect(port, systemClock, OPTIONS), {
    code: "EDGELESS_SERIAL_SILENT",
    message: /into its loader again, and repeat with --no-stub/,
  });
});

t.test(
  "given a stub of an earlier run, when the board is called again, then that stub is used",
  async (t) => {
    const port = new MemoryPort(false);
    const rom = new ScriptedRom(port, ROM_CHIPS.esp32);
    const first = await RomLoader.connect(port, systemClock, OPTIONS);
    t.equal(rom.hasStub, true);
    const second = await RomLoader.connect(port, systemClock, { ...OPTIONS, useStub: false });
    t.equal(rom.hasStub, true);
    const images = imagesFor("esp32");
    for (const image of images) t.equal(await second.write(image, false, () => {}), true);
    t.ok(holds(rom, images));
    t.equal(await second.finish("hard-reset"), false, "there is no line for that");
    t.equal(rom.hasStub, false, "the ROM is back for whoever comes next");
    t.equal(first.chip.mac, "24:0a:c4:00:01:10");
  },
);

t.test("given a loader that runs, when it is not to be reset, then it is flashed as it is", async (t) => {
  const port = new MemoryPort(true);
  const rom = new ScriptedRom(port, ROM_CHIPS.esp32);
  rom.inLoader = true;
  const loader = await RomLoader.connect(port, systemClock, { ...OPTIONS, before: "no-reset" });
  t.equal(rom.starts, 0);
  t.equal(await loader.finish("no-reset"), false);
  t.same([rom.starts, rom.inLoader], [0, true]);
});

t.test("given a board, when all is erased, then its flash is empty", async (t) => {
  const port = new MemoryPort(true);
  const rom = new ScriptedRom(port, ROM_CHIPS.esp32);
  rom.flash.fill(1);
  await (await RomLoader.connect(port, systemClock, OPTIONS)).eraseAll();
  t.ok(rom.flash.every((byte) => byte === 0xff));
});
