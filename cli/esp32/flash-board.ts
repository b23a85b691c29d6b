import { EdgelessError, reasonOf } from "../../core/errors.js";
import { BoardConsole } from "../../esp32/tools/board-console.js";
import type { BytePort } from "../../esp32/tools/byte-port.js";
import { FLASH_NEEDED } from "../../esp32/tools/chip-family.js";
import type { FlashImage } from "../../esp32/tools/flash-image.js";
import { CONSOLE_BAUD } from "../../esp32/tools/open-port.js";
import type { After, ChipInfo } from "../../esp32/tools/rom-loader.js";
import { systemClock } from "../../platform/system-clock.js";
import type { Output } from "../output.js";
import { connectLoader } from "./connect-loader.js";
import { imagesFor, readNamedFirmware } from "./firmware-path.js";
import { afterOf, type LoaderOptions } from "./loader-options.js";
import { withPort } from "./with-port.js";

export interface FlashOptions extends LoaderOptions {
  /** Folder, archive, or release. */
  readonly firmware: string;
  readonly force?: boolean;
  readonly erase?: boolean;
}

/** How long the first start may take, milliseconds. */
const FIRST_START_MS = 40_000;

/**
 * Puts Espruino on a board, as far as it is not there yet, and waits until it runs.
 * @throws EdgelessError of the ROM loader, or EDGELESS_BAD_FIRMWARE, EDGELESS_FILE_UNREADABLE
 */
export async function flashBoard(options: FlashOptions, output: Output, folder: string): Promise<void> {
  const firmware = readNamedFirmware(options.firmware);
  const after = afterOf(options);
  await withPort(options, output, CONSOLE_BAUD, async (port, bar) => {
    const loader = await connectLoader(port, options, output);
    const { chip } = loader;
    output.note(describeChip(chip));
    const images = await imagesFor(options.firmware, firmware, chip.family, output, folder)
      .then((found) => checkRoom(chip, found))
      .catch(async (error: unknown) => {
        // Nothing was touched: the board goes on as it was.
        await loader.finish(after).catch(() => {});
        throw error;
      });
    if (options.erase === true) {
      output.note("erasing the flash, which takes up to half a minute");
      await loader.eraseAll((erased, total) => bar.show("erasing", erased, total));
      bar.clear();
    }
    const written: string[] = [];
    for (const image of images) {
      const isNew = await loader.write(image, options.force === true, ({ name }, sent, total) =>
        bar.show(name, sent, total),
      );
      bar.clear();
      output.note(`${image.name}: ${isNew ? "written and verified" : "is there already"}`);
      if (isNew) written.push(image.name);
    }
    const isStarted = await loader.finish(after);
    const version = isStarted ? await runningVersion(port, output) : undefined;
    output.result(
      version === undefined ? `flashed; ${howToStart(after)}` : `flashed; Espruino ${version} runs`,
      { chip: chip.description, mac: chip.mac, written, ...(version === undefined ? {} : { version }) },
    );
  });
}

/** Refuses a board whose flash is smaller than what Espruino and its files take up. */
function checkRoom({ flashBytes }: ChipInfo, images: readonly FlashImage[]): readonly FlashImage[] {
  const needed = Math.max(FLASH_NEEDED, ...images.map(({ address, bytes }) => address + bytes.length));
  if (flashBytes !== 0 && flashBytes < needed)
    throw new EdgelessError(
      "EDGELESS_BAD_FIRMWARE",
      `the flash of this board is too small: ${flashBytes} bytes, this firmware needs ${needed}`,
    );
  return images;
}

/** What is left to do for a board that was not seen to start. */
function howToStart(after: After): string {
  return after === "no-reset" ? "it waits in its loader" : "press EN (RESET) to start it";
}

/** One line about a chip. */
export function describeChip({ description, mac, flashBytes }: ChipInfo): string {
  const flash = flashBytes === 0 ? "flash of unknown size" : `${flashBytes / (1024 * 1024)} MB flash`;
  return `${description}, ${flash}, MAC ${mac}`;
}

/** The version that the board runs; its first start checks the storage, which takes a while. */
async function runningVersion(port: BytePort, output: Output): Promise<string | undefined> {
  output.note("waiting for the first start");
  try {
    return (await new BoardConsole(port, systemClock).attach(false, FIRST_START_MS)).version;
  } catch (error) {
    output.note(`the board was flashed, but its console does not answer yet: ${reasonOf(error)}`);
    return undefined;
  }
}
