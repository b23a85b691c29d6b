import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** A serial port as Linux describes it in its device tree. */
export interface LinuxPort {
  readonly path: string;
  readonly vendorId: string;
  readonly productId: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
}

/** How far above a port the USB device stands that it belongs to. */
const LEVELS = 4;

/**
 * The USB serial ports of a Linux without udev, as in a container.
 * @param classes folder of the serial ports in sysfs
 */
export function listLinuxPorts(classes = "/sys/class/tty", devices = "/dev"): readonly LinuxPort[] {
  if (!existsSync(classes)) return [];
  return readdirSync(classes)
    .filter((name) => /^tty(USB|ACM)\d+$/.test(name) && existsSync(join(devices, name)))
    .map((name) => ({ path: join(devices, name), ...usbDevice(realpathSync(join(classes, name))) }));
}

function usbDevice(folder: string): Omit<LinuxPort, "path"> {
  let at = folder;
  for (let level = 0; level <= LEVELS && !existsSync(join(at, "idVendor")); level++) at = join(at, "..");
  const read = (name: string) => {
    const file = join(at, name);
    return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  };
  return {
    vendorId: read("idVendor"),
    productId: read("idProduct"),
    serialNumber: read("serial"),
    manufacturer: read("manufacturer"),
  };
}
