import type { Command } from "commander";
import { deviceClient, withDeviceOptions } from "../device-client.js";
import { alignColumns } from "../format.js";
import { formatDeviceDetail, formatDeviceRow } from "../format-device.js";
import { repositoryFile } from "../repository-file.js";

/** `edgeless device …`: the devices of a gateway, by id, name, or the beginning of an id. */
export function addDeviceCommands(program: Command): void {
  const device = program.command("device").description("see and name the devices of a gateway");

  withDeviceOptions(device.command("list").description("print the devices, one a line")).action(
    async (_options: unknown, command: Command) => {
      const { output, gateway } = deviceClient(command);
      const devices = await gateway.list();
      output.result(alignColumns(devices.map(formatDeviceRow)), devices);
    },
  );

  withDeviceOptions(
    device.command("inspect <DEVICE>").description("print all that is known of a device and what runs on it"),
  ).action(async (key: string, _options: unknown, command: Command) => {
    const { output, gateway } = deviceClient(command);
    const detail = await gateway.inspect(key);
    output.result(formatDeviceDetail(detail), detail);
  });

  withDeviceOptions(
    device.command("logs <DEVICE>").description("print the newest log lines of the functions on a device"),
  )
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .action(async (key: string, options: { follow?: boolean }, command: Command) => {
      const { output, gateway } = deviceClient(command);
      await gateway.logs(key, options.follow === true, (line) => {
        output.result(`${line.time} ${line.level} ${line.name} ${line.target}: ${line.message}`, line);
      });
    });

  withDeviceOptions(
    device.command("rename <DEVICE> <NAME>").description("give a device another name"),
  ).action(async (key: string, name: string, _options: unknown, command: Command) => {
    const { output, gateway } = deviceClient(command);
    const renamed = await gateway.rename(key, name);
    output.result(`device ${renamed.id} is now called ${renamed.name}`, renamed);
  });

  withDeviceOptions(
    device
      .command("update <DEVICE>")
      .description("bring a new firmware to a device over the air, and wait until it has registered with it"),
  )
    .option("--firmware <DIR>", "folder with a firmware.json; default: the firmware of this program")
    .action(async (key: string, options: { firmware?: string }, command: Command) => {
      const { output, gateway } = deviceClient(command);
      const { updateDevice } = await import("../update-device.js");
      await updateDevice(key, options.firmware ?? repositoryFile("dist/firmware"), gateway, output);
    });

  withDeviceOptions(
    device.command("forget <DEVICE>").description("withdraw a device and forget what should run on it"),
  ).action(async (key: string, _options: unknown, command: Command) => {
    const { output, gateway } = deviceClient(command);
    const forgotten = await gateway.forget(key);
    output.result(`device ${forgotten} forgotten`, { forgotten });
  });
}
