import { provisionBoard } from "../../esp32/tools/provision-board.js";
import { readRuntimeFiles } from "../../esp32/tools/runtime-files.js";
import { systemClock } from "../../platform/system-clock.js";
import { numberOption } from "../emulate/emulate-options.js";
import type { Output } from "../output.js";
import type { PortOptions } from "./choose-port.js";
import { chooseSettings, type SettingsOptions } from "./provision-settings.js";
import { runtimeFolder } from "./runtime-folder.js";
import { settingsSources } from "./settings-sources.js";
import { withPort } from "./with-port.js";

export interface ProvisionOptions extends PortOptions, SettingsOptions {
  readonly clear?: boolean;
  readonly wait: string;
  readonly runtime?: string;
}

/** Provisions a board. @throws EdgelessError when an option is wrong or a step fails */
export async function runProvision(options: ProvisionOptions, output: Output): Promise<void> {
  const runtime = readRuntimeFiles(options.runtime ?? runtimeFolder());
  const waitMs = numberOption(options.wait, "--wait", 0, 3_600) * 1000;
  const sources = settingsSources(output);
  await withPort(options, output, undefined, async (port, bar) => {
    const done = await provisionBoard(
      port,
      systemClock,
      {
        runtime,
        settings: (interpreter, previous) => chooseSettings(options, interpreter, previous, sources),
        bluetooth: options.ble,
        clear: options.clear === true,
        waitMs,
      },
      {
        note: (text) => {
          bar.clear();
          output.note(text);
        },
        progress: (file, sent, total) => bar.show(file, sent, total),
      },
    );
    bar.clear();
    const { name, node, gateway } = done.settings;
    const state =
      done.registration === undefined
        ? "is provisioned"
        : `has registered with ${gateway.address}:${gateway.port} as ${done.registration}`;
    output.result(`board ${name} (node ${node}) ${state}`, {
      name,
      node,
      gateway,
      firmware: done.firmware,
      written: done.written,
      ...(done.registration === undefined ? {} : { registration: done.registration }),
    });
  });
}
