import { externalAddresses } from "../../platform/announced-url.js";
import { systemRandom } from "../../platform/system-random.js";
import type { Output } from "../output.js";
import type { SettingsSources } from "./provision-settings.js";
import { terminalQuestions } from "./questions.js";

/** The terminal, the network and the environment of this process. */
export function settingsSources(output: Output): SettingsSources {
  return {
    random: systemRandom,
    questions: terminalQuestions(process.stdin, process.stderr),
    addresses: externalAddresses(),
    wifiPassword: process.env.EDGELESS_WIFI_PASSWORD,
    note: (text) => output.note(text),
  };
}
