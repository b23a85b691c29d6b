import type { BoardSettings } from "../../esp32/board-settings.js";
import type { RuntimeFiles } from "../../esp32/tools/runtime-files.js";

/** Settings of a board at home. */
export const PORCH: BoardSettings = {
  name: "pörch",
  node: "00000000-0000-4000-8000-000000000001",
  wifi: [{ ssid: "home", password: "secret-secret" }],
  gateway: { address: "192.168.1.2", port: 5683 },
  labels: [],
  lifetimeSeconds: 60,
  providers: [{ class: "scd30-sensor", id: "scd30-1", sda: "D21", scl: "D22" }],
};

/**
 * A runtime that only says that it has registered, in files large enough to be sent in pieces.
 * @param text in all files, which tells one runtime from another
 */
export function registeringRuntime(text: string): RuntimeFiles {
  const boot = `eval(require("Storage").read("edgeless"));//${text}`;
  const script = `setTimeout(function(){print("edgeless 3 registered as rd/1")},50);//${text}`;
  return {
    version: "1",
    files: [
      { name: ".boot0", bytes: Buffer.from(boot.padEnd(1_300)) },
      { name: "edgeless", bytes: Buffer.from(script.padEnd(1_500, "x")) },
      { name: "edgeless.cold", bytes: Buffer.from(text.repeat(300)) },
    ],
  };
}
