/** Joins the first network of the settings, for an owner who comes over it; without settings or Wi-Fi nothing happens. */
export function joinNetwork(): void {
  try {
    const text = require("Storage").read("edgeless.json");
    const network = text === undefined ? undefined : JSON.parse(text).wifi[0];
    if (network !== undefined) require("Wifi").connect(network.ssid, network, () => {});
  } catch (_thrown) {
    print("edgeless 2 no network");
  }
}
