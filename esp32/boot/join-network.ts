/** Joins the first network of the settings, where they let owners come over it; else nothing happens. */
export function joinNetwork(): void {
  try {
    const text = require("Storage").read("edgeless.json");
    const settings = text === undefined ? {} : JSON.parse(text);
    const network = settings.telnet ? settings.wifi[0] : undefined;
    if (network !== undefined) require("Wifi").connect(network.ssid, network, () => {});
  } catch (_thrown) {
    print("edgeless 2 no network");
  }
}
