import { type ESPLoader, ESPRESSIF_VID, USB_JTAG_SERIAL_PID } from "esptool-js";

/** Registers of the watchdogs of a chip with its own USB (Espressif, Technical Reference Manuals, "Low-Power Management"). */
interface WatchdogRegisters {
  readonly timerConfig: number;
  readonly timerLock: number;
  readonly superConfig: number;
  readonly superLock: number;
}

const REGISTERS: Readonly<Record<string, WatchdogRegisters>> = {
  "ESP32-C3": {
    timerConfig: 0x60008090,
    timerLock: 0x600080a8,
    superConfig: 0x600080ac,
    superLock: 0x600080b0,
  },
  "ESP32-S3": {
    timerConfig: 0x60008098,
    timerLock: 0x600080b0,
    superConfig: 0x600080b4,
    superLock: 0x600080b8,
  },
};

/** Values that open the locks, and the bit that feeds the super watchdog by itself. */
const TIMER_KEY = 0x50d83aa1;
const SUPER_KEY = 0x8f1d312a;
const FEEDS_ITSELF = 0x80000000;

/**
 * Quiets the watchdogs of a chip whose loader is reached through the USB inside it: that reset leaves them running, and one would
 * restart the board while it is flashed. Without effect on other lines and chips.
 */
export async function quietWatchdogs(loader: ESPLoader): Promise<void> {
  const { transport, chip } = loader;
  const isOwnUsb = transport.getVid() === ESPRESSIF_VID && transport.getPid() === USB_JTAG_SERIAL_PID;
  const registers = REGISTERS[chip.CHIP_NAME];
  if (!isOwnUsb || registers === undefined) return;
  await loader.writeReg(registers.timerLock, TIMER_KEY);
  await loader.writeReg(registers.timerConfig, 0);
  await loader.writeReg(registers.timerLock, 0);
  await loader.writeReg(registers.superLock, SUPER_KEY);
  const config = await loader.readReg(registers.superConfig);
  await loader.writeReg(registers.superConfig, config | FEEDS_ITSELF);
  await loader.writeReg(registers.superLock, 0);
}
