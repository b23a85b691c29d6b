import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { epaperDisplayProvider } from "../../embedded/resources/epaper-display.js";
import { type PanelConfig, Ssd1680 } from "./ssd1680.js";

/** Class `epaper-display`: a panel of 250 x 122 dots with the controller SSD1680, such as Waveshare's 2.13 inch V3 and V4. */
export function create(config: PanelConfig): DeviceResourceProvider {
  return epaperDisplayProvider(new Ssd1680(config), config.id);
}
