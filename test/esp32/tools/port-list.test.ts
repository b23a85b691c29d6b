import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { listLinuxPorts } from "../../../esp32/tools/linux-ports.js";
import { boardOfUsb } from "../../../esp32/tools/port-list.js";

t.test("given USB ids, when a board is looked up, then chips on ESP32 boards are known", async (t) => {
  t.equal(boardOfUsb("10C4", "EA60"), "ESP32 board with CP210x");
  t.equal(boardOfUsb("303a", "1001"), "ESP32 with its own USB (C3, S3, C6)");
  t.equal(boardOfUsb("303a", "8000"), "ESP32 with its own USB");
  t.equal(boardOfUsb("046d", "c52b"), undefined);
});

t.test("given a Linux without udev, when ports are listed, then its device tree tells them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "edgeless-tty-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const usb = join(folder, "devices/usb1/1-2");
  const port = join(usb, "1-2:1.0/ttyUSB0/tty/ttyUSB0");
  mkdirSync(port, { recursive: true });
  for (const [name, text] of Object.entries({ idVendor: "10c4", idProduct: "ea60", serial: "0001" }))
    writeFileSync(join(usb, name), `${text}\n`);
  const classes = join(folder, "class");
  const devices = join(folder, "dev");
  mkdirSync(classes);
  mkdirSync(devices);
  symlinkSync(port, join(classes, "ttyUSB0"));
  mkdirSync(join(classes, "tty0"));
  mkdirSync(join(classes, "ttyUSB1"));
  writeFileSync(join(devices, "ttyUSB0"), "");
  t.same(listLinuxPorts(classes, devices), [
    {
      path: join(devices, "ttyUSB0"),
      vendorId: "10c4",
      productId: "ea60",
      serialNumber: "0001",
      manufacturer: "",
    },
  ]);
  t.same(listLinuxPorts(join(folder, "none"), devices), []);
});
