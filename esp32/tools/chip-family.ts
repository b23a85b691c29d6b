import { EdgelessError } from "../../core/errors.js";

/** A family of chips for which there is an Espruino. */
export interface ChipFamily {
  /** As Espressif writes it. */
  readonly name: string;
  /** As it stands in the names of Espruino's files. */
  readonly fileName: string;
  /** Chip id in the header of an application image (ESP-IDF, `esp_chip_id_t`). */
  readonly imageChipId: number;
  /** Where the second-stage bootloader begins in flash. */
  readonly bootloaderOffset: number;
}

/** Where the partition table and the application begin, in every family. */
export const PARTITION_TABLE_OFFSET = 0x8000;
export const APPLICATION_OFFSET = 0x10000;

/** Flash that Espruino's partition table takes up, bytes. */
export const FLASH_NEEDED = 4 * 1024 * 1024;

export const CHIP_FAMILIES: readonly ChipFamily[] = [
  { name: "ESP32", fileName: "esp32", imageChipId: 0, bootloaderOffset: 0x1000 },
  { name: "ESP32-C3", fileName: "esp32c3", imageChipId: 5, bootloaderOffset: 0 },
  { name: "ESP32-S3", fileName: "esp32s3", imageChipId: 9, bootloaderOffset: 0 },
];

/**
 * The family of a chip, by the name that the ROM loader's library or the user gives it.
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE when there is no Espruino for it
 */
export function chipFamily(name: string): ChipFamily {
  const plain = name.toLowerCase().replace("-", "");
  const family = CHIP_FAMILIES.find(({ fileName }) => fileName === plain);
  if (family !== undefined) return family;
  const known = CHIP_FAMILIES.map((candidate) => candidate.name).join(", ");
  throw new EdgelessError(
    "EDGELESS_BAD_FIRMWARE",
    `no firmware for a chip ${name}: there is one for ${known}`,
  );
}
