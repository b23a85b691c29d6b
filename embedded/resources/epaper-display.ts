import type { TextDisplay } from "../hardware.js";
import { type DeviceResourceProvider, settingOf } from "../resource-provider.js";
import { Claims } from "./claims.js";

/** Bytes of `header_text` that are shown. */
const HEADER = 128;

/**
 * Class `epaper-display`: shows the text of each cast, which replaces the whole. Configuration: `header_text`, shown at the
 * start. No outputs. There is one display.
 */
export function epaperDisplayProvider(display: TextDisplay, providerId: string): DeviceResourceProvider {
  const claims = new Claims();
  display.show("Edgeless\nInitialized");
  return {
    providerId,
    classType: "epaper-display",
    outputs: [],
    start: (configuration) => {
      const release = claims.claim("the display");
      const header = settingOf(configuration, "header_text");
      display.show(header === undefined ? "Display\nStarted" : header.slice(0, HEADER));
      return {
        cast: (text) => display.show(text),
        stop: () => {
          release();
          display.show("Display Stop");
        },
      };
    },
  };
}
