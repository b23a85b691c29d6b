import type { I2cBus } from "../embedded/hardware.js";

/** A device on an emulated I2C bus. */
export interface I2cDevice {
  write(bytes: Uint8Array): void;
  /** Gives exactly `count` bytes. */
  read(count: number): Uint8Array;
}

/** An I2C bus whose devices are attached by whoever emulates them; an address without a device does not acknowledge. */
export class EmulatedI2cBus implements I2cBus {
  readonly #devices = new Map<number, I2cDevice>();

  attach(address: number, device: I2cDevice): void {
    this.#devices.set(address, device);
  }

  detach(address: number): void {
    this.#devices.delete(address);
  }

  write(address: number, bytes: Uint8Array): void {
    this.#device(address).write(bytes);
  }

  read(address: number, count: number): Uint8Array {
    return this.#device(address).read(count);
  }

  #device(address: number): I2cDevice {
    const device = this.#devices.get(address);
    if (device === undefined) throw new Error(`no device acknowledges address 0x${address.toString(16)}`);
    return device;
  }
}

/** A device with registers: a write of one byte sets the register, further bytes go there, and reads continue there. */
export class I2cRegisters implements I2cDevice {
  readonly registers = new Uint8Array(256);
  #at = 0;

  write(bytes: Uint8Array): void {
    const [register, ...values] = bytes;
    if (register === undefined) return;
    this.#at = register;
    for (const value of values) this.registers[this.#at++ & 0xff] = value;
  }

  read(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.registers[this.#at++ & 0xff] ?? 0);
  }
}
