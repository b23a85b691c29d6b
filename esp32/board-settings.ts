import { isIPv4 } from "node:net";
import { z } from "zod";
import { parseUuid } from "../core/uuid.js";

/** Name of the settings in the storage of a board. */
export const SETTINGS_FILE = "edgeless.json";

const PIN = "must be a pin as the board names it, such as D21";
const pin = z.string(PIN).regex(/^[A-Z]{1,3}\d{1,2}$/, PIN);
const id = z.string().min(1, "1 to 32 characters").max(32, "1 to 32 characters");
const plain = (name: string) => z.strictObject({ class: z.literal(name), id });
const i2c = (name: string) =>
  z.strictObject({
    class: z.literal(name),
    id,
    sda: pin,
    scl: pin,
    bitrate: z.int().min(1_000).max(400_000).optional(),
  });

const epaper = z.strictObject({
  class: z.literal("epaper-display"),
  id,
  sck: pin,
  mosi: pin,
  cs: pin,
  dc: pin,
  rst: pin,
  busy: pin,
  turned: z.boolean().optional(),
  pause: z.number().min(0).max(86_400).optional(),
});

/** A resource provider of a board, with its pins where the board has to know them. */
export const providerSchema = z.discriminatedUnion("class", [
  plain("adc"),
  plain("gpio-in"),
  plain("gpio-out"),
  plain("pwm-out"),
  i2c("i2c-sensor"),
  i2c("scd30-sensor"),
  epaper,
]);

/** Several providers, as a file holds them. */
export const providersSchema = z
  .array(providerSchema)
  .max(16)
  .refine((providers) => new Set(providers.map((provider) => provider.id)).size === providers.length, {
    message: "two providers have the same id",
  });

/** A network may have a name of 32 bytes; the interpreter leaves the last one out. */
const LONGEST_SSID = 32;

/** A WPA passphrase, or none; Espruino takes no key of 64 digits. */
function isPassword(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes === 0 || (bytes >= 8 && bytes <= 63);
}

/** Networks that a board may join, as a file holds them. */
export const networksSchema = z
  .array(
    z.strictObject({
      ssid: z
        .string()
        .min(1, "a network has a name")
        .refine((text) => Buffer.byteLength(text) < LONGEST_SSID, "Espruino takes 31 bytes at most"),
      /** Empty for an open network. */
      password: z.string().refine(isPassword, "8 to 63 bytes, or none for an open network"),
    }),
  )
  .max(8);

/** What a board finds in its storage at start: `edgeless.json`. */
export const boardSettingsSchema = z.strictObject({
  name: z.string().max(64, "64 characters at most"),
  node: z.string().refine((text) => parseUuid(text) === text, "a UUID in lower case"),
  wifi: networksSchema,
  /** Boards tell their gateway by its numeric address. */
  gateway: z.strictObject({
    address: z.string().refine(isIPv4, "an IPv4 address"),
    port: z.int().min(1).max(65_535),
  }),
  labels: z
    .array(z.string().min(1, "a label has 1 to 64 characters").max(64, "a label has 1 to 64 characters"))
    .max(16, "16 labels at most"),
  lifetimeSeconds: z.int().min(10).max(604_800),
  providers: providersSchema,
  led: pin.optional(),
  /** What was said of Bluetooth last, which the interpreter remembers itself. */
  ble: z.boolean().optional(),
  /** UDP port of the board; without it that of CoAP. */
  port: z.int().min(0).max(65_535).optional(),
  /** Whether everyone in the network gets the console of the interpreter; without it nobody does. */
  telnet: z.boolean().optional(),
});

export type BoardSettings = z.infer<typeof boardSettingsSchema>;
export type BoardProvider = z.infer<typeof providerSchema>;
export type BoardNetwork = z.infer<typeof networksSchema>[number];
